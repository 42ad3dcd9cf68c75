"""huey: tasks, schedules popped by its script, retries, priorities, locks, chains."""

import time

from huey import PriorityRedisHuey, RedisHuey, crontab
from huey.exceptions import TaskException, TaskLockedException
from redis import Redis

from _tap import URL, check, end, start, until

client = Redis.from_url(URL)
huey = RedisHuey("crowd", url=URL, immediate=False)
ranked = PriorityRedisHuey("ranked", url=URL, immediate=False)


@huey.task()
def count(number):
    client.hincrby("done", number, 1)
    return number * 2


@huey.task(retries=2, retry_delay=0)
def stubborn(failures):
    if client.incr("failures") <= failures:
        raise ValueError("not yet")
    return "done"


@huey.task()
def add(a, b):
    return a + b


@ranked.task()
def note(text):
    client.rpush("notes", text)


@huey.periodic_task(crontab(minute="*"))
def periodic():
    client.incr("minutes")


def consume(name):
    words = ["-m", "huey.bin.huey_consumer", f"huey_queue.{name}", "-w", "4", "-q", "-s", "1", "-d", "0.01", "-m", "0.05"]
    return start(*words)


def crowd():
    """2000 tasks are done once each by two consumers"""
    results = [count(number) for number in range(2000)]
    until("all tasks", lambda: client.hlen("done") == 2000)
    assert set(client.hvals("done")) == {b"1"}
    assert [result.get(blocking=True, timeout=60) for result in results[::100]] == [n * 2 for n in range(0, 2000, 100)]


def retries():
    """a failing task is tried again, and one that fails for good says why"""
    result = stubborn(2)

    def done():
        # Until the last attempt the result is the error of the one before.
        try:
            return result.get(preserve=True) == "done"
        except TaskException:
            result.reset()
            return False

    until("success", done)
    client.delete("failures")
    lost = stubborn(9)
    until("the third failure", lambda: client.get("failures") == b"3")
    try:
        lost.get(blocking=True, timeout=60)
    except TaskException as error:
        assert "not yet" in str(error)
        return
    raise AssertionError("no error arrived")


def schedules():
    """a scheduled task runs when its time has come, unless it was revoked"""
    began = time.time()
    count.schedule((-1,), delay=0.5).revoke()
    later = add.schedule((1, 2), delay=1)
    assert later.get(blocking=True, timeout=60) == 3 and time.time() - began >= 0.9
    assert not client.hexists("done", "-1")


def chains():
    """the result of a task goes on to the next"""
    chain = add.s(1, 2).then(add, 10).then(add, 100)
    assert huey.enqueue(chain).get(blocking=True, timeout=60) == [3, 13, 113]


def locks():
    """a lock is held by one, and flushed"""
    with huey.lock_task("report"):
        assert huey.is_locked("report")
        try:
            with huey.lock_task("report"):
                raise AssertionError("locked twice")
        except TaskLockedException:
            pass
    assert not huey.is_locked("report")


def priorities():
    """tasks run by priority"""
    for priority in (1, 5, 3, 9):
        note(str(priority), priority=priority)
    consumer = consume("ranked")
    until("all tasks", lambda: client.llen("notes") == 4)
    consumer.terminate()
    consumer.wait()
    assert client.zcard(ranked.storage.queue_key) == 0 and len(set(client.lrange("notes", 0, -1))) == 4


if __name__ == "__main__":
    # Tasks are known by the module they are in, and the consumers import this one.
    import huey_queue

    consumers = [consume("huey"), consume("huey")]
    for body in (crowd, retries, schedules, chains, locks, priorities):
        check(getattr(huey_queue, body.__name__))
    for consumer in consumers:
        consumer.kill()
        consumer.wait()
    end()
