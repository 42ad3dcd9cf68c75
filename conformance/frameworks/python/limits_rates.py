"""limits, which Flask-Limiter and SlowAPI stand on: fixed, moving and sliding windows by its scripts."""

import threading
import time

from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from _tap import URL, check, end, until

storage = storage_from_string(URL)


def crowd(limiter, limit, name):
    """How many of 60 attempts from six threads pass."""
    passed = []

    def attempt():
        passed.extend(1 for _ in range(10) if limiter.hit(limit, name))

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(passed)


def windows():
    """of many at once so many pass as the limit allows, whatever the window"""
    for kind in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
        limiter = kind(storage)
        limit = parse("25/day")
        assert crowd(limiter, limit, kind.__name__) == 25, kind
        assert limiter.test(limit, kind.__name__) is False
        stats = limiter.get_window_stats(limit, kind.__name__)
        assert stats.remaining == 0 and stats.reset_time > time.time(), stats
        limiter.clear(limit, kind.__name__)
        assert limiter.hit(limit, kind.__name__, cost=20) and not limiter.hit(limit, kind.__name__, cost=6), kind


def endings():
    """a window ends"""
    for kind in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
        limiter = kind(storage)
        limit = parse("2/second")
        until("a refusal", lambda: not limiter.hit(limit, "short"))
        until("a new window", lambda: limiter.hit(limit, "short"))
        limiter.clear(limit, "short")


def clearing():
    """everything is cleared by pattern"""
    limit = parse("5/hour")
    for number in range(200):
        FixedWindowRateLimiter(storage).hit(limit, f"user{number}")
    assert storage.check() and storage.reset() >= 200
    assert FixedWindowRateLimiter(storage).get_window_stats(limit, "user7").remaining == 5


for body in (windows, endings, clearing):
    check(body)
end()
