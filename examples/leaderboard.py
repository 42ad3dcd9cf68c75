"""A leaderboard: a sorted set knows everybody's rank."""

from _connect import connect, fresh

r = connect()
fresh(r, "board")
BOARD = "board:game"

r.zadd(BOARD, {f"player{n:05}": n * 7 % 10007 for n in range(10_000)})
assert r.zcard(BOARD) == 10_000

r.zincrby(BOARD, 1_000_000, "player00042")
assert r.zrevrange(BOARD, 0, 0, withscores=True) == [("player00042", 42 * 7 + 1_000_000.0)]
assert r.zrevrank(BOARD, "player00042") == 0

# Page 395 of a ranking is as cheap as the first.
page = r.zrange(BOARD, 395 * 25, 395 * 25 + 24, desc=True, withscores=True)
assert len(page) == 25
assert all(a[1] >= b[1] for a, b in zip(page, page[1:]))

# Who stands around me?
me = r.zrevrank(BOARD, "player05000")
around = r.zrevrange(BOARD, me - 2, me + 2)
assert around[2] == "player05000"

# Everybody between two scores, and the count without fetching them.
between = r.zrangebyscore(BOARD, 100, 200)
assert r.zcount(BOARD, 100, 200) == len(between)

assert [name for name, _ in r.zpopmax(BOARD, 1)] == ["player00042"]
fresh(r, "board")
print("leaderboard: ok")
