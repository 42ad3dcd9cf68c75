"""A lock that dies with its holder and is released by nobody else."""

import threading
import time
import uuid

import redis
from _connect import connect, fresh

r = connect()
fresh(r, "lock")
KEY = "lock:printer"


def acquire(client: redis.Redis, ttl_ms: int):
    token = uuid.uuid4().hex
    return token if client.set(KEY, token, nx=True, px=ttl_ms) else None


def release(client: redis.Redis, token: str) -> bool:
    """Deletes the lock only if it is still ours, whatever happens in between."""
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(KEY)
                if pipe.get(KEY) != token:
                    return False
                pipe.multi()
                pipe.delete(KEY)
                pipe.execute()
                return True
            except redis.WatchError:
                continue


token = acquire(r, 10_000)
assert token and acquire(r, 10_000) is None
assert release(r, "somebody else's token") is False
assert release(r, token) is True

# A dead holder's lock goes by itself.
assert acquire(r, 50)
time.sleep(0.1)
assert (token := acquire(r, 10_000))
assert release(r, token)

# Many at once: never two inside.
inside, entered = 0, 0
errors = []


def compete() -> None:
    global inside, entered
    client = connect()
    for _ in range(20):
        while not (mine := acquire(client, 10_000)):
            time.sleep(0.001)
        inside += 1
        if inside != 1:
            errors.append(inside)
        entered += 1
        inside -= 1
        if not release(client, mine):
            errors.append("lost the lock")


threads = [threading.Thread(target=compete) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
assert not errors and entered == 160, (errors, entered)
fresh(r, "lock")
print("lock: ok")
