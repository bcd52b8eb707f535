"""The functions that a client calls for events, and for servers that become ready or are lost.

Rule: each registration returns a function that undoes it and no other one, even of the same
function. Any thread may call both.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from django_ami.core.arguments import callable_of, plain_text, shown
from django_ami.core.naming import dotted_name
from django_ami.core.plans import Plans
from django_ami.core.session import Ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.plans import Call
    from django_ami.core.session import Notice

    #: One registration. Each is an object of its own, so that an undo removes it and no equal one.
    Entry = tuple[Callable[..., Any]]

__all__ = ["Subscribers"]

Key = TypeVar("Key")


class Subscribers:
    """The functions of one client. ``plans`` says which of them an event goes to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: By name of event in lower case; None: for every event.
        self._of_events: dict[str | None, tuple[Entry, ...]] = {}
        self._of_notices: dict[type[Notice], tuple[Entry, ...]] = {}
        self._wanted_besides: frozenset[str] | None = frozenset()
        self.plans = Plans(self._plan)

    def __bool__(self) -> bool:
        return bool(self._of_events or self._of_notices)

    # --- registering ---

    def subscribe(self, name: str | None, function: Callable[..., Any]) -> Callable[[], None]:
        """Register a function for the events of that name, or for every event."""
        if name is not None and not isinstance(name, str):
            raise TypeError(
                f"subscribe wants the name of an event, or None for every event, not {shown(name)}."
            )
        key = None if name is None else plain_text(name).lower()
        return self._enter(self._of_events, key, callable_of(function, "subscribe", "event"))

    def notify(self, kind: type[Notice], function: Callable[..., Any]) -> Callable[[], None]:
        """Register a function for one kind of notice."""
        wanted = ("on_ready", "handle") if kind is Ready else ("on_lost", "handle", "error")
        return self._enter(self._of_notices, kind, callable_of(function, *wanted))

    def want(self, names: frozenset[str] | None) -> None:
        """These events are wanted besides those of the functions.

        They are names in lower case, or None for all.
        """
        if names is not None and not (
            isinstance(names, frozenset) and all(isinstance(name, str) for name in names)
        ):
            raise TypeError(
                "set_interest wants a frozenset of names in lower case, or None, not "
                f"{shown(names)}."
            )
        self._wanted_besides = None if names is None else frozenset(map(plain_text, names))

    def _enter(
        self, entries: dict[Key, tuple[Entry, ...]], key: Key, function: Callable[..., Any]
    ) -> Callable[[], None]:
        entry: Entry = (function,)
        with self._lock:
            entries[key] = (*entries.get(key, ()), entry)
            self._forget_plans()

        def undo() -> None:
            with self._lock:
                left = tuple(one for one in entries.pop(key, ()) if one is not entry)
                if left:
                    entries[key] = left
                self._forget_plans()

        return undo

    def _forget_plans(self) -> None:
        # A batch of events may be under way with the plans of before: it plans anew. Its thread may
        # put back what it has just planned, so the next batch gets plans of its own.
        before, self.plans = self.plans, Plans(self._plan)
        before.clear()

    # --- looking up ---

    @property
    def interest(self) -> frozenset[str] | None:
        """The names, in lower case, of all events that are wanted; None if that is every event."""
        with self._lock:
            if self._wanted_besides is None or None in self._of_events:
                return None
            return self._wanted_besides.union(name for name in self._of_events if name is not None)

    def of_notice(self, kind: type[Notice]) -> list[Callable[..., Any]]:
        """The functions for one kind of notice."""
        return [function for (function,) in self._of_notices.get(kind, ())]

    def _plan(self, name: str) -> tuple[Call, ...]:
        entries = (*self._of_events.get(name.lower(), ()), *self._of_events.get(None, ()))
        return tuple((function, function, dotted_name(function)) for (function,) in entries)
