"""What several tests of the core need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django_ami.core.messages import Event
from django_ami.core.protocol import Oversized, Parser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Response

CAPTURES = Path(__file__).parent.parent / "data" / "captures"

#: Every row of a table of bytes is read whole, byte by byte, and in pieces that fit nothing.
CHUNKS = [None, 1, 7]


def pieces(data: bytes, size: int | None) -> list[bytes]:
    """``data`` in pieces of ``size`` bytes; whole if that is None."""
    size = size or max(len(data), 1)
    return [data[start : start + size] for start in range(0, len(data), size)]


def feed(parser: Parser, chunks: Iterable[bytes]) -> list[Event | Response | Oversized]:
    """All messages of the chunks."""
    return [message for chunk in chunks for message in parser.feed(chunk)]


def show(message: Event | Response | Oversized) -> tuple:
    """A message as a table has it: (kind, name or status, header, header, ...); the first line is left out."""
    if isinstance(message, Oversized):
        return ("oversized", message.action_id)
    if isinstance(message, Event):
        return ("event", message.name, *message.headers[1:])
    return ("response", message.status, *message.headers[1:])
