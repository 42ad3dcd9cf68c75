"""Chat rooms: channels and patterns."""

import threading

from _connect import connect

r = connect()
heard = []
ready = threading.Barrier(3)


def listen(how: str, name: str) -> None:
    channel = connect().pubsub()
    getattr(channel, how)(name)
    assert channel.get_message(timeout=5)["type"] == how
    ready.wait(5)
    while True:
        message = channel.get_message(timeout=5)
        assert message, "a message was expected"
        heard.append((how, message["channel"], message["data"]))
        if message["data"] == "bye":
            break
    channel.close()


rooms = [
    threading.Thread(target=listen, args=("subscribe", "chat:rust")),
    threading.Thread(target=listen, args=("psubscribe", "chat:*")),
]
for room in rooms:
    room.start()
ready.wait(5)

assert r.publish("chat:rust", "hello") == 2
assert r.publish("chat:python", "hi") == 1
assert r.publish("elsewhere", "nobody hears this") == 0
assert dict(r.pubsub_numsub("chat:rust")) == {"chat:rust": 1}
assert r.publish("chat:rust", "bye") == 2
for room in rooms:
    room.join(5)

assert [data for how, _, data in heard if how == "subscribe"] == ["hello", "bye"]
assert [data for how, _, data in heard if how == "psubscribe"] == ["hello", "hi", "bye"]
print("publish/subscribe: ok")
