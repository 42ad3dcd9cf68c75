"""A session store: sessions that are used live on, others end, and somebody is told."""

import time

from _connect import connect, fresh

r = connect()
fresh(r, "session")
before = r.config_get("notify-keyspace-events")["notify-keyspace-events"]
r.config_set("notify-keyspace-events", "Egx")
events = connect().pubsub()
db = r.connection_pool.connection_kwargs.get("db", 0)
events.psubscribe(f"__keyevent@{db}__:*")
assert events.get_message(timeout=5)["type"] == "psubscribe"


def login(user: str, ttl_ms: int) -> str:
    session = f"session:{user}"
    with r.pipeline(transaction=True) as pipe:
        pipe.hset(session, mapping={"user": user, "since": int(time.time())})
        pipe.pexpire(session, ttl_ms)
        pipe.execute()
    return session


ada, bob = login("ada", 300), login("bob", 60)
time.sleep(0.1)
assert r.exists(bob) == 0
assert r.hget(ada, "user") == "ada"
r.pexpire(ada, 10_000)
time.sleep(0.25)
assert r.exists(ada) == 1 and 9_000 < r.pttl(ada) <= 10_000
assert r.persist(ada) and r.ttl(ada) == -1

expired = []
while message := events.get_message(timeout=1):
    if message["type"] == "pmessage" and message["channel"].endswith(":expired"):
        expired.append(message["data"])
assert expired == [bob], expired

r.config_set("notify-keyspace-events", before)
fresh(r, "session")
print("sessions: ok")
