"""A feed in Redis or Valkey.

Each life of a publisher has a stream of batches, and each server a key with its whole picture.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import redis

from django_ami.live.feed.backend import Backend
from django_ami.live.feed.records import TERM_CHARACTERS, Batch, Position, Superseded, Whole
from django_ami.redis_client import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RedisBackend"]

#: How many batches a stream keeps, about, and how long it stays without a publisher.
_KEPT_BATCHES: Final = 1000
_KEPT_SECONDS: Final = 60
#: How many batches a reader takes at a time.
_MOST_READ: Final = 500
#: How long an epoch is at most.
_EPOCH_CHARACTERS: Final = TERM_CHARACTERS + 13
#: Sets a key, unless its epoch, which is the first text in it, is of that term or a later one.
_REPLACE_EARLIER: Final = f"""
local term = redis.call('GETRANGE', KEYS[1], 2, {TERM_CHARACTERS + 1})
if string.sub(term, 1, 1) == 't' and term >= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""


class RedisBackend(Backend):
    """Feeds in the Redis or Valkey at ``url``; the keys begin with ``prefix``.

    Raises ValueError for a ``url`` that names no server.
    """

    def __init__(self, url: str = "redis://127.0.0.1:6379/0", prefix: str = "django_ami") -> None:
        self._redis: Any = connect(url, decode=True)
        self._prefix = prefix
        self._replace_earlier = self._redis.register_script(_REPLACE_EARLIER)
        #: The streams that the readers of this process follow, and where each of them is.
        self._followed: dict[str, tuple[str, str]] = {}

    def _stream(self, server: str, epoch: str) -> str:
        return f"{self._prefix}:{server}:{epoch}"

    def append(self, server: str, batch: Batch) -> None:
        stream = self._stream(server, batch.position.epoch)
        fields = {"at": batch.at, "bodies": json.dumps(dict(batch.bodies), ensure_ascii=False)}
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.xadd(
            stream, fields, id=f"{batch.position.number}-0", maxlen=_KEPT_BATCHES, approximate=True
        )
        pipeline.expire(stream, _KEPT_SECONDS)
        pipeline.execute()

    def replace(self, server: str, whole: Whole) -> None:
        data = [*whole.position, whole.at, dict(whole.bodies)]
        text = json.dumps(data, ensure_ascii=False)
        later = whole.position.later_term
        if not later:
            self._redis.set(f"{self._prefix}:{server}", text)
        elif not self._replace_earlier(keys=[f"{self._prefix}:{server}"], args=[text, later]):
            raise Superseded(f"a listener of {server} with a later lease has written")

    def whole(self, server: str) -> Whole | None:
        data = self._redis.get(f"{self._prefix}:{server}")
        if data is None:
            return None
        epoch, number, at, bodies = json.loads(data)
        return Whole(Position(epoch, number), at, bodies)

    def after(self, server: str, position: Position) -> Sequence[Batch]:
        stream = self._stream(server, position.epoch)
        entries = self._redis.xrange(stream, f"({position.number}-0", "+", count=_MOST_READ)
        last = entries[-1][0] if entries else f"{position.number}-0"
        self._followed[server] = (stream, last)
        return [
            Batch(
                Position(position.epoch, int(entry.partition("-")[0])),
                float(fields["at"]),
                json.loads(fields["bodies"]),
            )
            for entry, fields in entries
        ]

    def epoch(self, server: str) -> str:
        # Readers ask for it at each look, and need no picture for it: it is the first text there.
        begin = self._redis.getrange(f"{self._prefix}:{server}", 2, _EPOCH_CHARACTERS + 2)
        return str(begin.partition('"')[0])

    def wait(self, seconds: float) -> None:
        streams = dict(self._followed.values())
        if not streams:
            time.sleep(min(seconds, 0.1))
            return
        try:
            self._redis.xread(streams, count=1, block=max(1, int(seconds * 1000)))
        except redis.RedisError:
            time.sleep(seconds)  # it is away: the next look says so

    def close(self) -> None:
        self._redis.close()
