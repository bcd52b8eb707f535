"""How events travel: a batch of them as bytes, and back.

Rule: the bytes of an event arrive as the server sent them, whatever they are. A batch is one line
of JSON, which says what each event is and how long, and behind its line feed the events themselves,
one after the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from django_ami.core.arguments import shown
from django_ami.core.event_id import EventId

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCHEMA", "Envelope", "Kind", "UnreadableBatch", "decode", "encode"]

#: The version of the format. A reader refuses every other one.
SCHEMA: Final = 1

Kind: TypeAlias = Literal["event", "notice"]


class UnreadableBatch(ValueError):
    """The bytes are no batch of events that this version reads.

    The message says why, and what to do. Keep the bytes: a newer version may read them.
    """


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event on its way, or a notice of its server's connection.

    * ``id``: equal in every copy, and in every attempt
    * ``raw``: the bytes of the event; of a notice those that ``notices.decode`` reads
    * ``received_at``: when the listener handed it on, in seconds of Unix time
    * ``token``: that of the lease under which the listener delivered it; None without leases
    * ``copy``: two calls have become one by this event, and this is the partition of the one whose
      events go to the other partition from now on
    * ``kind``: ``"event"`` or ``"notice"``
    """

    id: EventId
    raw: bytes
    received_at: float
    token: int | None = None
    copy: bool = False
    kind: Kind = "event"


def encode(batch: Sequence[Envelope]) -> bytes:
    """The bytes of a batch: of one server, in order.

    Raises ValueError for an empty batch, and for one of several servers.
    """
    servers = {one.id.server for one in batch}
    if len(servers) != 1:
        raise ValueError(f"a batch is of one server, not of {len(servers)}.")
    rows = [
        (one.id.epoch, one.id.sequence, one.received_at, one.token, one.copy, one.kind,
         len(one.raw))
        for one in batch
    ]  # fmt: skip
    head = {"schema": SCHEMA, "server": servers.pop(), "events": rows}
    line = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((line, b"\n", *(one.raw for one in batch)))


def decode(data: bytes) -> list[Envelope]:
    """The events of a batch that ``encode`` made, in order.

    Raises UnreadableBatch for another schema, and for what is damaged.
    """
    line, found, rest = data.partition(b"\n")
    try:
        head = json.loads(line) if found else {}
        if head["schema"] != SCHEMA:
            raise _unknown(head["schema"])
        return _envelopes(head["server"], head["events"], rest)
    except UnreadableBatch:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableBatch(
            f"a batch of events is damaged ({type(error).__name__}): its first line is no list of "
            "events."
        ) from None


def _unknown(schema: object) -> UnreadableBatch:
    if isinstance(schema, int):
        return UnreadableBatch(
            f"a batch of events has the schema {schema}, and this version of django_ami reads "
            f"{SCHEMA} alone: update the consumers before the listeners."
        )
    return UnreadableBatch(f"this is no batch of events: its schema is {shown(schema)}.")


def _envelopes(server: str, rows: list[list[Any]], rest: bytes) -> list[Envelope]:
    envelopes = []
    start = 0
    for epoch, sequence, received_at, token, copy, kind, length in rows:
        raw = rest[start : start + length]
        start += length
        envelopes.append(
            Envelope(EventId(server, epoch, sequence), raw, received_at, token, copy, kind)
        )
    if start != len(rest):
        raise UnreadableBatch(
            f"a batch of events is damaged: its events have {len(rest)} bytes, and should have "
            f"{start}."
        )
    return envelopes
