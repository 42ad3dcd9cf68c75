// connect-redis: the sessions of express, with node-redis.
"use strict";

const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");
const { assert, check, main, server } = require("./_tap.js");

main(async () => {
  const client = await createClient({ socket: server }).connect();
  const store = new RedisStore({ client, prefix: "sess:", ttl: 100, scanCount: 10 });
  const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000).toISOString() };

  await check("a session is stored, found, touched and destroyed", async () => {
    assert(store instanceof session.Store);
    await store.set("a", { user: "ada", cookie });
    assert.deepEqual((await store.get("a")).user, "ada");
    const ttl = await client.ttl("sess:a");
    assert(ttl > 10 && ttl <= 60, String(ttl));
    await store.set("b", { user: "bob" });
    assert(await client.ttl("sess:b") > 80);
    await client.expire("sess:b", 60);
    await store.touch("b", { user: "bob" });
    assert(await client.ttl("sess:b") > 80);
    await store.destroy("a");
    assert.equal((await store.get("a")) ?? null, null);
  });

  await check("many sessions are listed, counted and cleared", async () => {
    await store.clear();
    for (let index = 0; index < 120; index += 1) await store.set(`s${index}`, { index });
    assert.equal(await store.length(), 120);
    assert.equal(new Set(await store.ids()).size, 120);
    const indexes = (await store.all()).map(({ index }) => index).sort((a, b) => a - b);
    assert.deepEqual(indexes, Array.from({ length: 120 }, (_, index) => index));
    await client.set("other", "kept");
    await store.clear();
    assert.equal(await store.length(), 0);
    assert.equal(await client.get("other"), "kept");
  });

  await client.close();
});
