"""A stream read by a consumer group: a consumer dies and picks up where it left off, and no order is lost or paid twice."""

import os
import signal
import subprocess
import sys
import time

from _connect import connect, fresh

ORDERS = 20
STREAM, GROUP, PAID = "orders:stream", "cashiers", "orders:paid"


def handle(client, order_id: str, fields: dict) -> None:
    """Pays and acknowledges at once, so that an order is either paid and done or neither."""
    with client.pipeline(transaction=True) as pipe:
        pipe.hincrby(PAID, fields["order"], 1)
        pipe.xack(STREAM, GROUP, order_id)
        pipe.execute()


def cashier(name: str, dies_after: int) -> None:
    """First what was pending when it died, from 0 on, then what is new, from > on."""
    client = connect()
    handled, start = 0, "0"
    while True:
        reply = client.xreadgroup(GROUP, name, {STREAM: start}, count=4, block=200)
        orders = reply[0][1] if reply else []
        if not orders:
            if start == ">":
                return
            start = ">"
            continue
        for order_id, fields in orders:
            if handled == dies_after:
                os.kill(os.getpid(), signal.SIGKILL)
            handle(client, order_id, fields)
            handled += 1


if len(sys.argv) > 1:
    cashier(sys.argv[1], int(sys.argv[2]))
    sys.exit(0)

r = connect()
fresh(r, "orders")
r.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
for number in range(ORDERS):
    r.xadd(STREAM, {"order": f"order:{number}", "amount": number * 10})


def start_cashier(name: str, dies_after: int) -> int:
    return subprocess.Popen([sys.executable, __file__, name, str(dies_after)]).wait(30)


# It is given four orders at a time, and dies in the middle of the second lot.
assert start_cashier("ann", 6) == -signal.SIGKILL
assert r.hlen(PAID) == 6
assert r.xpending(STREAM, GROUP)["consumers"] == [{"name": "ann", "pending": 2}]

# Started again, it asks for what it was given and had not acknowledged, and goes on from there.
assert start_cashier("ann", 9) == -signal.SIGKILL
assert r.hlen(PAID) == 15

# It does not come back. A colleague takes over what has been pending for too long.
left = r.xpending(STREAM, GROUP)["pending"]
assert left > 0
time.sleep(0.02)
_, orders, _ = r.xautoclaim(STREAM, GROUP, "bob", min_idle_time=10)
assert len(orders) == left and r.xpending(STREAM, GROUP)["consumers"][0]["name"] == "bob"
for order_id, fields in orders:
    handle(r, order_id, fields)
assert start_cashier("bob", -1) == 0

assert r.hgetall(PAID) == {f"order:{number}": "1" for number in range(ORDERS)}
assert r.xpending(STREAM, GROUP)["pending"] == 0
assert r.xinfo_groups(STREAM)[0]["lag"] == 0

# What everybody has read may go; what is read without a group is read by each from where he stands.
assert r.xtrim(STREAM, maxlen=5, approximate=False) == ORDERS - 5
last = r.xrevrange(STREAM, count=1)[0][0]
assert r.xread({STREAM: last}, block=10) == []
new = r.xadd(STREAM, {"order": "order:new"})
assert r.xread({STREAM: last}) == [[STREAM, [(new, {"order": "order:new"})]]]

fresh(r, "orders")
print("event stream: ok")
