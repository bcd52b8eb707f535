"""The recordings of SIP calls in ``tests/data/calls`` and ``tests/data/phones``."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from django_ami.core.messages import Event
from django_ami.core.protocol import Parser

__all__ = ["call", "calls", "scenarios", "timed", "truth"]

_DATA = Path(__file__).parent / "data"
_CALLS = _DATA / "calls"


def calls() -> list[Event]:
    """Every event of every recording with a truth, those before and after the calls included."""
    return [event for path in sorted(_CALLS.rglob("*.txt.gz")) for event in _read(path)]


def call(name: str, version: str = "22") -> list[Event]:
    """The events of one scenario, between its marks."""
    events = _read(_CALLS / version / f"{name}.txt.gz")
    begin, end = (
        place for place, event in enumerate(events) if event.get("UserEvent") == "LabMark"
    )
    return events[begin + 1 : end]


def scenarios(folder: str = "calls") -> list[tuple[str, str]]:
    """The name and the version of each recording of a folder."""
    paths = sorted((_DATA / folder).rglob("*.txt.gz"))
    return [(path.name.removesuffix(".txt.gz"), path.parent.name) for path in paths]


def timed(name: str, version: str = "22", folder: str = "calls") -> list[tuple[float, Event]]:
    """Every event of a recording, with the seconds from its begin to the reception."""
    return list(_timed(name, version, folder))


@cache
def _timed(name: str, version: str, folder: str) -> tuple[tuple[float, Event], ...]:
    place = _DATA / folder / version
    raw = gzip.decompress((place / f"{name}.txt.gz").read_bytes())
    index = gzip.decompress((place / f"{name}.index.jsonl.gz").read_bytes())
    parser, found = Parser(), list[tuple[float, Event]]()
    for line in index.splitlines():
        read = json.loads(line)
        messages = parser.feed(raw[read["at"] : read["at"] + read["len"]])
        found += [(read["t"], one) for one in messages if isinstance(one, Event)]
    return tuple(found)


def truth(name: str, version: str = "22") -> dict[str, Any]:
    """The knowledge of the telephones about a scenario, on the clock of ``timed``."""
    found: dict[str, Any] = json.loads((_CALLS / version / f"{name}.truth.json").read_text())
    return found


def _read(path: Path) -> list[Event]:
    messages = Parser().feed(gzip.decompress(path.read_bytes()))
    return [message for message in messages if isinstance(message, Event)]
