"""Task queues: BRPOP for simple ones, BLMOVE where no task may be lost with its worker."""

import threading
import time

from _connect import connect, fresh

r = connect()
fresh(r, "queue")
done = []


def simple_worker() -> None:
    client = connect()
    while True:
        _, task = client.brpop(["queue:high", "queue:low"], timeout=5)
        if task == "stop":
            return
        done.append(task)


worker = threading.Thread(target=simple_worker)
worker.start()
r.lpush("queue:low", "sweep")
time.sleep(0.05)
with r.pipeline(transaction=True) as pipe:
    pipe.lpush("queue:low", "dust")
    pipe.lpush("queue:high", "fire!")
    pipe.execute()
r.lpush("queue:low", "stop")
worker.join(5)
assert done[0] == "sweep" and set(done) == {"sweep", "dust", "fire!"}, done

# Several workers wait; each task goes to one of them, in order of arrival.
served = []
waiting = [threading.Thread(target=lambda: served.append(connect().brpop("queue:fair", timeout=5))) for _ in range(3)]
for thread in waiting:
    thread.start()
while r.info("clients")["blocked_clients"] < 3:
    time.sleep(0.01)
r.rpush("queue:fair", "one", "two", "three")
for thread in waiting:
    thread.join(5)
assert sorted(task for _, task in served) == ["one", "three", "two"]
assert r.exists("queue:fair") == 0

# A reliable queue: the task stays on the worker's own list until it is done.
r.rpush("queue:jobs", "invoice:1", "invoice:2")
job = r.blmove("queue:jobs", "queue:jobs:worker7", timeout=1, src="LEFT", dest="RIGHT")
assert job == "invoice:1"
# The worker dies here; somebody puts its task back.
assert r.lrange("queue:jobs:worker7", 0, -1) == ["invoice:1"]
assert r.lmove("queue:jobs:worker7", "queue:jobs", src="RIGHT", dest="LEFT") == "invoice:1"
assert r.lrange("queue:jobs", 0, -1) == ["invoice:1", "invoice:2"]

# Nothing to do is said in time.
start = time.monotonic()
assert r.blpop("queue:empty", timeout=0.2) is None
assert time.monotonic() - start >= 0.2

fresh(r, "queue")
print("task queue: ok")
