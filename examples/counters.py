"""Counters: many clients count, nothing is lost."""

import threading

from _connect import connect, fresh

r = connect()
fresh(r, "count")
CLIENTS, EACH = 8, 500


def count() -> None:
    client = connect()
    for n in range(EACH):
        with client.pipeline(transaction=False) as pipe:
            pipe.incr("count:total")
            pipe.hincrby("count:pages", f"/page/{n % 10}", 1)
            pipe.zincrby("count:popular", 1, f"/page/{n % 10}")
            pipe.execute()


threads = [threading.Thread(target=count) for _ in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)

assert int(r.get("count:total")) == CLIENTS * EACH
assert sum(map(int, r.hvals("count:pages"))) == CLIENTS * EACH
assert all(score == CLIENTS * EACH / 10 for _, score in r.zrange("count:popular", 0, -1, withscores=True))


# Check and set: the transaction runs only if nobody came in between.
def double(pipe) -> None:
    value = int(pipe.get("count:total"))
    pipe.multi()
    pipe.set("count:total", value * 2)


assert r.transaction(double, "count:total") == [True]
assert int(r.get("count:total")) == 2 * CLIENTS * EACH
fresh(r, "count")
print("counters: ok")
