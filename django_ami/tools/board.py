"""The servers of the live screen: each one's tracker, its connection, and its rates.

Pure: events and lists in, rows out; ``now`` an argument, in seconds of Unix time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django_ami.live.changes import Kind
from django_ami.live.lists import Lists
from django_ami.live.queue_views import AgentState
from django_ami.live.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django_ami.core.messages import Event
    from django_ami.live.options import Options
    from django_ami.live.queue_views import Agent, Queue
    from django_ami.live.snapshots import Channel

__all__ = ["Rate", "ServerBoard", "ShownAgent", "ShownQueue", "Wallboard"]

#: Rates are those of so many seconds.
WINDOW_SECONDS: Final = 10
#: The states of a member in four words: may it be called now?
_WORDS: Final[Mapping[AgentState, str]] = {
    AgentState.OFFLINE: "away",
    AgentState.PAUSED: "paused",
    AgentState.AVAILABLE: "free",
    AgentState.RINGING: "busy",
    AgentState.TALKING: "busy",
    AgentState.TALKING_OTHER: "busy",
    AgentState.WRAP_UP: "busy",
    AgentState.UNREACHABLE: "away",
}


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
        while self._seconds and self._seconds[0][0] < int(now) - WINDOW_SECONDS:
            self._seconds.popleft()

    def per_second(self, now: float) -> float:
        """Of the last whole seconds; the one that is not over would make it jump."""
        self._forget(now)
        return sum(count for second, count in self._seconds if second < int(now)) / WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class ShownQueue:
    """A queue, and how many of its members are ``free``, ``busy``, ``paused`` and ``away``."""

    queue: Queue
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShownAgent:
    """An agent, and the other side of its call, since when: in a queue or elsewhere."""

    agent: Agent
    other_side: str | None
    call_since: float | None
    #: Its telephone rings, for a queue or for somebody else.
    rings: bool

    @property
    def state(self) -> str:
        """``free``, ``busy``, ``paused`` or ``away``."""
        return _WORDS[self.agent.state]

    @property
    def doing(self) -> str:
        """As ``state``, with ``ringing`` and ``wrap-up`` told apart from it."""
        wraps_up = self.agent.state == AgentState.WRAP_UP
        return "ringing" if self.rings else "wrap-up" if wraps_up else self.state


@dataclass(slots=True)
class ServerBoard:
    """One server."""

    name: str
    state: str = "connecting"
    version: str = ""
    options: Options | None = None
    events: Rate = field(default_factory=Rate)
    calls: Rate = field(default_factory=Rate)
    dropped: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    tracker: Tracker = field(init=False)

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.name, self.options)

    # --- the connection ---

    def ready(self, version: str) -> None:
        self.state, self.version = "ready", version

    def lost(self, why: str) -> None:
        """The live state is unknown from now on; lists will tell how it went on."""
        self.state = why

    @property
    def known(self) -> bool:
        """The picture is that of now."""
        return self.state == "ready"

    # --- events and lists ---

    def apply(self, event: Event, now: float) -> None:
        """Something happened."""
        self.events.add(now)
        for change in self.tracker.feed(event, now):
            if change.kind == Kind.STARTED:
                self.calls.add(now)

    def list_channels(self, items: Sequence[Event], asked: float, now: float) -> None:
        """The items of CoreShowChannels, which was asked for then."""
        self.tracker.seed(Lists(asked, channels=items), now)

    def list_queues(self, items: Sequence[Event], asked: float, now: float) -> None:
        """The items of QueueStatus, which was asked for then."""
        self.tracker.seed(Lists(asked, queues=items), now)

    # --- rows ---

    def channels(self) -> list[Channel]:
        """The live channels, the oldest first."""
        if not self.known:
            return []
        return sorted(self.tracker.channels.values(), key=lambda channel: channel.since)

    def live_calls(self) -> int:
        """Channels that belong together are one call."""
        return len(self.tracker.calls) if self.known else 0

    def queues(self, now: float) -> list[ShownQueue]:
        """The queues, in the order of the server's list."""
        if not self.known:
            return []
        self.tracker.tick(now)
        members: dict[str, dict[str, int]] = {}
        for member in self.tracker.members.values():
            counts = members.setdefault(member.queue, dict.fromkeys(_COUNTED, 0))
            counts[_WORDS[member.at(now).state]] += 1
        return [
            ShownQueue(queue, members.get(name, dict.fromkeys(_COUNTED, 0)))
            for name, queue in self.tracker.queues.items()
        ]

    def agents(self, now: float) -> list[ShownAgent]:
        """The members of all queues, each once, by name."""
        if not self.known:
            return []
        devices = self._by_device()
        agents = [one for one in self.tracker.agents(now).values() if one.queues]
        agents.sort(key=lambda agent: (agent.name.lower(), agent.interface))
        return [_shown(agent, self._channel_of(agent, devices)) for agent in agents]

    def _channel_of(self, agent: Agent, devices: Mapping[str, Channel]) -> Channel | None:
        for name in (agent.device, agent.interface):
            # Local/a1@agents/n: options are no part of a channel's name.
            for one in (name, name.rpartition("/")[0] if "@" in name else name):
                if one.lower() in devices:
                    return devices[one.lower()]
        return None

    def _by_device(self) -> dict[str, Channel]:
        """A channel of each device; one that knows the other side is preferred."""
        found: dict[str, Channel] = {}
        for channel in self.tracker.channels.values():
            device = channel.name.rpartition("-")[0].lower()
            if device not in found or (
                channel.connected_number and not found[device].connected_number
            ):
                found[device] = channel
        return found


_COUNTED: Final = ("free", "busy", "paused", "away")


#: ``ChannelStateDesc`` of a telephone that rings (ast_state2str in main/channel.c).
_RINGING: Final = frozenset({"Ringing", "Pre-ring"})


def _shown(agent: Agent, channel: Channel | None) -> ShownAgent:
    talk = agent.talk
    rings = agent.state == AgentState.RINGING or (channel is not None and channel.state in _RINGING)
    if talk is not None and (talk.number or channel is None):
        return ShownAgent(agent, talk.number, talk.begin, rings)
    if channel is not None:
        other = channel.connected_number or channel.exten or channel.number
        return ShownAgent(agent, other, channel.since, rings)
    return ShownAgent(agent, None, None, rings)


class Wallboard:
    """All servers."""

    def __init__(self, names: Iterable[str], options: Options | None = None) -> None:
        self.servers = {name: ServerBoard(name, options=options) for name in names}

    def as_dict(self, now: float) -> dict[str, Any]:
        """For JSON. Times are in seconds, rates per second."""
        return {"servers": [_server(server, now) for server in self.servers.values()]}


def _server(server: ServerBoard, now: float) -> dict[str, Any]:
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
                "caller": one.number,
                "connected": one.connected_number,
                "exten": one.exten,
                "application": one.application,
                "seconds": round(now - one.since, 1),
            }
            for one in server.channels()
        ],
        "queues": [_queue(shown, now) for shown in server.queues(now)],
        "agents": [_agent(shown, now) for shown in server.agents(now)],
    }


def _queue(shown: ShownQueue, now: float) -> dict[str, Any]:
    queue, today = shown.queue, shown.queue.today
    return {
        "queue": queue.name,
        "waiting": queue.waiting,
        "longest": round(queue.longest_wait_now(now) or 0.0, 1),
        **shown.members,
        "completed": today.talks,
        "answered": today.answered,
        "abandoned": today.abandoned,
        "short_abandons": today.short_abandons,
        "left": {str(result): count for result, count in today.left.items()},
        **{name: _rounded(value) for name, value in queue.figures().items()},
    }


def _agent(shown: ShownAgent, now: float) -> dict[str, Any]:
    agent = shown.agent
    return {
        "agent": agent.name,
        "interface": agent.interface,
        "state": shown.state,
        "doing": str(agent.state),
        "seconds": None if agent.since is None else round(now - agent.since, 1),
        "reason": agent.pause_reason,
        "call": shown.other_side,
        "call_seconds": None if shown.call_since is None else round(now - shown.call_since, 1),
        "queues": dict(agent.queues),
        "calls_taken": agent.calls_taken,
        "occupancy": _rounded(agent.occupancy_today),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
