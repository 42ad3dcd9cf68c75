"""A load balancer of scored sets: the server with the least load and the best health is next."""

from _connect import connect, fresh

r = connect()
fresh(r, "lb")
SERVERS = ["alpha", "beta", "gamma"]

# Connections open on each server, and a penalty for slow ones, by two independent observers.
r.zadd("lb:connections", {server: 0 for server in SERVERS})
r.zadd("lb:penalty", {"alpha": 0, "beta": 5, "gamma": 0})


def next_server() -> str:
    """Weighs both in one step, takes the lightest and counts the connection."""
    with r.pipeline(transaction=True) as pipe:
        pipe.zunionstore("lb:load", {"lb:connections": 1, "lb:penalty": 2}, aggregate="SUM")
        pipe.zrange("lb:load", 0, 0)
        _, (server,) = pipe.execute()
    r.zincrby("lb:connections", 1, server)
    return server


chosen = [next_server() for _ in range(30)]
# Beta starts ten behind: the others share the first twenty, then all three take turns.
assert chosen[:20].count("beta") == 0 and chosen[20:].count("beta") in (3, 4), chosen
assert abs(chosen.count("alpha") - chosen.count("gamma")) <= 1

# A server that goes away leaves both sets; replicas are spread over what is in both.
r.zrem("lb:connections", "alpha")
assert r.zinterstore("lb:alive", ["lb:connections", "lb:penalty"]) == 2
assert set(r.zrange("lb:alive", 0, -1)) == {"beta", "gamma"}
assert r.zrangebyscore("lb:load", "(0", "+inf", start=0, num=1)
fresh(r, "lb")
print("load balancer: ok")
