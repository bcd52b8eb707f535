"""Parts that tests of forwarding have in common."""

from __future__ import annotations

from collections.abc import Sequence

from django_ami.core.event_id import EventId
from django_ami.forwarding.envelope import Envelope, encode
from django_ami.forwarding.outlet import Batch

EPOCH = "01KB7Q0000000000000000EPOC"


def envelope(sequence: int, name: str = "Newexten", *, size: int = 0) -> Envelope:
    """The event of a number, of a server, with so many bytes more."""
    raw = b"Event: %s\r\nNumber: %d\r\nFiller: %s" % (name.encode(), sequence, b"x" * size)
    return Envelope(EventId("node_1", EPOCH, sequence), raw, 1_700_000_000.0 + sequence)


def batch(position: int, envelopes: Sequence[Envelope], partition: int = 3) -> Batch:
    """Events as a batch."""
    return Batch(
        partition, encode(envelopes), envelopes[0].id, envelopes[-1].id, "source", position
    )


def is_important(one: Envelope) -> bool:
    return one.raw.startswith(b"Event: Hangup") or one.kind == "notice"
