// Scripts of the shape that Redisson's objects run: reentrant locks that announce their release, semaphores, rate limiters, maps whose
// entries expire. The scripts are our own; the client is ioredis, since Redisson's packages lie in no registry that is fetched here.
"use strict";

const { randomUUID } = require("node:crypto");
const Redis = require("ioredis");
const { assert, check, until, main, server } = require("./_tap.js");

const scripts = {
  // A hash holds the owner and how often it entered. The reply is nil, or how long another one may still hold it.
  enter: {
    numberOfKeys: 1,
    lua: `
      local free = redis.call('exists', KEYS[1]) == 0
      if free or redis.call('hexists', KEYS[1], ARGV[2]) == 1 then
        redis.call('hincrby', KEYS[1], ARGV[2], 1)
        redis.call('pexpire', KEYS[1], ARGV[1])
        return nil
      end
      return redis.call('pttl', KEYS[1])`,
  },
  leave: {
    numberOfKeys: 2,
    lua: `
      if redis.call('hexists', KEYS[1], ARGV[2]) == 0 then return nil end
      if redis.call('hincrby', KEYS[1], ARGV[2], -1) > 0 then
        redis.call('pexpire', KEYS[1], ARGV[1])
        return 0
      end
      redis.call('del', KEYS[1])
      redis.call('publish', KEYS[2], 'free')
      return 1`,
  },
  renew: {
    numberOfKeys: 1,
    lua: `return redis.call('hexists', KEYS[1], ARGV[2]) == 1 and redis.call('pexpire', KEYS[1], ARGV[1]) or 0`,
  },
  // A list of those who wait and when each of them may be given up: first come, first served.
  enterFairly: {
    numberOfKeys: 3,
    lua: `
      local lock, line, deadlines = KEYS[1], KEYS[2], KEYS[3]
      local owner, now = ARGV[2], tonumber(ARGV[3])
      while true do
        local first = redis.call('lindex', line, 0)
        if not first or tonumber(redis.call('zscore', deadlines, first)) > now then break end
        redis.call('zrem', deadlines, first)
        redis.call('lpop', line)
      end
      local first = redis.call('lindex', line, 0)
      if redis.call('exists', lock) == 0 and (not first or first == owner) then
        redis.call('lrem', line, 0, owner)
        redis.call('zrem', deadlines, owner)
        redis.call('hset', lock, owner, 1)
        redis.call('pexpire', lock, ARGV[1])
        return nil
      end
      if redis.call('zadd', deadlines, 'NX', now + tonumber(ARGV[4]), owner) == 1 then
        redis.call('rpush', line, owner)
      end
      return redis.call('llen', line)`,
  },
  // Permits by id, each of which ends by itself.
  takePermit: {
    numberOfKeys: 2,
    lua: `
      local expired = redis.call('zrangebyscore', KEYS[2], 0, ARGV[1], 'limit', 0, -1)
      if #expired > 0 then
        redis.call('zrem', KEYS[2], unpack(expired))
        redis.call('incrby', KEYS[1], #expired)
      end
      local left = redis.call('get', KEYS[1])
      if left and tonumber(left) >= 1 then
        redis.call('decr', KEYS[1])
        redis.call('zadd', KEYS[2], ARGV[2], ARGV[3])
        return ARGV[3]
      end
      local soonest = redis.call('zrange', KEYS[2], 0, 0, 'withscores')
      return soonest[2] and ':' .. soonest[2] or nil`,
  },
  // What was permitted in the interval lies in a sorted set, packed as id and amount.
  permit: {
    numberOfKeys: 3,
    lua: `
      local rate = redis.call('hget', KEYS[1], 'rate')
      local interval = redis.call('hget', KEYS[1], 'interval')
      assert(rate and interval, 'the limiter is not set up')
      local asked, now = tonumber(ARGV[1]), tonumber(ARGV[2])
      assert(tonumber(rate) >= asked, 'more permits asked for than there are')
      local free = redis.call('get', KEYS[2])
      if not free then
        redis.call('set', KEYS[2], rate)
        free = rate
      end
      local released = 0
      for _, packed in ipairs(redis.call('zrangebyscore', KEYS[3], 0, now - interval)) do
        local _, amount = struct.unpack('Bc0I', packed)
        released = released + amount
      end
      if released > 0 then
        redis.call('zremrangebyscore', KEYS[3], 0, now - interval)
        free = redis.call('incrby', KEYS[2], released)
      end
      if tonumber(free) < asked then
        local oldest = redis.call('zrange', KEYS[3], 0, 0, 'withscores')
        return 3 + interval - (now - tonumber(oldest[2]))
      end
      redis.call('zadd', KEYS[3], now, struct.pack('Bc0I', string.len(ARGV[3]), ARGV[3], asked))
      redis.call('decrby', KEYS[2], asked)
      return nil`,
  },
  // A map entry is packed with how long it may rest; when it was last used lies beside it.
  putEntry: {
    numberOfKeys: 2,
    lua: `
      local old = redis.call('hget', KEYS[1], ARGV[2])
      redis.call('hset', KEYS[1], ARGV[2], struct.pack('dLc0', ARGV[4], string.len(ARGV[3]), ARGV[3]))
      redis.call('zadd', KEYS[2], tonumber(ARGV[1]) + tonumber(ARGV[4]), ARGV[2])
      if not old then return nil end
      local _, value = struct.unpack('dLc0', old)
      return value`,
  },
  getEntry: {
    numberOfKeys: 2,
    lua: `
      local packed = redis.call('hget', KEYS[1], ARGV[2])
      if packed == false then return nil end
      local rest, value = struct.unpack('dLc0', packed)
      local ends = redis.call('zscore', KEYS[2], ARGV[2])
      if ends ~= false and tonumber(ends) <= tonumber(ARGV[1]) then
        redis.call('hdel', KEYS[1], ARGV[2])
        redis.call('zrem', KEYS[2], ARGV[2])
        return nil
      end
      redis.call('zadd', KEYS[2], ARGV[1] + rest, ARGV[2])
      return value`,
  },
  compareAndSet: {
    numberOfKeys: 1,
    lua: `
      local value = redis.call('get', KEYS[1])
      if (ARGV[1] == '' and value == false) or value == ARGV[1] then
        redis.call('set', KEYS[1], ARGV[2])
        return 1
      end
      return 0`,
  },
};

const LEASE_MS = 60_000;
const client = new Redis({ ...server, scripts });

main(async () => {
  await check("a lock may be entered again by its owner, and by nobody else", async () => {
    assert.equal(await client.enter("lock", LEASE_MS, "a:1"), null);
    assert.equal(await client.enter("lock", LEASE_MS, "a:1"), null);
    const left = await client.enter("lock", LEASE_MS, "b:1");
    assert(left > LEASE_MS - 10_000 && left <= LEASE_MS, String(left));
    assert.deepEqual(await client.hgetall("lock"), { "a:1": "2" });
    assert.deepEqual([await client.renew("lock", LEASE_MS, "a:1"), await client.renew("lock", LEASE_MS, "b:1")], [1, 0]);
    assert.equal(await client.leave("lock", "lock:channel", LEASE_MS, "b:1"), null);
    assert.equal(await client.leave("lock", "lock:channel", LEASE_MS, "a:1"), 0);
    assert.equal(await client.leave("lock", "lock:channel", LEASE_MS, "a:1"), 1);
    assert.equal(await client.exists("lock"), 0);
  });

  await check("those who wait for a lock hear of its release, and are never two inside", async () => {
    let inside = 0;
    let entered = 0;
    const compete = async (owner) => {
      const mine = new Redis({ ...server, scripts });
      const ear = new Redis(server);
      let heard = () => {};
      ear.on("message", () => heard());
      await ear.subscribe("room:channel");
      for (let turn = 0; turn < 10; turn += 1) {
        for (;;) {
          // Listening begins before the attempt, so no release is missed.
          const released = new Promise((resolve) => (heard = resolve));
          if ((await mine.enter("room", LEASE_MS, owner)) === null) break;
          await released;
        }
        inside += 1;
        assert.equal(inside, 1);
        await mine.ping();
        entered += 1;
        inside -= 1;
        assert.equal(await mine.leave("room", "room:channel", LEASE_MS, owner), 1);
      }
      mine.disconnect();
      ear.disconnect();
    };
    await Promise.all(["a", "b", "c", "d"].map(compete));
    assert.equal(entered, 40);
  });

  await check("a lock not renewed ends by itself", async () => {
    assert.equal(await client.enter("short", 50, "a:1"), null);
    await until("the end of the lock", async () => (await client.enter("short", LEASE_MS, "b:1")) === null);
    assert.equal(await client.leave("short", "short:channel", LEASE_MS, "a:1"), null);
  });

  await check("a fair lock is entered in the order of coming, without those whose time is up", async () => {
    const enter = (owner, now) => client.enterFairly("fair", "fair:line", "fair:deadlines", LEASE_MS, owner, now, 100);
    assert.equal(await enter("a", 1000), null);
    assert.deepEqual([await enter("b", 1000), await enter("c", 1050), await enter("b", 1060)], [1, 2, 2]);
    await client.del("fair");
    assert.equal(await enter("c", 1070), 2);
    assert.equal(await enter("c", 1101), null);
    assert.deepEqual([await client.llen("fair:line"), await client.zcard("fair:deadlines")], [0, 0]);
  });

  await check("permits of a semaphore end by themselves", async () => {
    await client.set("permits", 3);
    const take = (now, lease) => client.takePermit("permits", "permits:taken", now, now + lease, randomUUID());
    const taken = await Promise.all([take(1000, 500), take(1000, 700), take(1000, 900)]);
    assert.equal(new Set(taken).size, 3);
    assert.equal(await take(1100, 500), ":1500");
    assert.match(await take(1500, 5000), /^[0-9a-f-]{36}$/);
    assert.equal(await take(1600, 500), ":1700");
    assert.deepEqual([await client.get("permits"), await client.zcard("permits:taken")], ["0", 3]);
  });

  await check("a rate limiter gives back what its interval has passed", async () => {
    await client.hset("rate", "rate", 5, "interval", 1000);
    const ask = (amount, now) => client.permit("rate", "rate:free", "rate:permits", amount, now, randomUUID());
    assert.deepEqual([await ask(2, 10_000), await ask(3, 10_400)], [null, null]);
    assert.equal(await ask(1, 10_500), 503);
    assert.equal(await ask(2, 11_000), null);
    assert.equal(await ask(3, 11_001), 402);
    assert.equal(await ask(3, 11_400), null);
    await assert.rejects(ask(6, 20_000), /more permits asked for than there are/);
  });

  await check("a map's entries rest for so long after their last use", async () => {
    const put = (now, key, value, rest) => client.putEntryBuffer("map", "map:idle", now, key, value, rest);
    const get = (now, key) => client.getEntryBuffer("map", "map:idle", now, key);
    const bytes = Buffer.from([0, 1, 254, 255]);
    assert.equal(await put(1000, "k", bytes, 100), null);
    assert.deepEqual(await put(1000, "k", Buffer.from("v"), 100), bytes);
    assert.deepEqual(await get(1090, "k"), Buffer.from("v"));
    assert.deepEqual(await get(1180, "k"), Buffer.from("v"));
    assert.equal(await get(1280, "k"), null);
    assert.equal(await client.exists("map", "map:idle"), 0);
  });

  await check("of many who compare and set one wins each time", async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => client.compareAndSet("cas", "", `v${n}`)));
    assert.equal(outcomes.reduce((sum, won) => sum + won), 1);
    const value = await client.get("cas");
    assert.deepEqual([await client.compareAndSet("cas", "other", "x"), await client.compareAndSet("cas", value, "x")], [0, 1]);
  });

  client.disconnect();
});
