"""The rights that a project needs: the classes of ``read=`` and ``write=``, and no more.

Facts: an event comes to accounts that have all of its classes (process_events in main/manager.c).
An account may run an action if it has any of its classes (process_message).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django_ami import conf, signals
from django_ami.core.arguments import did_you_mean
from django_ami.core.catalog import ACTIONS, event
from django_ami.core.catalog import action as find_action
from django_ami.core.errors import ConfigurationError
from django_ami.core.naming import dotted_name
from django_ami.core.options import EVENT_CLASSES
from django_ami.live.rounds import LISTS
from django_ami.tools.usage import Usage, scan_project

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Needs", "Wanted", "gather"]

#: From harmless to powerful: of the classes that would do, the first one is asked for.
_BY_POWER: Final = (
    "reporting", "agent", "user", "call", "message", "aoc", "agi", "originate", "config", "system",
    "command",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """An event that somebody receives: the classes that it needs, and its receivers.

    All of the classes are needed; None: they are not known.
    """

    name: str
    classes: tuple[str, ...] | None
    receivers: tuple[str, ...]
    removed_in: int | None = None
    custom: bool = False
    """True if AMI_CUSTOM_EVENTS names it: then it comes, whatever the catalogue says."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The events that are received, and the actions that are sent.

    It also says whether there are receivers of every event.
    """

    events: tuple[Wanted, ...] = ()
    every_event: bool = False
    usage: Usage = field(default_factory=Usage)

    def read(self, mask: str = "on") -> tuple[str, ...]:
        """The classes of ``read=``: those of the events, and ``system``.

        Classes that the mask does not ask for are left out. FullyBooted and Shutdown are of class
        ``system``: they say that a server is ready, and that it goes.
        """
        asked_for = set(EVENT_CLASSES if mask == "on" else () if mask == "off" else mask.split(","))
        wanted = (
            asked_for
            if self.every_event
            else {name for one in self.events for name in one.classes or ()}
        )
        wanted = (wanted & asked_for) | {"system"} | ({"call"} if self.usage.outcomes else set())
        return tuple(name for name in EVENT_CLASSES if name in wanted)

    @property
    def names(self) -> frozenset[str] | None:
        """The names of the events, in lower case; None if every event is received."""
        return None if self.every_event else frozenset(one.name.lower() for one in self.events)

    def write(self, *, filters: bool = False) -> tuple[str, ...]:
        """The classes of ``write=`` with which every action may be run.

        They are the fewest and least powerful ones. A wait for the outcome of a call sets an event
        filter first, which needs ``system``; and so does a listener with ``filters``.
        """
        classes = [
            set(info.privileges) for name in self.usage.places if (info := find_action(name))
        ]
        needed = {name for one in classes if len(one) == 1 for name in one}
        if self.usage.outcomes or filters:
            needed.add("system")
        for one in classes:
            if one and not one & needed:
                needed.add(min(one, key=_BY_POWER.index))
        return tuple(name for name in EVENT_CLASSES if name in needed)


def gather(more_actions: Iterable[str] = ()) -> Needs:
    """The events of the connected receivers, and the actions of the source.

    Raises ConfigurationError for unknown actions.
    """
    usage = scan_project()
    for action in more_actions:
        if find_action(action) is None:
            raise ConfigurationError(
                f"--actions: Asterisk has no action {action!r}: {did_you_mean(action, ACTIONS)}"
            )
        usage.add(action, "--actions")
    custom = {name.lower(): classes or None for name, classes in conf.custom_events().items()}
    connected = signals.connected()
    wanted = []
    for name, functions in connected.items():
        if name is not None:
            info = event(name)
            classes = info.privileges if info else custom.get(name.lower())
            who = tuple(map(dotted_name, functions))
            removed_in = info.removed_in if info else None
            is_custom = name.lower() in custom
            wanted.append(Wanted(info.name if info else name, classes, who, removed_in, is_custom))
    if signals.is_picture_wanted():
        wanted += _of_the_picture(usage)
    return Needs(tuple(wanted), None in connected, usage)


def _of_the_picture(usage: Usage) -> list[Wanted]:
    """The events of a live picture; the actions for its lists are added to the usage."""
    functions = [function for one in signals.LIVE.values() for function in one.functions()]
    who = tuple(dict.fromkeys(map(dotted_name, functions))) or ("ami.live",)
    for action in LISTS:
        usage.add(action, "the live picture")
    if conf.read_live().variables:
        usage.add("Status", "the live picture")
    infos = map(event, sorted(signals.picture_events()))
    return [Wanted(info.name, info.privileges, who, info.removed_in) for info in infos if info]
