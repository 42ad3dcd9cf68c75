// Bull, BullMQ's predecessor: delayed, repeated, failing and limited jobs, and a worker that dies at work.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const Redis = require("ioredis");
const Bull = require("bull");
const { assert, check, until, main, server } = require("./_tap.js");

const settings = { lockDuration: 500, stalledInterval: 100, guardInterval: 50 };
const queues = [];

function open(name, options = {}) {
  const queue = new Bull(name, { redis: server, ...options });
  // Every awaited job listens.
  queue.setMaxListeners(0);
  queues.push(queue);
  return queue;
}

async function counts(queue, expected) {
  await until(`${queue.name}: ${JSON.stringify(expected)}`, async () => {
    const found = await queue.getJobCounts();
    return Object.entries(expected).every(([state, count]) => found[state] === count);
  });
}

if (process.argv[2] === "stuck") {
  const stuck = () => {
    console.log("started");
    return new Promise(() => {});
  };
  open("killed", { settings }).process(stuck);
} else {
  main(drive);
}

async function drive() {
  await check("jobs are done in order and their results are seen", plain);
  await check("delayed jobs run in the order of their times and none early", delayed);
  await check("a failing job is tried again and then given up", failing);
  await check("a repeated job runs as often as it is told", repeated);
  await check("jobs run by priority", priorities);
  await check("a limit on the rate holds", limited);
  await check("a paused queue keeps its jobs", paused);
  await check("the job of a killed worker is picked up again", killed);
  await check("obliterate leaves nothing", obliterated);
  await Promise.all(queues.map((queue) => queue.close()));
}

async function plain() {
  const queue = open("plain");
  queue.process(10, async (job) => {
    await job.progress(42);
    return job.data.n * 2;
  });
  const jobs = await queue.addBulk(Array.from({ length: 500 }, (_, n) => ({ data: { n } })));
  const results = await Promise.all(jobs.map((job) => job.finished()));
  assert.deepEqual(results, Array.from({ length: 500 }, (_, n) => n * 2));
  assert.equal((await queue.getJob(jobs[7].id)).progress(), 42);
  await counts(queue, { completed: 500, waiting: 0, active: 0 });
}

async function delayed() {
  const queue = open("delayed");
  const order = [];
  queue.process(async (job) => void order.push([job.data, Date.now() - job.timestamp]));
  for (const delay of [450, 150, 300]) await queue.add(delay, { delay });
  await counts(queue, { completed: 3, delayed: 0 });
  assert.deepEqual(order.map(([delay]) => delay), [150, 300, 450]);
  for (const [delay, after] of order) assert(after >= delay - 1, `${delay} ran after ${after} ms`);
}

async function failing() {
  const queue = open("failing");
  let runs = 0;
  queue.process(async () => {
    runs += 1;
    throw new Error("never");
  });
  const job = await queue.add({}, { attempts: 3, backoff: 20 });
  await assert.rejects(job.finished(), /never/);
  const [failed] = await queue.getFailed();
  assert.deepEqual([runs, failed.attemptsMade, failed.failedReason], [3, 3, "never"]);
}

async function repeated() {
  const queue = open("repeated");
  let runs = 0;
  queue.process(async () => void (runs += 1));
  await queue.add({}, { repeat: { every: 80, limit: 4 } });
  await counts(queue, { completed: 4, delayed: 0 });
  assert.equal(runs, 4);
}

async function priorities() {
  const queue = open("priorities");
  const order = [];
  await queue.pause();
  for (const priority of [4, 1, 3, 2]) await queue.add(priority, { priority });
  queue.process(async (job) => void order.push(job.data));
  await queue.resume();
  await counts(queue, { completed: 4 });
  assert.deepEqual(order, [1, 2, 3, 4]);
}

async function limited() {
  const queue = open("limited", { limiter: { max: 5, duration: 200 } });
  const started = Date.now();
  await queue.addBulk(Array.from({ length: 15 }, () => ({ data: {} })));
  queue.process(async () => {});
  await counts(queue, { completed: 15 });
  assert(Date.now() - started >= 400, "the limit did not hold");
}

async function paused() {
  const queue = open("paused");
  queue.process(async () => {});
  await queue.pause();
  await queue.addBulk(Array.from({ length: 10 }, () => ({ data: {} })));
  await counts(queue, { paused: 10, completed: 0 });
  await queue.resume();
  await counts(queue, { completed: 10, paused: 0 });
}

async function killed() {
  const queue = open("killed", { settings });
  await queue.add({});
  const child = spawn(process.execPath, [__filename, "stuck"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  const stalled = [];
  queue.on("stalled", (job) => stalled.push(job.id));
  queue.process(async () => "rescued");
  await counts(queue, { completed: 1, active: 0 });
  assert.equal((await queue.getCompleted())[0].returnvalue, "rescued");
}

async function obliterated() {
  const queue = open("obliterated");
  await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ data: {}, opts: { delay: n % 2 ? 60_000 : 0 } })));
  await queue.obliterate();
  const client = new Redis(server);
  assert.deepEqual(await client.keys("bull:obliterated:*"), []);
  client.disconnect();
}
