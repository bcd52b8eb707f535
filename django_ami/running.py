"""Which dispatcher delivers events in this process, and which consumer, for those who look."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django_ami.core.process import mark_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.dispatch import Dispatcher

__all__ = ["note", "noted_consumer", "running", "running_consumer"]

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


_consumers: list[Any] = []


@contextmanager
def noted_consumer(consumer: Any) -> Iterator[None]:
    """Meanwhile this consumer runs in this process."""
    _consumers.append(consumer)
    try:
        yield
    finally:
        _consumers.remove(consumer)


def running_consumer() -> Any:
    """The consumer of forwarded events that runs in this process; None if none does."""
    return next(reversed(_consumers), None)
