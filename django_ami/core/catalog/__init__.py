"""The catalogue of Asterisk: every action and event.

Each has its parameters, its privileges, and the event that completes it.

``event("hangup")`` and ``action("QueueReset")`` look one up without regard to case; ``EVENTS`` and
``ACTIONS`` are all of them, by name. They are those of Asterisk 22, and of 16 what 22 has no more
(``removed_in``). Modules decide which of them a server really has, so a name that is not here may
still exist on yours.

The tables are generated from the facts in the XML documentation that an installed Asterisk carries,
from a table of what that lacks, and from words of ours (``scripts/catalog``). They are loaded when
a program looks something up, not before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Generic, TypeVar

from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter

__all__ = [
    "ACTIONS",
    "EVENTS",
    "ActionInfo",
    "Catalog",
    "EventInfo",
    "Parameter",
    "action",
    "event",
]

Info = TypeVar("Info", ActionInfo, EventInfo)


class Catalog(Mapping[str, Info], Generic[Info]):
    """A mapping by name, looked up without regard to case and loaded on first use.

    In the order of the names.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    @cached_property
    def _by_name(self) -> dict[str, Info]:
        return {info.name: info for info in import_module(self._module).TABLE}

    @cached_property
    def _by_folded_name(self) -> dict[str, Info]:
        return {name.lower(): info for name, info in self._by_name.items()}

    def __getitem__(self, name: str) -> Info:
        try:
            return self._by_folded_name[name.lower()]
        except KeyError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


ACTIONS: Catalog[ActionInfo] = Catalog("django_ami.core.catalog.actions")
EVENTS: Catalog[EventInfo] = Catalog("django_ami.core.catalog.events")


def action(name: str) -> ActionInfo | None:
    """The action of this name, in whatever case; None if Asterisk has none."""
    return ACTIONS.get(name)


def event(name: str) -> EventInfo | None:
    """The event of this name, in whatever case; None if Asterisk has none."""
    return EVENTS.get(name)
