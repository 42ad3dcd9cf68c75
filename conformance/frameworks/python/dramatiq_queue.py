"""Dramatiq: all of its queue is one script; messages with retries and delays, and a worker that is killed at work."""

import os
import signal
import time

import dramatiq
from dramatiq import group
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as Limits
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import Redis

from _tap import URL, check, end, start, until

client = Redis.from_url(URL)
# What a worker held that is not heard of for so long goes to the others.
broker = RedisBroker(url=URL, heartbeat_timeout=4000, maintenance_chance=1_000_000)
broker.add_middleware(Results(backend=RedisBackend(url=URL)))
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=0)
def count(number):
    client.hincrby("done", number, 1)


@dramatiq.actor(store_results=True)
def add(a, b):
    return a + b


@dramatiq.actor(max_retries=3, min_backoff=1, max_backoff=10)
def stubborn():
    if client.incr("failures") < 3:
        raise ValueError("not yet")


@dramatiq.actor(queue_name="deadly")
def deadly():
    if client.set("victim", os.getpid(), nx=True):
        time.sleep(600)
    client.incr("rescued")


def worker(*queues):
    return start("-m", "dramatiq", "dramatiq_queue", "--processes", "1", "--threads", "4", "--queues", *queues)


def crowd():
    """2000 messages are handled once each"""
    for number in range(2000):
        count.send(number)
    until("all messages", lambda: client.hlen("done") == 2000)
    assert set(client.hvals("done")) == {b"1"}
    broker.join("default", timeout=60_000)


def results():
    """results come back, of groups and pipelines, too"""
    assert add.send(1, 2).get_result(block=True, timeout=60_000) == 3
    work = group([add.message(number, number) for number in range(20)]).run()
    assert list(work.get_results(block=True, timeout=60_000)) == [number * 2 for number in range(20)]
    pipe = (add.message(1, 2) | add.message(10)).run()
    assert pipe.get_result(block=True, timeout=60_000) == 13


def retries():
    """a failing message is tried again"""
    stubborn.send()
    until("the third attempt", lambda: client.get("failures") == b"3")


def delays():
    """a delayed message waits for its time"""
    began = time.time()
    assert add.send_with_options(args=(2, 2), delay=1000).get_result(block=True, timeout=60_000) == 4
    assert time.time() - began >= 0.9


def rescue():
    """the message of a killed worker goes to another one"""
    first = worker("deadly")
    deadly.send()
    victim = int(until("the victim", lambda: client.get("victim")))
    os.kill(victim, signal.SIGKILL)
    first.kill()
    first.wait()
    second = worker("deadly")
    until("the rescue", lambda: client.get("rescued"))
    second.terminate()
    second.wait()


def limits():
    """limiters let so many in"""
    backend = Limits(url=URL)
    concurrent = ConcurrentRateLimiter(backend, "concurrent", limit=2)
    with concurrent.acquire(), concurrent.acquire():
        with concurrent.acquire(raise_on_failure=False) as acquired:
            assert not acquired
    window = WindowRateLimiter(backend, "window", limit=5, window=600)
    passed = 0
    for _ in range(8):
        with window.acquire(raise_on_failure=False) as acquired:
            passed += acquired
    assert passed == 5, passed


if __name__ == "__main__":
    # Actors belong to the module that declares them, and the workers import this one.
    import dramatiq_queue

    process = worker("default")
    for body in (crowd, results, retries, delays, rescue, limits):
        check(getattr(dramatiq_queue, body.__name__))
    process.terminate()
    process.wait()
    end()
