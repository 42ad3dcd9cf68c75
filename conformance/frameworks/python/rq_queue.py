"""RQ: ten thousand jobs with a worker killed among them; retries, dependencies, schedules, uniqueness, limits, stopping."""

import os
import signal
import sys
import time
from datetime import timedelta

from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.command import send_stop_job_command
from rq.exceptions import DuplicateJobError
from rq.group import Group
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

import rq_queue as jobs
from _tap import URL, check, end, start, until

client = Redis.from_url(URL)
TOTAL = 10_000
DEADLY = 2_500


def count(number):
    """The job of the crowd. One of them, once, never ends: its worker is there to be killed."""
    if number == DEADLY and client.set("victim", os.getpid(), nx=True):
        time.sleep(3600)
    client.hincrby("done", number, 1)
    return number * 2


def fail(times):
    if client.incr("failures") <= times:
        raise ValueError("not yet")
    return "done"


def tell(text):
    client.rpush("told", text)


def forever():
    client.set("running", 1)
    time.sleep(3600)


def work(*names, kind=SimpleWorker, **options):
    kind([Queue(name, connection=client) for name in names], connection=client).work(burst=True, logging_level="ERROR", **options)


def told():
    return [text.decode() for text in client.lrange("told", 0, -1)]


def ten_thousand():
    """10000 jobs are done though a worker is killed among them"""
    queue = Queue("crowd", connection=client)
    datas = [
        Queue.prepare_data(jobs.count, args=(number,), job_id=f"c{number}", retry=Retry(max=2), result_ttl=3600)
        for number in range(TOTAL)
    ]
    for at in range(0, TOTAL, 1000):
        queue.enqueue_many(datas[at : at + 1000])
    assert len(queue) == TOTAL
    workers = [start("rq_queue.py", "worker", "crowd") for _ in range(2)]
    victim = until("the victim", lambda: client.get("victim"))
    os.kill(int(victim), signal.SIGKILL)
    until("its end", lambda: any(worker.poll() is not None for worker in workers))
    workers.append(start("rq_queue.py", "worker", "crowd"))
    until("an empty queue", lambda: len(queue) == 0, pause=0.05)
    started = StartedJobRegistry(queue=queue)
    until("one lost job", lambda: started.get_job_ids(cleanup=False) == [f"c{DEADLY}"])
    # Hours later, as far as the registry knows.
    started.cleanup(timestamp=time.time() + 7200)
    finished = FinishedJobRegistry(queue=queue)
    until("all jobs", lambda: finished.get_job_count(cleanup=False) == TOTAL, pause=0.05)
    done = {int(number): int(runs) for number, runs in client.hgetall("done").items()}
    assert done == dict.fromkeys(range(TOTAL), 1)
    for job in Job.fetch_many([f"c{number}" for number in range(0, TOTAL, 997)], connection=client):
        assert job.return_value() == int(job.id[1:]) * 2
    assert FailedJobRegistry(queue=queue).count == 0
    for worker in workers:
        worker.terminate()
        worker.wait()


def retries():
    """a failing job is tried again, and what fails for good can be queued again"""
    client.delete("failures")
    queue = Queue("failing", connection=client)
    saved = queue.enqueue(jobs.fail, 2, retry=Retry(max=2))
    work("failing")
    assert saved.get_status() == "finished" and saved.return_value() == "done"
    client.delete("failures")
    lost = queue.enqueue(jobs.fail, 1)
    work("failing")
    registry = FailedJobRegistry(queue=queue)
    assert registry.get_job_ids() == [lost.id] and "not yet" in lost.latest_result().exc_string
    registry.requeue(lost)
    work("failing")
    assert lost.get_status() == "finished" and registry.count == 0


def dependencies():
    """a job waits for those it depends on"""
    client.delete("told")
    early, late = Queue("early", connection=client), Queue("late", connection=client)
    first = [early.enqueue(jobs.tell, f"first {number}") for number in range(3)]
    second = late.enqueue(jobs.tell, "second", depends_on=first)
    late.enqueue(jobs.tell, "third", depends_on=second)
    assert len(late) == 0
    work("late", "early")
    assert told() == ["first 0", "first 1", "first 2", "second", "third"], told()


def schedules():
    """scheduled jobs run when they are due"""
    client.delete("told")
    queue = Queue("scheduled", connection=client)
    began = time.time()
    queue.enqueue_in(timedelta(seconds=2), jobs.tell, "later")
    queue.enqueue_in(timedelta(hours=1), jobs.tell, "never")
    worker = start("rq_queue.py", "scheduler", "scheduled")
    until("the job", lambda: told() == ["later"])
    assert time.time() - began >= 1
    worker.terminate()
    worker.wait()


def unique():
    """a unique job is not queued twice"""
    queue = Queue("unique", connection=client)
    queue.enqueue(jobs.tell, "once", job_id="only", unique=True)
    try:
        queue.enqueue(jobs.tell, "twice", job_id="only", unique=True)
    except DuplicateJobError:
        assert len(queue) == 1
        return
    raise AssertionError("a duplicate was accepted")


def limits():
    """of jobs with a limit so many are queued at a time, and all are done"""
    client.delete("told")
    queue = Queue("limited", connection=client)
    limit = RateLimit("slow", concurrency=2)
    for number in range(6):
        queue.enqueue(jobs.tell, str(number), rate_limit=limit)
    assert len(queue) == 2
    work("limited")
    assert sorted(told()) == list("012345"), told()


def groups():
    """a group knows its jobs"""
    queue = Queue("groups", connection=client)
    datas = [Queue.prepare_data(jobs.tell, args=(str(number),)) for number in range(20)]
    group = Group.create(connection=client)
    group.enqueue_many(queue, datas)
    work("groups")
    assert len(Group.fetch(group.name, client).get_jobs()) == 20
    Group.clean_registries(connection=client)


def stopping():
    """a running job is stopped from outside, and workers are registered"""
    queue = Queue("stopping", connection=client)
    job = queue.enqueue(jobs.forever)
    worker = start("rq_queue.py", "forking", "stopping")
    until("the job", lambda: client.get("running"))
    assert Worker.count(queue=queue) == 1
    send_stop_job_command(client, job.id)
    until("its stop", lambda: job.get_status(refresh=True) == "stopped")
    worker.terminate()
    worker.wait()
    until("no worker", lambda: Worker.count(queue=queue) == 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kinds = {"worker": SimpleWorker, "scheduler": SimpleWorker, "forking": Worker}
        queues = [Queue(sys.argv[2], connection=client)]
        worker = kinds[sys.argv[1]](queues, connection=client)
        worker.work(logging_level="WARNING", with_scheduler=sys.argv[1] == "scheduler")
        sys.exit()
    for body in (ten_thousand, retries, dependencies, schedules, unique, limits, groups, stopping):
        check(body)
    end()
