"""How far the consumers of a partition are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import redis

from django_ami.conf.forward import MOST_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.forwarding.redis.keys import Stream

__all__ = ["Standing", "measure", "strays"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One partition, as one group of consumers has left it.

    * ``lag``: batches that no consumer has read
    * ``pending``: batches that were read, and whose receivers are not through
    * ``dead``: dead letters
    * ``lost``: events that were trimmed before every group had read them
    * ``holder``: the consumer that has the lease; None if none has it
    """

    lag: int
    pending: int
    dead: int
    lost: int
    holder: str | None

    @property
    def behind(self) -> int:
        """The batches that are not finished."""
        return self.lag + self.pending

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(client: Any, streams: Iterable[Stream]) -> dict[Stream, Standing]:
    """Ask for all of them at once; leaves out those that Redis refuses.

    Raises redis.RedisError if it refuses all, or is away.
    """
    streams = list(streams)
    pipeline = client.pipeline(transaction=False)
    for stream in streams:
        pipeline.xlen(stream.key)
        pipeline.xinfo_groups(stream.key)
        pipeline.xlen(stream.dead)
        pipeline.get(stream.lost)
        pipeline.get(stream.lease)
    answers = iter(pipeline.execute(raise_on_error=False) if streams else [])
    found: dict[Stream, Standing] = {}
    failure: Exception | None = None
    for stream in streams:
        length, groups, dead, lost, holder = (next(answers) for _ in range(5))
        refused = [one for one in (length, dead, lost, holder) if isinstance(one, Exception)]
        if refused:
            failure = refused[0]
            continue
        name = stream.group.encode()
        known = [] if isinstance(groups, redis.RedisError) else groups
        group: Mapping[str, Any] = next((one for one in known if one["name"] == name), {})
        lag = group.get("lag")
        found[stream] = Standing(
            # It may be unknown, and counts what was trimmed, too.
            lag=length if lag is None else min(lag, length),
            pending=group.get("pending", 0),
            dead=dead,
            lost=int(lost or 0),
            holder=None if holder is None else holder.decode(errors="backslashreplace"),
        )
    if failure is not None and not found:
        raise failure
    return found


def strays(client: Any, streams: Iterable[Stream]) -> dict[Stream, Standing]:
    """The partitions behind each of ``streams``, the last ones, in which batches wait.

    Nobody reads them: the setting PARTITIONS of a listener is larger, or it was. Raises
    redis.RedisError.
    """
    behind = [
        [
            stream._replace(partition=number)
            for number in range(stream.partition + 1, MOST_PARTITIONS)
        ]
        for stream in streams
    ]
    pipeline = client.pipeline(transaction=False)
    rows = [row for row in behind if row]
    for row in rows:
        pipeline.exists(*(one.key for one in row))
    some = [row for row, number in zip(rows, pipeline.execute(), strict=True) if number]
    for row in some:
        for one in row:
            pipeline.exists(one.key)
    are_there = zip([one for row in some for one in row], pipeline.execute(), strict=True)
    found = measure(client, [one for one, is_there in are_there if is_there])
    return {stream: standing for stream, standing in found.items() if standing.behind}
