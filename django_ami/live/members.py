"""The members of queues; a member in all its queues is one agent.

Pure. Asterisk's CallsTaken and LastCall are whole seconds, and counted more than once in some
versions with ``shared_lastcall``; calls and their ends are counted and timed here. ``LastCall`` is
believed for a call that nobody here has seen, and where it moves in a queue that had no call: then
the queues share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.agents import BUSY_DEVICES, RINGING_DEVICES, AgentRecord, Membership
from django_ami.live.changes import Kind
from django_ami.live.queue_views import UNREACHABLE_DEVICES, AgentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.core.messages import Event
    from django_ami.live.day import Day
    from django_ami.live.parts import Shared
    from django_ami.live.queue_views import Member, QueueTalk

__all__ = ["Members", "per_queue"]

#: A change of LastCall so soon behind the end of a call is that call.
_SAME_CALL_SECONDS: Final = 5.0
#: How many agents that are in no queue any more are kept, at most.
_MOST_OFFLINE: Final = 1000
_IN_USE: Final = 2


class Members:
    """The members of all queues of a server, and the agents that they are."""

    def __init__(self, shared: Shared, day: Day) -> None:
        self._options = shared.options
        self._changes = shared.changes
        self._day = day
        #: By interface. An agent that is in no queue any more stays for the day, with its figures.
        self.agents: dict[str, AgentRecord] = {}
        self._offline: dict[str, int] = {}
        #: The agent that each channel calls, and since when.
        self._ringing: dict[str, tuple[AgentRecord, float]] = {}

    # --- events ---

    def update(self, event: Event, now: float, *, seeded: bool = False) -> None:
        """QueueMemberAdded, …Status, …Pause, …Penalty, …Ringinuse, or an item of QueueStatus.

        All of them tell everything.
        """
        queue, interface = event.get("Queue"), event.get("Interface") or event.get("Location")
        if not queue or not interface:
            return
        agent = self._agent(interface, now)
        one = agent.memberships.get(queue)
        fresh = one is None
        if one is None:
            one = self._enter(agent, queue)
            one.login = _time_of(event, "LoginTime", now) if seeded else now
        before = _deciding(one)
        self._take(one, event, now, seeded=seeded)
        if fresh or _deciding(one) != before or one.state == AgentState.WRAP_UP:
            agent.refresh(now, _since(one, event, now) if seeded and fresh else now, one)
        else:
            self._changes.note(Kind.MEMBER, one, now)

    def _take(self, one: Membership, event: Event, now: float, *, seeded: bool) -> None:
        agent = one.agent
        agent.name = event.get("MemberName") or event.get("Name") or agent.name or agent.interface
        one.device = event.get("StateInterface") or one.device
        one.penalty = whole_number(event.get("Penalty")) or 0
        one.wrapup_seconds = self._wrapup_seconds(event, one.queue)
        self._take_pause(one, event, now, seeded=seeded)
        status, in_call = whole_number(event.get("Status")), event.get("InCall")
        agent.device_state = agent.device_state if status is None else status
        if in_call is not None:
            # It stays 1 for a caller who was sent on to somebody else, until that one hangs up.
            one.over = one.over and in_call == "1"
            one.in_call = in_call == "1" and not one.over
        self._take_last_call(one, event, now, seeded=seeded)

    def remove(self, event: Event, now: float) -> None:
        """QueueMemberRemoved."""
        self._remove(event.get("Queue", ""), event.get("Interface", ""), now)

    def missed(self, event: Event, now: float) -> None:
        """AgentRingNoAnswer."""
        one = self._membership(event.get("Queue", ""), event.get("Interface", ""))
        if one is not None:
            one.calls_missed += 1
            self._changes.note(Kind.MEMBER, one, now)

    # --- calls ---

    def called(self, event: Event, now: float) -> None:
        """AgentCalled."""
        agent = self.agents.get(event.get("Interface", ""))
        uniqueid = event.get("DestUniqueid", "")
        if agent is not None and uniqueid:
            self._ringing[uniqueid] = agent, now
            agent.ringing.add(uniqueid)
            agent.refresh(now, now)

    def rings_no_more(self, uniqueid: str, now: float) -> None:
        """The channel that rang has ended, or talks."""
        called = self._ringing.pop(uniqueid, None)
        if called is not None:
            agent, _ = called
            agent.ringing.discard(uniqueid)
            agent.refresh(now, now)

    def talk_begins(self, talk: QueueTalk, now: float) -> None:
        """AgentConnect: an agent that takes a call of a queue is a member of it, known or not."""
        agent = self._agent(talk.interface, now)
        one = agent.memberships.get(talk.queue)
        if one is None:
            one = self._enter(agent, talk.queue)
            one.wrapup_seconds = self._set_wrapup_seconds(talk.queue)
        agent.talks[talk.channel] = talk
        self.rings_no_more(talk.member_channel, now)
        if agent.device_state in RINGING_DEVICES:
            agent.device_state = _IN_USE  # QueueMemberStatus may come a moment later
        one.in_call, one.over = True, False
        one.calls_taken += 1
        agent.refresh(now, now, one)

    def talk_ends(self, talk: QueueTalk, ended: float, now: float) -> float:
        """It ended then; for how many seconds the member may wrap up from that on."""
        agent = self.agents.get(talk.interface)
        if agent is None:
            return 0.0
        agent.talks.pop(talk.channel, None)
        places = list(agent.memberships.values())
        mine = agent.memberships.get(talk.queue)
        agent.last_wrapup_seconds = mine.wrapup_seconds if mine else 0.0
        for one in places if self._options.shared_lastcall else [mine] if mine else []:
            one.last_call, one.wrapup_until = ended, ended + agent.last_wrapup_seconds
        if mine is not None:
            mine.in_call, mine.over = False, True
        agent.refresh(now, ended, mine)
        return agent.last_wrapup_seconds

    # --- lists ---

    def infer(self, alive: set[str], asked: float, now: float) -> None:
        """A list, asked for then, knows only these channels."""
        for uniqueid, (_, since) in list(self._ringing.items()):
            if uniqueid not in alive and since < asked:
                self.rings_no_more(uniqueid, now)

    def seed(self, items: Iterable[Event], asked: float, now: float) -> None:
        """The items QueueMember of QueueStatus: members that are not in it are none any more."""
        known = set()
        for item in items:
            known.add((item.get("Queue", ""), item.get("Location") or item.get("Interface", "")))
            self.update(item, now, seeded=True)
        for interface, agent in list(self.agents.items()):
            for queue, one in list(agent.memberships.items()):
                if (queue, interface) not in known and (one.login is None or one.login < asked):
                    self._remove(queue, interface, now)

    def view(self) -> Mapping[tuple[str, str], Member]:
        """Every member, by queue and interface."""
        return {
            (queue, interface): one.snapshot()
            for interface, agent in list(self.agents.items())
            for queue, one in list(agent.memberships.items())
        }

    # --- parts of the above ---

    def _agent(self, interface: str, now: float) -> AgentRecord:
        agent = self.agents.get(interface)
        if agent is None:
            agent = self.agents[interface] = AgentRecord(interface, self._changes, self._day, now)
        return agent

    def _enter(self, agent: AgentRecord, queue: str) -> Membership:
        """It is a member of that queue from now on."""
        self._offline.pop(agent.interface, None)
        one = agent.memberships[queue] = Membership(queue, agent)
        return one

    def _membership(self, queue: str, interface: str) -> Membership | None:
        agent = self.agents.get(interface)
        return None if agent is None else agent.memberships.get(queue)

    def _remove(self, queue: str, interface: str, now: float) -> None:
        one = self._membership(queue, interface)
        if one is None:
            return
        agent = one.agent
        del agent.memberships[queue]
        one.state, one.since = AgentState.OFFLINE, now
        self._changes.note(Kind.MEMBER, one, now)
        agent.refresh(now, now)
        if not agent.memberships:
            self._offline[interface] = self._day.number(now)
            self.forget(now)

    def forget(self, now: float) -> None:
        """Agents of yesterday who are in no queue; and the first of too many of today."""
        today = self._day.number(now)
        while self._offline:
            interface, day = next(iter(self._offline.items()))
            if day == today and len(self._offline) <= _MOST_OFFLINE:
                return
            del self._offline[interface]
            self.agents.pop(interface, None)

    def _wrapup_seconds(self, event: Event, queue: str) -> float:
        """The member's own Wrapuptime; no event tells that of the queue, so it is an option."""
        return float(whole_number(event.get("Wrapuptime")) or 0) or self._set_wrapup_seconds(queue)

    def _set_wrapup_seconds(self, queue: str) -> float:
        return per_queue(self._options.wrapup_seconds, queue, 0.0)

    def _take_pause(self, one: Membership, event: Event, now: float, *, seeded: bool) -> None:
        paused = event.get("Paused")
        if paused is None:
            return
        if (paused == "1") != one.paused:
            one.paused = paused == "1"
            one.paused_since = None
            if one.paused:
                one.paused_since = _time_of(event, "LastPause", now) if seeded else now
        one.pause_reason = event.get("PausedReason", "") if one.paused else ""

    def _take_last_call(self, one: Membership, event: Event, now: float, *, seeded: bool) -> None:
        told = whole_number(event.get("LastCall"))
        if told is None or told == one.told_last_call:
            return
        before, one.told_last_call = one.told_last_call, told
        if not told or (one.last_call is not None and now - one.last_call < _SAME_CALL_SECONDS):
            return
        if seeded or before is None:
            one.last_call = min(float(told), now)
            one.wrapup_until = one.last_call + one.wrapup_seconds
        else:
            # A call of another queue that shares it, or one whose end has not been seen.
            one.last_call, one.wrapup_until = (
                now,
                now + (one.agent.last_wrapup_seconds or one.wrapup_seconds),
            )


def per_queue(setting: float | Mapping[str, float], queue: str, default: float) -> float:
    """A setting that is one number for all queues, or one for some of them by name."""
    return setting if isinstance(setting, (int, float)) else setting.get(queue, default)


def _time_of(event: Event, key: str, now: float) -> float | None:
    """A time of the server's clock, in whole seconds and at most our now; None if it is none."""
    told = whole_number(event.get(key))
    return min(float(told), now) if told else None


def _deciding(one: Membership) -> tuple[object, ...]:
    """The values on which its state, and that of its agent, depend."""
    return one.agent.device_state, one.paused, one.in_call, one.wrapup_until


def _since(one: Membership, item: Event, now: float) -> float | None:
    """The begin of a listed member's state.

    It is paused since LastPause, and free since the end of its last call or pause.
    """
    if one.paused:
        return one.paused_since
    if (
        one.agent.device_state in BUSY_DEVICES
        or one.agent.device_state in RINGING_DEVICES
        or one.in_call
    ):
        return None
    if one.agent.device_state in UNREACHABLE_DEVICES:
        return None
    times = [_time_of(item, key, now) for key in ("LastCall", "LastPause", "LoginTime")]
    return max((one for one in times if one is not None), default=None)
