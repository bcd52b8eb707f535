"""Which dispatcher delivers events in this process, for those who look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.process import mark_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.dispatch import Dispatcher

__all__ = ["note", "running"]

#: The open dispatchers, and whether this is still the process of each.
_open: list[tuple[Dispatcher, Callable[[], object]]] = []


def note(dispatcher: Dispatcher) -> Callable[[], None]:
    """It is open from now on; returns a function that ends that."""
    entry = dispatcher, mark_process()
    _open.append(entry)
    return lambda: _open.remove(entry)


def running() -> Dispatcher | None:
    """The dispatcher that is open in this process, of several the last one; None if none is."""
    entry = next(reversed(_open), None)
    return entry[0] if entry is not None and entry[1]() else None
