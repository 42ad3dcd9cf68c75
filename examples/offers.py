"""Offers that lapse: elements of a list that expire where they stand. For Spinel only."""

import time

from _connect import connect, fresh

r = connect()
fresh(r, "offers")
OPEN, TAKEN = "offers:open", "offers:taken"

# Three offers in order, of which the one in the middle is good for a moment only.
assert r.rpush(OPEN, "sofa") == 1
assert r.execute_command("RPUSHEX", OPEN, "PX", 100, "ELEMENTS", 1, "ticket") == 2
assert r.execute_command("RPUSHEX", OPEN, "EX", 60, "ELEMENTS", 1, "bicycle") == 3
assert r.execute_command("LTTL", OPEN, "INDEXES", 3, 0, 1, -1) == [-1, 1, 60]

# What others add and take moves an offer, and its time with it.
r.lpush(OPEN, "lamp")
assert r.execute_command("LTTL", OPEN, "INDEXES", 1, 2) == [1]
time.sleep(0.15)
assert r.lrange(OPEN, 0, -1) == ["lamp", "sofa", "bicycle"]

# Who takes an offer has it: what is moved to another list does not expire there.
assert r.lmove(OPEN, TAKEN, "RIGHT", "LEFT") == "bicycle"
assert r.execute_command("LTTL", TAKEN, "INDEXES", 1, 0) == [-1]

# A client that waits is never given what has lapsed.
r.execute_command("LPEXPIRE", OPEN, 50, "INDEXES", 1, 0)
time.sleep(0.1)
assert tuple(r.blpop(OPEN, 1)) == (OPEN, "sofa")
assert r.exists(OPEN) == 0

fresh(r, "offers")
print("offers: ok")
