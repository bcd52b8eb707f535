"""Queues of the live picture: who waits, who takes calls, and an agent as the sum of his memberships. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.management.wallboard import Channel

__all__ = ["Agent", "Member", "Queue", "agent_of", "member_state", "number"]

#: Device states (include/asterisk/devicestate.h) of a member of a queue who cannot be called now.
_BUSY: Final = frozenset({"2", "3", "6", "7", "8"})
_AWAY: Final = frozenset({"0", "4", "5"})


@dataclass(slots=True)
class Member:
    """Who takes calls of a queue: ``free``, ``busy``, ``paused`` or ``away``.

    ``device`` is whose state that is, ``since`` when it became so, on our clock (None: not known), ``reason`` why it is
    paused.
    """

    interface: str
    name: str = ""
    device: str = ""
    state: str = ""
    since: float | None = None
    reason: str = ""

    def update(self, event: Event, since: float | None) -> None:
        """Take over what an event or the item of a list says; a state that is another one began at ``since``."""
        state = member_state(event)
        if state != self.state:
            self.state, self.since = state, since
        self.name = event.get("MemberName") or event.get("Name") or self.name
        self.device = event.get("StateInterface") or self.device or self.interface
        self.reason = event.get("PausedReason", "") if state == "paused" else ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A member in all its queues (``True``: paused there), and the channel of its call, if it has one."""

    interface: str
    name: str
    state: str
    since: float | None
    reason: str
    queues: dict[str, bool]
    channel: Channel | None


@dataclass(slots=True)
class Queue:
    """A queue: who waits since when (by Uniqueid), its members (by interface), and what it has done."""

    name: str
    waiting: dict[str, float] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    completed: int = 0
    abandoned: int = 0

    def count(self, state: str) -> int:
        """How many members are ``free``, ``busy``, ``paused`` or ``away``."""
        return sum(one.state == state for one in self.members.values())

    def longest(self, now: float) -> float:
        """How long the first in the row has been waiting, in seconds."""
        return max((now - since for since in self.waiting.values()), default=0.0)


def agent_of(interface: str, places: list[tuple[str, Member]], devices: Mapping[str, Channel]) -> Agent:
    """An agent is paused if it is in all its queues; else it is what it is where it is not."""
    _, shown = next((place for place in places if place[1].state != "paused"), places[0])
    # Local/a1@agents/n: options are no part of a channel's name.
    names = [part for one in (shown.device, interface) for part in (one, one.rpartition("/")[0] if "@" in one else one)]
    channel = next((devices[name.lower()] for name in names if name.lower() in devices), None)
    queues = {queue: member.state == "paused" for queue, member in sorted(places, key=lambda place: place[0])}
    return Agent(interface, shown.name or interface, shown.state, shown.since, shown.reason, queues, channel)


def number(event: Event, key: str) -> int:
    """A header that is a whole number; 0 if it is none."""
    text = event.get(key, "")
    return int(text) if text.isdecimal() else 0


def member_state(event: Event) -> str:
    """``free``, ``busy``, ``paused`` or ``away``, as an event or the item of a list says."""
    if event.get("Paused") == "1":
        return "paused"
    status = event.get("Status", "")
    if status in _BUSY or event.get("InCall") == "1":
        return "busy"
    return "away" if status in _AWAY else "free"
