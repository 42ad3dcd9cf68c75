"""The five data structures and expiry."""

import time

from _connect import connect, fresh

r = connect()
fresh(r, "ds")

# Strings: text, numbers, bytes.
assert r.set("ds:name", "spinel")
assert r.get("ds:name") == "spinel"
assert r.setnx("ds:name", "other") is False
assert r.getset("ds:name", "gem") == "spinel"
assert r.incr("ds:visits") == 1
assert r.incrby("ds:visits", 41) == 42
assert r.decr("ds:visits") == 41
assert r.incrbyfloat("ds:price", "10.5") == 10.5
assert r.append("ds:name", "stone") == 8
assert r.getrange("ds:name", 3, -1) == "stone"
assert r.mset({"ds:a": 1, "ds:b": 2}) and r.mget("ds:a", "ds:missing", "ds:b") == ["1", None, "2"]

# A list is a deque.
assert r.rpush("ds:deque", "b", "c") == 2
assert r.lpush("ds:deque", "a") == 3
assert r.lrange("ds:deque", 0, -1) == ["a", "b", "c"]
assert (r.lpop("ds:deque"), r.rpop("ds:deque"), r.llen("ds:deque")) == ("a", "c", 1)
r.rpush("ds:log", *range(100))
r.ltrim("ds:log", -10, -1)
assert r.llen("ds:log") == 10

# Hashes hold the fields of a thing.
assert r.hset("ds:user:1", mapping={"name": "ada", "born": 1815}) == 2
assert r.hincrby("ds:user:1", "logins", 1) == 1
assert r.hgetall("ds:user:1") == {"name": "ada", "born": "1815", "logins": "1"}
assert r.hmget("ds:user:1", "name", "nothing") == ["ada", None]

# Sets have the algebra of Python's.
mine, yours = {"apple", "pear", "plum"}, {"pear", "plum", "fig"}
r.sadd("ds:mine", *mine)
r.sadd("ds:yours", *yours)
assert r.sinter("ds:mine", "ds:yours") == mine & yours
assert r.sunion("ds:mine", "ds:yours") == mine | yours
assert r.sdiff("ds:mine", "ds:yours") == mine - yours
assert r.sinterstore("ds:both", "ds:mine", "ds:yours") == 2
assert r.smembers("ds:both") == {"pear", "plum"}

# Keys live as long as they are told to.
r.set("ds:short", "lived", px=50)
assert 0 < r.pttl("ds:short") <= 50
time.sleep(0.1)
assert r.get("ds:short") is None

fresh(r, "ds")
print("data structures: ok")
