// Redlock: a lock over several databases, extended and released by scripts.
"use strict";

const Redis = require("ioredis");
const Redlock = require("redlock");
const { assert, check, main, server } = require("./_tap.js");

main(async () => {
  const clients = [0, 1, 2].map((db) => new Redis({ ...server, db }));
  const lock = new Redlock(clients, { retryCount: 0 });
  const patient = new Redlock(clients, { retryCount: -1, retryDelay: 5, retryJitter: 5 });

  await check("a lock excludes others until it is released", async () => {
    const mine = await lock.lock("printer", 10_000);
    await assert.rejects(lock.lock("printer", 10_000), { name: "LockError" });
    await mine.unlock();
    await (await lock.lock("printer", 10_000)).unlock();
    for (const client of clients) assert.equal(await client.exists("printer"), 0);
  });

  await check("an extended lock lives longer", async () => {
    const mine = await lock.lock("extended", 20_000);
    const longer = await mine.extend(60_000);
    for (const client of clients) assert(await client.pttl("extended") > 50_000);
    await longer.unlock();
  });

  await check("a lock lost to another holder is neither extended nor released", async () => {
    const mine = await lock.lock("lost", 10_000);
    for (const client of clients) await client.set("lost", "another");
    await assert.rejects(mine.extend(10_000), { name: "LockError" });
    await assert.rejects(mine.unlock(), { name: "LockError" });
    assert.equal(await clients[0].get("lost"), "another");
  });

  await check("several resources are locked together or not at all", async () => {
    const held = await lock.lock("b", 10_000);
    await assert.rejects(lock.lock(["a", "b", "c"], 10_000), { name: "LockError" });
    for (const client of clients) assert.deepEqual(await client.mget("a", "c"), [null, null]);
    await held.unlock();
    await (await lock.lock(["a", "b", "c"], 10_000)).unlock();
  });

  await check("never two inside", async () => {
    let inside = 0;
    let entered = 0;
    const compete = async () => {
      for (let turn = 0; turn < 10; turn += 1) {
        const mine = await patient.lock("room", 60_000);
        inside += 1;
        assert.equal(inside, 1);
        await clients[0].ping();
        entered += 1;
        inside -= 1;
        await mine.unlock();
      }
    };
    await Promise.all(Array.from({ length: 5 }, compete));
    assert.equal(entered, 50);
  });

  await lock.quit();
});
