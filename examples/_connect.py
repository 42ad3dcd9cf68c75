"""Connects to the server named in the environment."""

import os

import redis


def connect(**options) -> redis.Redis:
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    return redis.Redis.from_url(url, decode_responses=True, **options)


def fresh(client: redis.Redis, prefix: str) -> None:
    """Removes what an earlier run left."""
    keys = list(client.scan_iter(f"{prefix}:*"))
    if keys:
        client.delete(*keys)
