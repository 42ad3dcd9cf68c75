"""Celery: ten thousand tasks with a worker killed among them; groups, chords, chains, retries, priorities, control."""

import os
import signal
import sys
import time

from celery import Celery, chain, chord, group
from celery.exceptions import TaskRevokedError
from redis import Redis

from _tap import PORT, URL, check, end, start, until

BACKEND = f"redis://127.0.0.1:{PORT}/1"
TOTAL = 10_000
# The workers of all checks but the last.
crowd = []
DEADLY = 2_500
# Every so many-th task of the crowd keeps its result.
ANSWERED = 10

client = Redis.from_url(URL)
app = Celery("celery_queue", broker=URL, backend=BACKEND)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": 5,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "priority_steps": [0, 3, 6, 9],
    },
    result_expires=3600,
    task_acks_late=True,
    task_routes={"celery_queue.note": {"queue": "ordered"}},
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=20,
)


@app.task
def count(number):
    """The task of the crowd. One of them, once, never ends: its worker is there to be killed."""
    if number == DEADLY and client.set("victim", os.getpid(), nx=True):
        time.sleep(3600)
    client.hincrby("done", number, 1)
    return number * 2


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def stubborn(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1, exc=ValueError("not yet"))
    return self.request.retries


@app.task
def broken():
    raise ValueError("broken")


@app.task
def note(text):
    client.rpush("notes", text)


def worker(name, *options):
    words = ["-m", "celery", "-A", "celery_queue", "worker", "--pool=solo", "--loglevel=warning", "-n", f"{name}@%h"]
    return start(*words, "--without-gossip", "--without-mingle", *options)


def notes():
    return [text.decode() for text in client.lrange("notes", 0, -1)]


def ten_thousand():
    """10000 tasks are done though a worker is killed among them"""
    with app.producer_pool.acquire() as producer:
        results = [
            count.apply_async((number,), producer=producer, ignore_result=number % ANSWERED != 0)
            for number in range(TOTAL)
        ]
    assert client.llen("celery") == TOTAL
    crowd.extend([worker("one"), worker("two")])
    victim = int(until("the victim", lambda: client.get("victim")))
    os.kill(victim, signal.SIGKILL)
    until("its end", lambda: any(process.poll() is not None for process in crowd))
    crowd.append(worker("three"))
    # What the dead worker held comes back when its time is up.
    until("all tasks", lambda: client.hlen("done") == TOTAL, pause=0.1)
    until("no task in hand", lambda: client.zcard("unacked_index") == 0 and client.llen("celery") == 0)
    kept = Redis.from_url(BACKEND)
    until("all results", lambda: kept.dbsize() >= TOTAL // ANSWERED)
    values = [result.get(timeout=60) for result in results[::ANSWERED]]
    assert values == [number * 2 for number in range(0, TOTAL, ANSWERED)]


def groups():
    """a group, a chord, a chain and a group of chains give their results"""
    assert group(add.s(number, 1) for number in range(100)).apply_async().get(timeout=60) == list(range(1, 101))
    assert chord([add.s(number, number) for number in range(100)])(total.s()).get(timeout=60) == 9900
    assert chain(add.s(1, 2), add.s(3), add.s(4)).apply_async().get(timeout=60) == 10
    nested = group(chain(add.s(number, 1), add.s(10)) for number in range(10))
    assert chord(nested, total.s()).apply_async().get(timeout=60) == sum(range(11, 21))


def failures():
    """a task is tried again, and one that fails says why"""
    assert stubborn.delay().get(timeout=60) == 2
    failed = broken.delay()
    try:
        failed.get(timeout=60)
    except ValueError as error:
        assert str(error) == "broken" and failed.state == "FAILURE"
        return
    raise AssertionError("no error arrived")


def later():
    """a task runs when its time has come"""
    began = time.time()
    assert add.apply_async((1, 1), countdown=1).get(timeout=60) == 2
    assert time.time() - began >= 0.9


def forgotten():
    """a forgotten result is gone"""
    result = add.delay(2, 2)
    assert result.get(timeout=60) == 4
    result.forget()
    assert Redis.from_url(BACKEND).exists(f"celery-task-meta-{result.id}") == 0


def control():
    """workers answer, and a revoked task does not run"""
    names = {name for answer in app.control.ping(timeout=10, limit=2) for name in answer}
    assert len(names) == 2, names
    revoked = note.apply_async(("revoked",), countdown=2, queue="celery")
    answers = app.control.revoke(revoked.id, reply=True, timeout=10, limit=2)
    assert len(answers) == 2, answers
    try:
        revoked.get(timeout=60)
    except TaskRevokedError:
        assert notes() == [], notes()
        return
    raise AssertionError("the task ran")


def priorities():
    """queued tasks run by priority"""
    client.delete("notes")
    tasks = [note.s(str(priority)).set(priority=priority).apply_async() for priority in (9, 3, 0, 6)]
    process = worker("priority", "-Q", "ordered", "--prefetch-multiplier=1")
    for task in tasks:
        task.get(timeout=60)
    assert notes() == ["0", "3", "6", "9"], notes()
    process.terminate()
    process.wait()


if __name__ == "__main__":
    for body in (ten_thousand, groups, failures, later, forgotten, control, priorities):
        check(body)
    for process in crowd:
        process.terminate()
    for process in crowd:
        process.wait()
    end()
