"""django-redis: the cache with its locks, patterns, counters, sets and sorted sets, and Django's own Redis cache and sessions."""

import threading
import time

import django
from django.conf import settings

from _tap import HOST, PORT, check, end, until

LOCATION = f"redis://{HOST}:{PORT}"
settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"{LOCATION}/1",
            "KEY_PREFIX": "site",
            "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
        },
        "own": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"{LOCATION}/2"},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    INSTALLED_APPS=["django.contrib.sessions"],
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import caches  # noqa: E402

cache = caches["default"]


def values():
    """values of every kind are kept, versioned, touched and forgotten"""
    cache.set("object", {"a": [1, 2.5, None], "b": "ü"}, timeout=100)
    assert cache.get("object") == {"a": [1, 2.5, None], "b": "ü"}
    assert 0 < cache.ttl("object") <= 100 and cache.pttl("object") > 1000
    assert cache.set("object", 1, nx=True) is False and cache.add("fresh", 1) is True
    cache.set_many({f"many{n}": n for n in range(50)}, timeout=100)
    assert cache.get_many([f"many{n}" for n in range(60)]) == {f"many{n}": n for n in range(50)}
    cache.set("v", "one", version=1)
    assert cache.incr_version("v") == 2 and cache.get("v", version=2) == "one" and cache.get("v") is None
    assert cache.persist("object") and cache.ttl("object") is None
    assert cache.expire("object", 50) and cache.touch("object", 70) and cache.ttl("object") > 50
    assert cache.get_or_set("made", lambda: "made", 10) == "made"
    assert cache.delete("object") and cache.get("object", "gone") == "gone"


def counters():
    """a counter counts for many threads at once, and only if it is there"""
    cache.set("hits", 0, timeout=None)
    threads = [threading.Thread(target=lambda: [cache.incr("hits") for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("hits") == 200 and cache.decr("hits", 50) == 150
    try:
        cache.incr("nothing")
    except ValueError:
        return
    raise AssertionError("a missing counter was counted")


def patterns():
    """keys are found and deleted by pattern"""
    cache.set_many({f"page:{n}": n for n in range(300)})
    assert len(cache.keys("page:*")) == 300 and set(cache.iter_keys("page:29?")) == {f"page:29{n}" for n in range(10)}
    assert cache.delete_pattern("page:*", itersize=50) == 300
    assert cache.keys("page:*") == [] and cache.get("hits") == 150


def locks():
    """a lock lets one in at a time, and ends by itself"""
    inside, entered = [], []

    def compete():
        for _ in range(10):
            with cache.lock("room", timeout=60, sleep=0.002):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()
                entered.append(1)

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 40
    held = cache.lock("short", timeout=0.1)
    assert held.acquire() and until("its end", lambda: cache.lock("short", timeout=60).acquire(blocking=False))


def collections():
    """sets and sorted sets are kept as such"""
    cache.sadd("tags", "a", "b", "c")
    assert cache.smembers("tags") == {"a", "b", "c"} and cache.sismember("tags", "b")
    assert cache.srem("tags", "b") == 1 and cache.scard("tags") == 2
    cache.zadd("scores", {"ada": 3, "bob": 1})
    assert cache.zrange("scores", 0, -1) == ["bob", "ada"] and cache.zscore("scores", "ada") == 3


def own():
    """Django's own Redis cache works, too"""
    cache = caches["own"]
    cache.set_many({"a": 1, "b": [2]}, timeout=100)
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": [2]} and cache.incr("a", 4) == 5
    assert cache.add("a", 9) is False and cache.touch("b", 50) and cache.has_key("b")
    cache.delete_many(["a", "b"])
    assert cache.get("a") is None


def sessions():
    """a session is stored, found and flushed"""
    session = SessionStore()
    session["user"] = "ada"
    session.set_expiry(100)
    session.save()
    found = SessionStore(session_key=session.session_key)
    assert found["user"] == "ada" and session.exists(session.session_key)
    found.flush()
    assert not session.exists(session.session_key)


def expiry():
    """an entry goes when its time is up"""
    began = time.monotonic()
    cache.set("brief", 1, timeout=1)
    until("its end", lambda: cache.get("brief") is None)
    assert time.monotonic() - began >= 0.9


for body in (values, counters, patterns, locks, collections, own, sessions, expiry):
    check(body)
end()
