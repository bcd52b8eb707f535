"""A broadcast event: rendered once, then handed to every session that may have it."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from django_ami.simulator.frames import decode, render
from django_ami.simulator.masks import bits

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Event", "optional_headers"]


class Event:
    """One event with its bytes and the classes that a session's mask must have, all of them."""

    def __init__(self, name: str, headers: Iterable[tuple[str, str]], classes: str) -> None:
        self.name = name
        self.bits = bits(classes)
        self.data = render([("Event", name), ("Privilege", f"{classes},all"), *headers])

    @cached_property
    def text(self) -> str:
        """The whole event, as filters see it."""
        return decode(self.data)


def optional_headers(timestamps: bool, system_name: str) -> list[tuple[str, str]]:
    """The headers that ``timestampevents`` and ``systemname`` add to events, after Privilege."""
    headers = [("Timestamp", f"{time.time():.6f}")] if timestamps else []
    return [*headers, ("SystemName", system_name)] if system_name else headers
