// Bee-Queue: jobs with retries, delays and events, many at once, and a worker that dies at work.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const Queue = require("bee-queue");
const { assert, check, until, main, server } = require("./_tap.js");

const queues = [];

function open(name, options = {}) {
  const queue = new Queue(name, { redis: server, activateDelayedJobs: true, stallInterval: 300, ...options });
  queues.push(queue);
  return queue;
}

if (process.argv[2] === "stuck") {
  const stuck = () => {
    console.log("started");
    return new Promise(() => {});
  };
  open("killed").process(stuck);
} else {
  main(drive);
}

async function drive() {
  await check("a thousand jobs are done once each", many);
  await check("results, progress and failures come back as events", events);
  await check("a failing job is tried again with backoff", failing);
  await check("delayed jobs run in the order of their times and none early", delayed);
  await check("the job of a killed worker is picked up again", killed);
  await check("health is counted and destroy leaves nothing", destroyed);
  await Promise.all(queues.map((queue) => queue.close(100)));
}

async function many() {
  const queue = open("many");
  const runs = new Map();
  queue.process(20, async (job) => void runs.set(job.id, (runs.get(job.id) ?? 0) + 1));
  const jobs = Array.from({ length: 1000 }, (_, n) => queue.createJob({ n }));
  const errors = await queue.saveAll(jobs);
  assert.equal(errors.size, 0);
  await until("all jobs", async () => (await queue.checkHealth()).succeeded === 1000);
  assert.equal(runs.size, 1000);
  assert([...runs.values()].every((count) => count === 1));
}

async function events() {
  const queue = open("events");
  await queue.ready();
  queue.process(async (job) => {
    job.reportProgress({ at: 50 });
    if (job.data.bad) throw new Error("bad data");
    return job.data.x + 1;
  });
  const progress = [];
  const good = queue.createJob({ x: 1 });
  good.on("progress", (report) => progress.push(report));
  const succeeded = once(good, "succeeded");
  await good.save();
  assert.deepEqual(await succeeded, [2]);
  await until("progress", () => progress.length === 1);
  assert.deepEqual(progress, [{ at: 50 }]);
  const bad = queue.createJob({ bad: true });
  const failed = once(bad, "failed");
  await bad.save();
  assert.match((await failed)[0].message, /bad data/);
}

async function failing() {
  const queue = open("failing");
  const starts = [];
  queue.process(async () => {
    starts.push(Date.now());
    if (starts.length < 3) throw new Error("again");
    return "done";
  });
  const job = queue.createJob({}).retries(3).backoff("fixed", 80);
  const succeeded = once(job, "succeeded");
  await job.save();
  assert.deepEqual(await succeeded, ["done"]);
  assert(starts[1] - starts[0] >= 78 && starts[2] - starts[1] >= 78, String(starts));
}

async function delayed() {
  const queue = open("delayed");
  const begun = Date.now();
  const order = [];
  queue.process(async (job) => void order.push([job.data, Date.now() - begun]));
  for (const delay of [450, 150, 300]) await queue.createJob(delay).delayUntil(begun + delay).save();
  await until("all jobs", () => order.length === 3);
  assert.deepEqual(order.map(([delay]) => delay), [150, 300, 450]);
  for (const [delay, after] of order) assert(after >= delay - 1, `${delay} ran after ${after} ms`);
}

async function killed() {
  const queue = open("killed");
  await queue.createJob({}).save();
  const child = spawn(process.execPath, [__filename, "stuck"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  queue.process(async () => "rescued");
  // One check marks the job, a later one finds it still marked.
  await until("the job", async () => {
    await queue.checkStalledJobs();
    return (await queue.checkHealth()).succeeded === 1;
  });
}

async function destroyed() {
  const queue = open("destroyed", { isWorker: false });
  await queue.saveAll(Array.from({ length: 10 }, (_, n) => queue.createJob({ n })));
  await queue.createJob({}).delayUntil(Date.now() + 60_000).save();
  const health = await queue.checkHealth();
  assert.deepEqual([health.waiting, health.delayed, health.newestJob], [10, 1, 11]);
  await queue.destroy();
  const after = await queue.checkHealth();
  assert.deepEqual([after.waiting, after.delayed, after.newestJob], [0, 0, 0]);
}
