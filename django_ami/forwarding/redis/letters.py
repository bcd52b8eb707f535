"""Dead letters: deliver them again, when their receivers are repaired.

Rule: a letter stays until all receivers of its event have taken it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.core.log import get_logger
from django_ami.forwarding.consuming import Consumption
from django_ami.forwarding.envelope import UnreadableBatch, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.redis.keys import Stream

__all__ = ["deliver_again"]

logger = get_logger(__name__)

_MOST_READ = 100


def deliver_again(client: Any, streams: Iterable[Stream], receivers: Receivers) -> tuple[int, int]:
    """Run the receivers for the dead letters that are there now.

    Says how many they took, and how many letters are left. Their order among other events is not
    kept. Raises redis.RedisError.
    """
    taken = left = 0
    consumption = Consumption(receivers)
    for stream in streams:
        for entry, letter in _letters(client, stream.dead):
            try:
                result = consumption.deliver(decode(letter[b"data"]))
            except UnreadableBatch as error:
                logger.error("%s: a dead letter cannot be read: %s", stream, error)  # noqa: TRY400
                left += 1
                continue
            if result.dead or result.left:
                left += 1
                continue
            client.xdel(stream.dead, entry)
            taken += 1
    return taken, left


def _letters(client: Any, key: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    """Those that are there at the beginning, some at a time."""
    newest = client.xrevrange(key, count=1)
    begin = "-"
    while newest:
        some = client.xrange(key, begin, newest[0][0], count=_MOST_READ)
        if not some:
            return
        yield from some
        begin = f"({some[-1][0].decode()}"
