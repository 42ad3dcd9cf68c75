// Checks, and their report in the lines of the Test Anything Protocol. Waiting is for conditions, never for times.
"use strict";

const assert = require("node:assert/strict");

const LIMIT_MS = 60_000;
let checks = 0;
let failures = 0;

/** Runs one check; what it throws is its failure. */
async function check(name, body) {
  checks += 1;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    await Promise.race([body(), late]);
    console.log(`ok - ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`not ok - ${name}`);
    for (const line of String(error.stack ?? error).split("\n")) console.log(`# ${line}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `condition` answers something true, and answers that. */
async function until(what, condition) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    assert(Date.now() < deadline, `never seen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Runs a driver to its end. */
function main(body) {
  body().then(
    () => {
      console.log(`1..${checks}`);
      process.exit(failures === 0 ? 0 : 1);
    },
    (error) => {
      console.error(error);
      process.exit(2);
    },
  );
}

const server = { host: process.env.REDIS_HOST ?? "127.0.0.1", port: Number(process.env.REDIS_PORT ?? 6379) };

module.exports = { assert, check, until, main, server };
