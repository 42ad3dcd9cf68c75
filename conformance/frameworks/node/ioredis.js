// ioredis: scripts as commands of its own, pipelines, transactions, automatic pipelining.
"use strict";

const Redis = require("ioredis");
const { assert, check, until, main, server } = require("./_tap.js");

const TAKE = `
  local taken = {}
  for index = 1, tonumber(ARGV[1]) do
    local value = redis.call("RPOPLPUSH", KEYS[1], KEYS[2])
    if not value then break end
    taken[#taken + 1] = value
  end
  return taken`;

main(async () => {
  const client = new Redis({ ...server, keyPrefix: "io:", scripts: { take: { lua: TAKE, numberOfKeys: 2 } } });
  const plain = new Redis(server);

  await check("a script is a command, with prefixed keys and buffers", async () => {
    await client.rpush("source", "a", "b", Buffer.from([0, 255]));
    assert.deepEqual(await client.takeBuffer("source", "target", 2), [Buffer.from([0, 255]), Buffer.from("b")]);
    assert.deepEqual(await client.take("source", "target", 9), ["a"]);
    assert.equal(await plain.llen("io:target"), 3);
  });

  await check("a script forgotten by the server is sent again", async () => {
    await plain.script("FLUSH");
    assert.deepEqual(await client.take("source", "target", 1), []);
    client.defineCommand("echoAll", { lua: "return {KEYS[1], ARGV[1], ARGV[2]}" });
    await plain.script("FLUSH");
    assert.deepEqual(await client.echoAll(1, "k", "x", "y"), ["io:k", "x", "y"]);
  });

  await check("scripts run in pipelines and transactions", async () => {
    // Only a single command sends a forgotten script again.
    await client.take("q", "r", 1);
    const piped = await client.pipeline().rpush("q", 1, 2, 3).take("q", "r", 2).llen("q").exec();
    assert.deepEqual(piped, [[null, 3], [null, ["3", "2"]], [null, 1]]);
    const done = await client.multi().take("q", "r", 1).lrange("r", 0, -1).exec();
    assert.deepEqual(done, [[null, ["1"]], [null, ["1", "2", "3"]]]);
  });

  await check("errors of scripts keep their text", async () => {
    client.defineCommand("fails", { numberOfKeys: 0, lua: "return redis.error_reply('MINE because')" });
    client.defineCommand("wrong", { numberOfKeys: 1, lua: "return redis.call('INCR', KEYS[1])" });
    await assert.rejects(client.fails(), { message: "MINE because" });
    await assert.rejects(client.wrong("r"), /WRONGTYPE Operation against a key holding the wrong kind of value/);
  });

  await check("automatic pipelining keeps every answer with its question", async () => {
    const auto = new Redis({ ...server, enableAutoPipelining: true });
    await Promise.all(Array.from({ length: 500 }, (_, n) => auto.set(`auto:${n}`, n)));
    const values = await Promise.all(Array.from({ length: 500 }, (_, n) => auto.get(`auto:${n}`)));
    assert.deepEqual(values, Array.from({ length: 500 }, (_, n) => String(n)));
    auto.disconnect();
  });

  await check("a watched key that changes stops a transaction", async () => {
    await client.watch("w");
    await plain.set("io:w", "theirs");
    assert.equal(await client.multi().set("w", "mine").exec(), null);
    assert.equal(await client.get("w"), "theirs");
  });

  await check("streams of keys, messages and blocked reads arrive", async () => {
    const keys = new Set();
    for await (const batch of plain.scanStream({ match: "auto:*", count: 50 })) batch.forEach((key) => keys.add(key));
    assert.equal(keys.size, 500);
    const reader = new Redis(server);
    const messages = [];
    reader.on("pmessage", (pattern, channel, text) => messages.push([pattern, channel, text]));
    await reader.psubscribe("news.*");
    await plain.publish("news.today", "hello");
    await until("the message", () => messages.length === 1);
    assert.deepEqual(messages, [["news.*", "news.today", "hello"]]);
    await reader.punsubscribe();
    const blocked = reader.xread("BLOCK", 0, "STREAMS", "io:stream", "$");
    await until("the blocked read", async () => /cmd=xread/.test(await plain.client("LIST")));
    await client.xadd("stream", "*", "f", "v");
    assert.deepEqual((await blocked)[0][1][0][1], ["f", "v"]);
    reader.disconnect();
  });

  client.disconnect();
  plain.disconnect();
});
