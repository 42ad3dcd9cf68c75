// rate-limiter-flexible: fixed windows by its script, blocks, penalties, bursts, with both clients.
"use strict";

const Redis = require("ioredis");
const { createClient } = require("redis");
const { RateLimiterRedis, BurstyRateLimiter, RateLimiterQueue } = require("rate-limiter-flexible");
const { assert, check, main, server } = require("./_tap.js");

main(async () => {
  const ioredis = new Redis(server);
  const redis = await createClient({ socket: server }).connect();
  for (const [name, storeClient] of [["ioredis", ioredis], ["redis", redis]]) {
    const limiter = (options) => new RateLimiterRedis({ storeClient, useRedisPackage: name === "redis", keyPrefix: name, ...options });

    await check(`${name}: of many at once so many pass as there are points`, async () => {
      const limited = limiter({ points: 25, duration: 60 });
      const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => limited.consume("crowd")));
      const passed = outcomes.filter(({ status }) => status === "fulfilled");
      assert.equal(passed.length, 25);
      const remaining = passed.map(({ value }) => value.remainingPoints).sort((a, b) => a - b);
      assert.deepEqual(remaining, Array.from({ length: 25 }, (_, index) => index));
      const refused = outcomes.find(({ status }) => status === "rejected").reason;
      assert(refused.msBeforeNext > 0 && refused.msBeforeNext <= 60_000);
    });

    await check(`${name}: a block outlasts the window, and ends by hand`, async () => {
      const limited = limiter({ points: 1, duration: 1, blockDuration: 600 });
      await limited.consume("blocked");
      const refused = await limited.consume("blocked").catch((reason) => reason);
      assert(refused.msBeforeNext > 590_000);
      await limited.delete("blocked");
      assert.equal((await limited.consume("blocked")).consumedPoints, 1);
    });

    await check(`${name}: penalties, rewards and set points`, async () => {
      const limited = limiter({ points: 10, duration: 60 });
      assert.equal((await limited.penalty("p", 4)).consumedPoints, 4);
      assert.equal((await limited.reward("p", 1)).consumedPoints, 3);
      assert.equal((await limited.get("p")).remainingPoints, 7);
      await limited.set("p", 10, 60);
      await assert.rejects(limited.consume("p"), (reason) => reason.remainingPoints === 0);
      assert.equal(await limited.get("nobody"), null);
    });

    await check(`${name}: a window ends`, async () => {
      const limited = limiter({ points: 1, duration: 1 });
      await limited.consume("short");
      const queue = new RateLimiterQueue(limited);
      assert.equal(await queue.removeTokens(1, "short"), 0);
    });

    await check(`${name}: bursts come on top`, async () => {
      const bursty = new BurstyRateLimiter(
        limiter({ points: 2, duration: 60 }),
        limiter({ keyPrefix: `${name}-burst`, points: 3, duration: 60 }),
      );
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => bursty.consume("b")));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 5);
    });
  }
  ioredis.disconnect();
  await redis.close();
});
