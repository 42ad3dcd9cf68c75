"""python-redis-lock: locks by scripts, whose waiters are woken by a list."""

import os
import signal
import sys
import threading
import time

import redis_lock
from redis import Redis

from _tap import URL, check, end, start, until

# Waiting for a lock takes longer than this client would wait for an answer.
client = Redis.from_url(URL, socket_timeout=None)


def compete(make, turns):
    inside, entered, errors = [], [], []

    def run():
        for _ in range(turns):
            with make():
                inside.append(1)
                if len(inside) != 1:
                    errors.append(len(inside))
                inside.pop()
                entered.append(1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(entered) == 4 * turns, (errors, len(entered))


def exclusion():
    """a lock whose waiters block on a list lets one in at a time"""
    compete(lambda: redis_lock.Lock(client, "room", expire=60), 25)


def ownership():
    """a lock is extended and released by its owner alone"""
    mine = redis_lock.Lock(client, "mine", expire=60, id="me")
    theirs = redis_lock.Lock(client, "mine", expire=60, id="them")
    assert mine.acquire() and not theirs.acquire(blocking=False) and theirs.get_owner_id() == "me"
    mine.extend(expire=600)
    assert client.ttl("lock:mine") > 100
    for forbidden in (theirs.release, theirs.extend):
        try:
            forbidden()
        except (redis_lock.NotAcquired, redis_lock.NotExpirable):
            continue
        raise AssertionError("not its own lock")
    mine.release()
    assert client.exists("lock:mine") == 0


def renewal():
    """a lock is renewed while its holder lives, and free when it was killed"""
    holder = start("python_redis_lock.py", "hold")
    until("the holder", lambda: client.get("lock:held"))
    seen = [client.pttl("lock:held")]
    until("a renewal", lambda: seen.append(client.pttl("lock:held")) or seen[-1] > seen[-2])
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    until("the end of the lock", lambda: redis_lock.Lock(client, "held", expire=60).acquire(blocking=False))


def resetting():
    """all locks are reset by one script"""
    for number in range(20):
        assert redis_lock.Lock(client, f"reset{number}", expire=60).acquire()
    redis_lock.reset_all(client)
    assert not list(client.scan_iter("lock:reset*"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        held = redis_lock.Lock(client, "held", expire=4, auto_renewal=True)
        held.acquire()
        time.sleep(600)
    for body in (exclusion, ownership, renewal, resetting):
        check(body)
    end()
