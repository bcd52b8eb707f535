"""The live picture of some servers: channels, queues, rates. Pure: events and lists in, rows out; ``now`` an argument.

Rule: a list is the truth of its moment, and events carry it on. Whatever an event says of a channel or a queue that is
not known is believed; what is gone for good is forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django_ami.management.queues import Agent, Member, Queue, agent_of, member_state, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Event

__all__ = ["Channel", "ServerBoard", "Wallboard"]

#: Rates are those of so many seconds.
WINDOW: Final = 10


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

    def other_side(self) -> str:
        """With whom it talks, or whom it calls, as far as is known."""
        return self.connected or self.exten or self.caller


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
    #: What to add to our clock for the time of day, as LastPause and the like have it; None: not known.
    epoch: float | None = None

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
        before, self.queues = self.queues, {}
        for item in items:
            queue = self._queue(item)
            match item.name.lower():
                case "queueparams":
                    queue.completed, queue.abandoned = number(item, "Completed"), number(item, "Abandoned")
                case "queuemember":
                    interface = item.get("Location", "")
                    known = before[queue.name].members.get(interface) if queue.name in before else None
                    member = queue.members[interface] = known or Member(interface)
                    member.update(item, self._since(item) if known is None else now)
                case "queueentry":
                    queue.waiting[item.get("Uniqueid", "")] = now - number(item, "Wait")

    def _since(self, item: Event) -> float | None:
        """When a member became what it is: paused at LastPause, free at the end of the last call or at the login."""
        keys = {"paused": ("LastPause",), "free": ("LastCall", "LastPause", "LoginTime")}
        latest = max((number(item, key) for key in keys.get(member_state(item), ())), default=0)
        return None if self.epoch is None or not latest else latest - self.epoch

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
                interface = event.get("Interface", "")
                queue.members.setdefault(interface, Member(interface)).update(event, now)

    # --- what is to be seen ---

    def live_calls(self) -> int:
        """Channels that belong together are one call."""
        return len({channel.linkedid or channel.uniqueid for channel in self.channels.values()})

    def agents(self) -> list[Agent]:
        """The members of all queues, each once, by name."""
        found: dict[str, list[tuple[str, Member]]] = {}
        for queue in self.queues.values():
            for interface, member in queue.members.items():
                found.setdefault(interface, []).append((queue.name, member))
        devices = self._by_device() if found else {}
        agents = [agent_of(interface, places, devices) for interface, places in found.items()]
        return sorted(agents, key=lambda agent: (agent.name.lower(), agent.interface))

    def _by_device(self) -> dict[str, Channel]:
        """A channel of each device: PJSIP/101-00000001 is of PJSIP/101. One that knows the other side is preferred."""
        found: dict[str, Channel] = {}
        for channel in self.channels.values():
            device = channel.name.rpartition("-")[0].lower()
            if device not in found or (channel.connected and not found[device].connected):
                found[device] = channel
        return found


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
        "agents": [
            {
                "agent": one.name,
                "interface": one.interface,
                "state": one.state,
                "seconds": None if one.since is None else round(now - one.since, 1),
                "reason": one.reason,
                "call": one.channel and one.channel.other_side(),
                "call_seconds": one.channel and round(now - one.channel.since, 1),
                "queues": one.queues,
            }
            for one in server.agents()
        ],
    }


def _known(value: str | None, before: str) -> str:
    """A number that Asterisk knows."""
    return before if value is None else "" if value == "<unknown>" else value


def _duration(text: str) -> float:
    """``00:01:05`` in seconds."""
    parts = text.split(":")
    if not all(part.isdecimal() for part in parts):
        return 0.0
    return float(sum(int(part) * 60**power for power, part in enumerate(reversed(parts))))
