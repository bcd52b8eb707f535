"""Clients of Redis and Valkey: made in one way, and their errors in one line without secrets.

Rule: no wait without an end, and nothing is sent twice behind our back: redis-py's own repetition
is off, and each user of a client decides what it sends again.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = ["ANSWER_SECONDS", "address_of", "cause", "connect"]

#: How long Redis may take to connect, and to answer.
_CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 5.0
_LONGEST_CAUSE_CHARACTERS: Final = 200


def connect(url: str, *, decode: bool = False) -> Any:
    """A client for the Redis at ``url``, which connects at its first command.

    ``decode`` gives texts in the place of bytes. Raises ValueError for a ``url`` that names no
    server; its text does not show the ``url``.
    """
    try:
        client = redis.Redis.from_url(
            url,
            decode_responses=decode,
            protocol=2,  # with RESP3, which is redis-py 8's default, some answers are mappings
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # an option of the URL may be unknown
    except (ValueError, TypeError, redis.RedisError):
        raise ValueError(
            "it is no address of a Redis: write redis://[user:password@]host[:port][/database], "
            "rediss:// for TLS, or unix:///path, and behind a '?' options of redis-py alone"
        ) from None
    return client


def address_of(url: str) -> str:
    """The host and port, or the socket, of a ``url``: nothing that might be secret."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return parts.path
        host, port = parts.hostname or "localhost", parts.port or 6379
    except ValueError:
        return "an unreadable address"
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def cause(error: Exception) -> str:
    """The error of a command, in one line."""
    if isinstance(error, redis.TimeoutError):
        return "no answer in time"
    text = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
    return text[:_LONGEST_CAUSE_CHARACTERS]
