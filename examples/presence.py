"""Who is online: members of a set that expire unless they are seen again. For Spinel only."""

import time

from _connect import connect, fresh

r = connect()
fresh(r, "presence")
ONLINE = "presence:online"


def seen(user: str, ttl_ms: int) -> None:
    assert r.execute_command("SADDEX", ONLINE, "PX", ttl_ms, "MEMBERS", 1, user) == 1


seen("ada", 10_000)
seen("bob", 100)
seen("eve", 100)
assert r.smembers(ONLINE) == {"ada", "bob", "eve"}
seen("bob", 10_000)
time.sleep(0.15)
assert r.smembers(ONLINE) == {"ada", "bob"}
assert r.scard(ONLINE) == 2 and not r.sismember(ONLINE, "eve")

# Friends who are online: an intersection never shows somebody who has gone.
r.sadd("presence:friends", "bob", "eve")
assert r.sinter(ONLINE, "presence:friends") == {"bob"}

left_ms, nobody = r.execute_command("SPTTL", ONLINE, "MEMBERS", 2, "ada", "eve")
assert 9_000 < left_ms <= 10_000 and nobody == -2
assert r.execute_command("SPERSIST", ONLINE, "MEMBERS", 1, "ada") == [1]

# Best scores of the last moments: in a sorted set every rank is that of members that are alive.
r.execute_command("ZADDEX", "presence:recent", "PX", 100, "MEMBERS", 2, 50, "ada", 70, "bob")
r.zadd("presence:recent", {"eve": 10})
assert r.zrevrank("presence:recent", "eve") == 2
time.sleep(0.15)
assert r.zrevrank("presence:recent", "eve") == 0

fresh(r, "presence")
print("presence: ok")
