"""Django Channels' layers: messages to channels and groups, capacities, by its scripts and by subscriptions."""

import asyncio

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from _tap import URL, check, end


def layer(kind=RedisChannelLayer, **options):
    return kind(hosts=[URL], prefix=kind.__name__, **options)


def running(body):
    """The check that runs `body` in an event loop of its own."""

    def run():
        asyncio.run(asyncio.wait_for(body(), 60))

    run.__doc__ = body.__doc__
    return run


async def channels():
    """messages arrive in order at the channel they were sent to"""
    here, there = layer(), layer()
    name = await here.new_channel()
    for number in range(50):
        await there.send(name, {"type": "note", "number": number, "bytes": b"\x00\xff"})
    received = [await here.receive(name) for _ in range(50)]
    assert [message["number"] for message in received] == list(range(50)) and received[0]["bytes"] == b"\x00\xff"
    waiting = asyncio.create_task(here.receive("plain"))
    await there.send("plain", {"type": "late"})
    assert await waiting == {"type": "late"}
    await here.flush()
    await here.close_pools()
    await there.close_pools()


async def groups():
    """a message to a group arrives at all its channels, and full ones are left out"""
    here = layer(capacity=5)
    names = [await here.new_channel() for _ in range(20)]
    for name in names:
        await here.group_add("room", name)
    await here.group_discard("room", names[0])
    await here.group_send("room", {"type": "hello"})
    for name in names[1:]:
        assert await here.receive(name) == {"type": "hello"}
    await here.send(names[0], {"type": "only"})
    assert await here.receive(names[0]) == {"type": "only"}
    await here.group_add("crowded", "full")
    for number in range(9):
        await here.group_send("crowded", {"type": "many", "number": number})
    received = [(await here.receive("full"))["number"] for _ in range(5)]
    assert received == [0, 1, 2, 3, 4], received
    await here.flush()
    await here.close_pools()


async def subscriptions():
    """the layer over publish and subscribe delivers to channels and groups"""
    here, there = layer(RedisPubSubChannelLayer), layer(RedisPubSubChannelLayer)
    names = [await here.new_channel() for _ in range(5)]
    for name in names:
        await here.group_add("room", name)
    await there.group_send("room", {"type": "hello"})
    for name in names:
        assert await here.receive(name) == {"type": "hello"}
    await there.send(names[0], {"type": "direct"})
    assert await here.receive(names[0]) == {"type": "direct"}
    await here.flush()
    await there.flush()


for body in (channels, groups, subscriptions):
    check(running(body))
end()
