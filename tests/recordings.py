"""The recordings of SIP calls in ``tests/data/calls``."""

from __future__ import annotations

import gzip
from pathlib import Path

from django_ami.core.messages import Event
from django_ami.core.protocol import Parser

__all__ = ["call", "calls"]

_CALLS = Path(__file__).parent / "data" / "calls"


def calls() -> list[Event]:
    """Every event of every recording, those before and after the calls included."""
    return [event for path in sorted(_CALLS.rglob("*.txt.gz")) for event in _read(path)]


def call(name: str, version: str = "22") -> list[Event]:
    """The events of one scenario: what lies between its marks."""
    events = _read(_CALLS / version / f"{name}.txt.gz")
    begin, end = (place for place, event in enumerate(events) if event.get("UserEvent") == "LabMark")
    return events[begin + 1 : end]


def _read(path: Path) -> list[Event]:
    messages = Parser().feed(gzip.decompress(path.read_bytes()))
    return [message for message in messages if isinstance(message, Event)]
