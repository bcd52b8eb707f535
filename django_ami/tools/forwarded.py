"""How far the consumers of forwarded events are, for ``ami_status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.conf.forward import read_forward
from django_ami.core.errors import ConfigurationError
from django_ami.tools.streams import why_unanswered
from django_ami.tools.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.conf.forward import Forward
    from django_ami.forwarding.redis.standing import Standing

    #: The partitions of a server, by their numbers.
    Partitions = Mapping[int, Standing]

__all__ = ["as_dict", "ask", "in_words"]


def ask(servers: Iterable[str], timeout: float) -> tuple[dict[str, Partitions], str]:
    """The partitions of each server, if events are forwarded to Redis; and why they are not known.

    Takes ``timeout`` seconds at most.
    """
    try:
        forward = read_forward()
    except ConfigurationError as error:
        return {}, str(error)
    if forward is None or forward.outlet != "redis":
        return {}, ""
    found: dict[str, Partitions] = {}

    def look(forward: Forward = forward) -> None:
        found.update(_measured(forward, servers))

    why = why_unanswered(timeout, look, "Redis")
    return dict(found), why


def _measured(forward: Forward, servers: Iterable[str]) -> Mapping[str, Partitions]:
    from django_ami.forwarding.redis.keys import Stream  # it needs the extra
    from django_ami.forwarding.redis.options import RedisOptions
    from django_ami.forwarding.redis.outlet import client_of
    from django_ami.forwarding.redis.standing import measure, strays

    options = RedisOptions.of(forward.options)
    client = client_of(forward)
    found: dict[str, dict[int, Standing]] = {}
    try:
        for server in servers:
            streams = [
                Stream(options.prefix, server, partition, options.group)
                for partition in range(forward.partitions)
            ]
            standings = measure(client, streams) | strays(client, streams[-1:])
            found[server] = {stream.partition: one for stream, one in standings.items()}
        return found
    finally:
        client.close()


def in_words(partitions: Partitions) -> tuple[str, bool]:
    """The partitions of a server in a line, and whether that needs somebody's attention."""
    lag, pending, dead, lost, held = _sums(partitions)
    worst = max(partitions, key=lambda number: partitions[number].lag)
    where = f" (most in partition {worst}: {partitions[worst].lag})" if lag else ""
    text = (
        f"{lag} {'batch' if lag == 1 else 'batches'} behind{where}, {pending} in hand, "
        f"{counted(dead, 'dead letter')}, {counted(lost, 'event')} lost; {held} of "
        f"{counted(len(partitions), 'partition')} have a consumer"
    )
    return text, bool(dead or lost or held < len(partitions))


def as_dict(partitions: Partitions) -> dict[str, Any]:
    """For JSON."""
    lag, pending, dead, lost, held = _sums(partitions)
    return {
        "lag": lag, "pending": pending, "dead": dead, "lost": lost, "held": held,
        "partitions": [
            {"partition": number, **standing.as_dict()} for number, standing in partitions.items()
        ],
    }  # fmt: skip


def _sums(partitions: Partitions) -> tuple[int, int, int, int, int]:
    some = partitions.values()
    return (
        sum(one.lag for one in some),
        sum(one.pending for one in some),
        sum(one.dead for one in some),
        sum(one.lost for one in some),
        sum(one.holder is not None for one in some),
    )
