// BullMQ: queues with delayed, repeated, failing and limited jobs, families of jobs, a worker that dies at work.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const Redis = require("ioredis");
const { assert, check, until, main, server } = require("./_tap.js");

module.exports = (packageName) => {
  const bull = require(packageName);
  if (process.argv[2] === "stuck") return beStuck(bull, process.argv[3]);
  main(() => drive(bull));
};

const connection = { ...server, maxRetriesPerRequest: null };

/** What the process does that is killed: it takes a job and never ends it. */
function beStuck({ Worker }, name) {
  const stuck = () => {
    console.log("started");
    return new Promise(() => {});
  };
  new Worker(name, stuck, { connection, lockDuration: 500, stalledInterval: 100 });
}

/** A queue of its own for each check, with its workers and listeners; all are closed in the end. */
class Bench {
  constructor(bull, name) {
    this.bull = bull;
    this.name = name;
    this.queue = new bull.Queue(name, { connection });
    this.open = [this.queue];
  }

  worker(processor, options = {}) {
    const settings = { connection, drainDelay: 1, ...options };
    const worker = new this.bull.Worker(this.name, processor, settings);
    this.open.unshift(worker);
    return worker;
  }

  async events() {
    const events = new this.bull.QueueEvents(this.name, { connection });
    this.open.unshift(events);
    await events.waitUntilReady();
    return events;
  }

  async counts(expected) {
    const states = Object.keys(expected);
    const wanted = JSON.stringify(expected);
    await until(`${this.name}: ${wanted}`, async () => {
      const counts = await this.queue.getJobCounts(...states);
      return states.every((state) => counts[state] === expected[state]);
    });
  }

  async close() {
    for (const part of this.open) await part.close();
  }
}

async function drive(bull) {
  const bench = async (name, title, body) => {
    const place = new Bench(bull, name);
    await check(title, () => body(place));
    await place.close();
  };
  await bench("plain", "a job is done, its result and progress are seen", plain);
  await bench("many", "two workers do 2000 jobs once each", many);
  await bench("delayed", "delayed jobs run in the order of their times and none early", delayed);
  await bench("promoted", "a delayed job can be moved, promoted and removed", promoted);
  await bench("failing", "failing jobs are tried again after growing pauses", failing);
  await bench("lost", "a job out of attempts keeps its reason and can be retried by hand", lost);
  await bench("repeated", "a scheduler makes as many jobs as it is told", repeated);
  await bench("priorities", "jobs run by priority and in order within one", priorities);
  await bench("family", "a parent runs after its children and sees their results", family);
  await bench("orphaned", "a child that fails can fail its parents", orphaned);
  await bench("limited", "a limit on the rate holds", limited);
  await bench("paused", "a paused queue keeps its jobs", paused);
  await bench("unique", "a deduplicated job is added once", unique);
  await bench("kept", "only so many completed jobs are kept", kept);
  await bench("killed", "the job of a killed worker is picked up again", killed);
  await bench("drained", "drain, clean and obliterate leave nothing", drained);
}

async function plain(place) {
  const { queue } = place;
  const seen = await place.events();
  const progress = [];
  seen.on("progress", ({ data }) => progress.push(data));
  place.worker(async (job) => {
    await job.updateProgress(50);
    await job.log("halfway");
    await job.updateData({ ...job.data, touched: true });
    return { sum: job.data.a + job.data.b };
  });
  const job = await queue.add("sum", { a: 2, b: 3, text: "ünï\u0000code" });
  assert.deepEqual(await job.waitUntilFinished(seen), { sum: 5 });
  await until("the progress", () => progress.length === 1);
  const stored = await queue.getJob(job.id);
  assert.deepEqual(stored.data, { a: 2, b: 3, text: "ünï\u0000code", touched: true });
  assert.deepEqual([stored.progress, await stored.getState()], [50, "completed"]);
  assert.deepEqual(await queue.getJobLogs(job.id), { logs: ["halfway"], count: 1 });
}

async function many(place) {
  const runs = new Map();
  const processor = async (job) => void runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
  const jobs = Array.from({ length: 2000 }, (_, index) => ({ name: "n", data: { index } }));
  const added = await place.queue.addBulk(jobs);
  place.worker(processor, { concurrency: 50 });
  place.worker(processor, { concurrency: 50 });
  await place.counts({ completed: 2000, waiting: 0, active: 0 });
  assert.deepEqual(new Set(runs.keys()), new Set(added.map((job) => job.id)));
  assert([...runs.values()].every((count) => count === 1));
}

async function delayed(place) {
  const order = [];
  place.worker(async (job) => void order.push([job.name, Date.now() - job.timestamp]));
  for (const delay of [600, 200, 400]) await place.queue.add(String(delay), {}, { delay });
  await place.counts({ completed: 3 });
  assert.deepEqual(order.map(([name]) => name), ["200", "400", "600"]);
  for (const [name, after] of order) assert(after >= Number(name) - 1, `${name} ran after ${after} ms`);
}

async function promoted(place) {
  const hour = 3_600_000;
  const [first, second, third] = await place.queue.addBulk(
    ["first", "second", "third"].map((name) => ({ name, data: {}, opts: { delay: hour } })),
  );
  await place.counts({ delayed: 3 });
  await first.changeDelay(10);
  await second.promote();
  await third.remove();
  const done = [];
  place.worker(async (job) => void done.push(job.name));
  await place.counts({ completed: 2, delayed: 0 });
  assert.deepEqual(done.sort(), ["first", "second"]);
  assert.equal(await place.queue.getJob(third.id), undefined);
}

async function failing(place) {
  const starts = [];
  place.worker(async (job) => {
    starts.push(Date.now());
    if (job.attemptsMade < 3) throw new Error(`attempt ${job.attemptsMade}`);
    return "at last";
  });
  const job = await place.queue.add("f", {}, { attempts: 4, backoff: { type: "exponential", delay: 60 } });
  await place.counts({ completed: 1 });
  const stored = await place.queue.getJob(job.id);
  assert.deepEqual([stored.returnvalue, stored.attemptsMade, stored.stacktrace.length], ["at last", 4, 3]);
  const pauses = starts.slice(1).map((start, index) => start - starts[index]);
  [60, 120, 240].forEach((pause, index) => assert(pauses[index] >= pause - 2, String(pauses)));
}

async function lost(place) {
  let broken = true;
  place.worker(async () => {
    if (broken) throw new Error("broken: \"quoted\"");
    return "repaired";
  });
  const job = await place.queue.add("l", {}, { attempts: 2, backoff: 1 });
  await place.counts({ failed: 1 });
  const [stored] = await place.queue.getFailed();
  assert.deepEqual([stored.id, stored.failedReason, stored.attemptsMade], [job.id, 'broken: "quoted"', 2]);
  broken = false;
  await stored.retry();
  await place.counts({ completed: 1, failed: 0 });
}

async function repeated(place) {
  const times = [];
  place.worker(async (job) => void times.push([job.name, job.data.n]));
  await place.queue.upsertJobScheduler("tick", { every: 80, limit: 5 }, { name: "tick", data: { n: 1 } });
  await place.queue.upsertJobScheduler("yearly", { pattern: "0 0 1 1 *" }, { name: "yearly" });
  await place.counts({ completed: 5 });
  assert.deepEqual(times, Array.from({ length: 5 }, () => ["tick", 1]));
  const yearly = (await place.queue.getJobSchedulers()).find(({ key }) => key === "yearly");
  assert.equal(new Date(yearly.next).getMonth(), 0);
  assert.equal(await place.queue.removeJobScheduler("yearly"), true);
  assert.equal(await place.queue.getDelayedCount(), 0);
}

async function priorities(place) {
  const order = [];
  await place.queue.pause();
  for (const priority of [5, 1, 3, 1, 2_000_000, 0]) {
    await place.queue.add("p", { priority, at: order.length }, { priority });
  }
  const raised = await place.queue.add("raised", { priority: 2 }, { priority: 9 });
  await raised.changePriority({ priority: 2 });
  place.worker(async (job) => void order.push(job.data.priority));
  await place.queue.resume();
  await place.counts({ completed: 7, prioritized: 0 });
  assert.deepEqual(order, [0, 1, 1, 2, 3, 5, 2_000_000]);
}

async function family(place) {
  const producer = new place.bull.FlowProducer({ connection });
  place.open.unshift(producer);
  place.worker(
    async (job) => {
      if (job.name === "leaf") return job.data.value;
      const values = Object.values(await job.getChildrenValues());
      return values.reduce((sum, value) => sum + value, 0);
    },
    { concurrency: 4 },
  );
  const leaf = (value) => ({ name: "leaf", queueName: place.name, data: { value } });
  const branch = (...values) => ({ name: "branch", queueName: place.name, children: values.map(leaf) });
  const children = [branch(1, 2, 3), branch(4, 5), leaf(100)];
  const tree = await producer.add({ name: "root", queueName: place.name, children });
  await place.counts({ completed: 9, "waiting-children": 0 });
  assert.equal((await place.queue.getJob(tree.job.id)).returnvalue, 115);
  const known = await producer.getFlow({ id: tree.job.id, queueName: place.name });
  assert.equal(known.children.length, 3);
}

async function orphaned(place) {
  const producer = new place.bull.FlowProducer({ connection });
  place.open.unshift(producer);
  place.worker(async (job) => {
    if (job.data.bad) throw new Error("bad leaf");
  });
  const opts = { failParentOnFailure: true };
  const leaf = { name: "leaf", queueName: place.name, data: { bad: true }, opts };
  const branch = { name: "branch", queueName: place.name, opts, children: [leaf] };
  const tree = await producer.add({ name: "root", queueName: place.name, children: [branch] });
  await place.counts({ failed: 3 });
  const root = await place.queue.getJob(tree.job.id);
  assert.match(root.failedReason, /child .* failed/);
}

async function limited(place) {
  const started = Date.now();
  await place.queue.addBulk(Array.from({ length: 20 }, () => ({ name: "l", data: {} })));
  const times = [];
  const limiter = { max: 5, duration: 200 };
  place.worker(async () => void times.push(Date.now() - started), { limiter, concurrency: 20 });
  await place.counts({ completed: 20 });
  for (const window of [1, 2, 3]) {
    assert(times[window * 5] >= window * 200 - 2, `the limit did not hold: ${times}`);
  }
}

async function paused(place) {
  const done = [];
  const worker = place.worker(async (job) => void done.push(job.id));
  await worker.waitUntilReady();
  await place.queue.pause();
  assert.equal(await place.queue.isPaused(), true);
  await place.queue.addBulk(Array.from({ length: 10 }, () => ({ name: "p", data: {} })));
  const other = new Bench(place.bull, "paused-beside");
  other.worker(async () => {});
  await other.queue.add("beside", {});
  await other.counts({ completed: 1 });
  await other.close();
  assert.deepEqual([done.length, await place.queue.count()], [0, 10]);
  await place.queue.resume();
  await place.counts({ completed: 10 });
}

async function unique(place) {
  const add = () => place.queue.add("u", {}, { deduplication: { id: "only" } });
  const [first, second] = [await add(), await add()];
  assert.equal(first.id, second.id);
  const named = await place.queue.add("n", {}, { jobId: "named" });
  assert.equal((await place.queue.add("n", {}, { jobId: "named" })).id, named.id);
  place.worker(async () => {});
  await place.counts({ completed: 2 });
  await add();
  await place.counts({ completed: 3 });
}

async function kept(place) {
  place.worker(async () => {});
  const opts = { removeOnComplete: { count: 3 } };
  await place.queue.addBulk(Array.from({ length: 10 }, () => ({ name: "k", data: {}, opts })));
  const events = await place.events();
  const last = await place.queue.add("last", {}, opts);
  await last.waitUntilFinished(events);
  await place.counts({ completed: 3, waiting: 0, active: 0 });
}

async function killed(place) {
  const job = await place.queue.add("k", {});
  const child = spawn(process.execPath, [process.argv[1], "stuck", place.name], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  assert.equal(await job.getState(), "active");
  child.kill("SIGKILL");
  await once(child, "exit");
  const stalled = [];
  const worker = place.worker(async () => "rescued", { lockDuration: 500, stalledInterval: 100 });
  worker.on("stalled", (id) => stalled.push(id));
  await place.counts({ completed: 1, active: 0 });
  const stored = await place.queue.getJob(job.id);
  assert.deepEqual([stored.returnvalue, stored.stalledCounter], ["rescued", 1]);
  await until("the event", () => stalled.length === 1);
  assert.deepEqual(stalled, [job.id]);
}

async function drained(place) {
  const jobs = Array.from({ length: 100 }, (_, index) => ({ name: "d", data: {}, opts: { delay: index % 2 ? 0 : 60_000 } }));
  await place.queue.addBulk(jobs);
  await place.queue.drain();
  await place.counts({ waiting: 0, delayed: 50 });
  await place.queue.drain(true);
  await place.counts({ delayed: 0 });
  const worker = place.worker(async () => {});
  await place.queue.addBulk(jobs.slice(0, 40).map(({ name, data }) => ({ name, data })));
  await place.counts({ completed: 40 });
  assert.equal((await place.queue.clean(0, 10, "completed")).length, 10);
  await place.counts({ completed: 30 });
  await worker.close();
  await place.queue.addBulk(jobs);
  await place.queue.obliterate();
  const client = new Redis(connection);
  assert.deepEqual(await client.keys("bull:drained:*"), []);
  client.disconnect();
}
