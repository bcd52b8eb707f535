"""The live picture of some servers: channels, queues, rates. Pure: events and lists in, rows out; ``now`` an argument.

Rule: a list is the truth of its moment, and events carry it on. Whatever an event says of a channel or a queue that is
not known is believed; what is gone for good is forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Event

__all__ = ["Channel", "Queue", "ServerBoard", "Wallboard"]

#: Rates are those of so many seconds.
WINDOW: Final = 10

#: Device states (include/asterisk/devicestate.h) of a member of a queue who cannot be called now.
_BUSY: Final = frozenset({"2", "3", "6", "7", "8"})
_AWAY: Final = frozenset({"0", "4", "5"})


class Rate:
    """How many there were per second, of late."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque()

    def add(self, now: float) -> None:
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = second, self._seconds[-1][1] + 1
        else:
            self._seconds.append((second, 1))
            self._forget(now)

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] < int(now) - WINDOW:
            self._seconds.popleft()

    def per_second(self, now: float) -> float:
        """Of the last whole seconds; the one that is not over would make it jump."""
        self._forget(now)
        return sum(count for second, count in self._seconds if second < int(now)) / WINDOW


@dataclass(slots=True)
class Channel:
    """A live channel. ``since`` is when it came to be, on our clock."""

    name: str
    uniqueid: str
    since: float
    linkedid: str = ""
    state: str = ""
    caller: str = ""
    connected: str = ""
    exten: str = ""
    application: str = ""

    def update(self, event: Event) -> None:
        """Take over what an event says of it, with or without an application."""
        self.name = event.get("Channel", self.name)
        self.linkedid = event.get("Linkedid", self.linkedid)
        self.state = event.get("ChannelStateDesc", self.state)
        self.caller = _known(event.get("CallerIDNum"), self.caller)
        self.connected = _known(event.get("ConnectedLineNum"), self.connected)
        self.exten = event.get("Exten", self.exten)
        self.application = event.get("Application", self.application)


@dataclass(slots=True)
class Queue:
    """A queue: who waits since when (by Uniqueid), the members' states (by interface), and what it has done."""

    name: str
    waiting: dict[str, float] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    completed: int = 0
    abandoned: int = 0

    def count(self, state: str) -> int:
        """How many members are ``free``, ``busy``, ``paused`` or ``away``."""
        return sum(one == state for one in self.members.values())

    def longest(self, now: float) -> float:
        """How long the first in the row has been waiting, in seconds."""
        return max((now - since for since in self.waiting.values()), default=0.0)


@dataclass(slots=True)
class ServerBoard:
    """One server."""

    name: str
    state: str = "connecting"
    version: str = ""
    events: Rate = field(default_factory=Rate)
    calls: Rate = field(default_factory=Rate)
    channels: dict[str, Channel] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    dropped: int = 0
    notes: dict[str, str] = field(default_factory=dict)

    # --- the connection ---

    def ready(self, version: str) -> None:
        self.state, self.version = "ready", version

    def lost(self, why: str) -> None:
        """What was live is not known any more."""
        self.state = why
        self.channels.clear()
        self.queues.clear()

    # --- lists ---

    def list_channels(self, items: Iterable[Event], now: float) -> None:
        """The items of CoreShowChannels."""
        before, self.channels = self.channels, {}
        for item in items:
            uniqueid = item.get("Uniqueid", "")
            since = before[uniqueid].since if uniqueid in before else now - _duration(item.get("Duration", ""))
            channel = self.channels[uniqueid] = Channel(item.get("Channel", ""), uniqueid, since)
            channel.update(item)

    def list_queues(self, items: Iterable[Event], now: float) -> None:
        """The items of QueueStatus."""
        self.queues.clear()
        for item in items:
            queue = self._queue(item)
            match item.name.lower():
                case "queueparams":
                    queue.completed, queue.abandoned = _number(item, "Completed"), _number(item, "Abandoned")
                case "queuemember":
                    queue.members[item.get("Location", "")] = _member_state(item)
                case "queueentry":
                    queue.waiting[item.get("Uniqueid", "")] = now - _number(item, "Wait")

    def _queue(self, event: Event) -> Queue:
        name = event.get("Queue", "")
        return self.queues.setdefault(name, Queue(name))

    # --- events ---

    def apply(self, event: Event, now: float) -> None:
        """Something happened."""
        self.events.add(now)
        name = event.name.lower()
        if name.startswith(("queue", "agentcomplete")) and "Queue" in event:
            self._apply_to_queue(name, event, now)
        elif name == "hangup":
            self.channels.pop(event.get("Uniqueid", ""), None)
        elif name == "rename":
            if (channel := self.channels.get(event.get("Uniqueid", ""))) is not None:
                channel.name = event.get("Newname", channel.name)
        elif name == "newchannel":
            uniqueid = event.get("Uniqueid", "")
            if event.get("Linkedid", uniqueid) == uniqueid:
                self.calls.add(now)
            self.channels.setdefault(uniqueid, Channel("", uniqueid, now)).update(event)
        elif "ChannelStateDesc" in event and (channel := self.channels.get(event.get("Uniqueid", ""))) is not None:
            channel.update(event)

    def _apply_to_queue(self, name: str, event: Event, now: float) -> None:
        queue = self._queue(event)
        match name:
            case "queuecallerjoin":
                queue.waiting[event.get("Uniqueid", "")] = now
            case "queuecallerleave":
                queue.waiting.pop(event.get("Uniqueid", ""), None)
            case "queuecallerabandon":
                queue.waiting.pop(event.get("Uniqueid", ""), None)
                queue.abandoned += 1
            case "agentcomplete":
                queue.completed += 1
            case "queuememberremoved":
                queue.members.pop(event.get("Interface", ""), None)
            case _ if name.startswith("queuemember"):
                queue.members[event.get("Interface", "")] = _member_state(event)

    # --- what is to be seen ---

    def live_calls(self) -> int:
        """Channels that belong together are one call."""
        return len({channel.linkedid or channel.uniqueid for channel in self.channels.values()})


class Wallboard:
    """All servers."""

    def __init__(self, names: Iterable[str]) -> None:
        self.servers = {name: ServerBoard(name) for name in names}

    def as_dict(self, now: float) -> dict[str, Any]:
        """For JSON. Times are in seconds, rates per second."""
        return {"servers": [_as_dict(server, now) for server in self.servers.values()]}


def _as_dict(server: ServerBoard, now: float) -> dict[str, Any]:
    return {
        "server": server.name,
        "state": server.state,
        "events_per_second": round(server.events.per_second(now), 2),
        "calls_per_second": round(server.calls.per_second(now), 2),
        "calls": server.live_calls(),
        "dropped": server.dropped,
        "channels": [
            {
                "channel": one.name,
                "state": one.state,
                "caller": one.caller,
                "connected": one.connected,
                "exten": one.exten,
                "application": one.application,
                "seconds": round(now - one.since, 1),
            }
            for one in server.channels.values()
        ],
        "queues": [
            {
                "queue": one.name,
                "waiting": len(one.waiting),
                "longest": round(one.longest(now), 1),
                **{state: one.count(state) for state in ("free", "busy", "paused", "away")},
                "completed": one.completed,
                "abandoned": one.abandoned,
            }
            for one in server.queues.values()
        ],
    }


def _known(value: str | None, before: str) -> str:
    """A number that Asterisk knows."""
    return before if value is None else "" if value == "<unknown>" else value


def _number(event: Event, key: str) -> int:
    text = event.get(key, "")
    return int(text) if text.isdecimal() else 0


def _duration(text: str) -> float:
    """``00:01:05`` in seconds."""
    parts = text.split(":")
    if not all(part.isdecimal() for part in parts):
        return 0.0
    return float(sum(int(part) * 60**power for power, part in enumerate(reversed(parts))))


def _member_state(event: Event) -> str:
    if event.get("Paused") == "1":
        return "paused"
    status = event.get("Status", "")
    if status in _BUSY or event.get("InCall") == "1":
        return "busy"
    return "away" if status in _AWAY else "free"
