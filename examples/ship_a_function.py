"""Ships a function of this program to the server, where it runs as one step: nobody sees the stock between check and sale.

The same function runs here, too, with a stand-in for the server: what is tested is what is shipped.
"""

import inspect
import threading

import redis as redis_py
from _connect import connect, fresh

r = connect()
fresh(r, "ship")


def sell(redis, stock, buyer, count):
    """Sells some of a stock, which never goes below zero, and remembers who bought."""
    left = int(redis.call("GET", stock) or 0)
    if left < count:
        raise redis.ResponseError(f"STOCK only {left} left, {buyer} wanted {count}")
    redis.call("HINCRBY", f"{stock}:buyers", buyer, count)
    return {"left": redis.call("DECRBY", stock, count), "buyer": buyer}


def ship(function, call):
    """Makes a script of a function and of how it is called there; texts, not bytes, as this client has them."""
    return r.register_script(f"#!python decode=yes\n{inspect.getsource(function)}\n{call}\n")


class StandIn:
    """As much of a server as the function needs."""

    ResponseError = redis_py.ResponseError

    def __init__(self, left):
        self.left = left

    def call(self, command, *args):
        if command == "DECRBY":
            self.left -= args[1]
        return self.left


# Here.
assert sell(StandIn(5), "s", "Ann", 2) == {"left": 3, "buyer": "Ann"}

# There.
sell_there = ship(sell, "sell(redis, KEYS[0], ARGV[0], int(ARGV[1]))")
r.set("ship:apples", 100)
reply = sell_there(keys=["ship:apples"], args=["Ann", 2])
# RESP3 has dictionaries, RESP2 lists of keys and values.
reply = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))
assert reply == {"left": 98, "buyer": "Ann"}, reply

try:
    sell_there(keys=["ship:apples"], args=["Bob", 99])
    raise AssertionError("sold what is not there")
except redis_py.ResponseError as error:
    assert str(error).startswith("STOCK only 98 left, Bob wanted 99"), error
print("ship_a_function: sold 2, refused 99")

# Many at once sell everything, and nothing twice.
sold, refused = [], []


def buy(name: str) -> None:
    client = connect()
    for _ in range(20):
        try:
            sell_there(keys=["ship:apples"], args=[name, 1], client=client)
            sold.append(name)
        except redis_py.ResponseError:
            refused.append(name)


threads = [threading.Thread(target=buy, args=(f"buyer{n}",)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
buyers = {name: int(count) for name, count in r.hgetall("ship:apples:buyers").items()}
assert r.get("ship:apples") == "0" and len(sold) == 98 and len(refused) == 62, (len(sold), len(refused))
assert sum(buyers.values()) == 100 and buyers["Ann"] == 2
fresh(r, "ship")
print("ship_a_function: ok, 98 sold to 8 buyers at once")
