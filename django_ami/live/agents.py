"""A member of a queue, and the agent that it is together with its other memberships.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.changes import Kind
from django_ami.live.counting import IDLE, PAUSE, TALK, Occupation
from django_ami.live.queue_views import UNREACHABLE_DEVICES, Agent, AgentState, Member

if TYPE_CHECKING:
    from django_ami.live.changes import ChangeLog
    from django_ami.live.day import Day
    from django_ami.live.queue_views import QueueTalk

__all__ = ["BUSY_DEVICES", "RINGING_DEVICES", "AgentRecord", "Membership"]

#: Device states (include/asterisk/devicestate.h): ringing, ringing while in use; in use, busy, on
#: hold.
RINGING_DEVICES: Final = frozenset({6, 7})
BUSY_DEVICES: Final = frozenset({2, 3, 8})


class Membership:
    """A member in one queue."""

    __slots__ = (
        "agent", "calls_missed", "calls_taken", "counted", "device", "in_call", "last_call",
        "login", "over", "pause_reason", "paused", "paused_since", "penalty", "queue", "since",
        "state", "told_last_call", "wrapup_seconds", "wrapup_until",
    )  # fmt: skip

    def __init__(self, queue: str, agent: AgentRecord) -> None:
        self.queue = queue
        self.agent = agent
        self.device = agent.interface
        self.state = AgentState.OFFLINE
        self.since: float | None = None
        self.paused = self.in_call = False
        #: The member's part in the call is over, and Asterisk has not yet said so.
        self.over = False
        self.paused_since: float | None = None
        self.pause_reason = ""
        self.penalty = 0
        self.login: float | None = None
        #: When its last call for this queue ended, on our clock; and Asterisk's LastCall, which
        #: tells of a new one.
        self.last_call: float | None = None
        self.told_last_call: int | None = None
        self.wrapup_seconds = self.wrapup_until = 0.0
        self.calls_taken = self.calls_missed = 0

    def snapshot(self) -> Member:
        """The member as it is now, as far as events have told."""
        agent = self.agent
        return Member(
            self.queue, agent.interface, agent.name, self.device, agent.device_state, self.state,
            self.since, self.paused, self.paused_since, self.pause_reason, self.penalty, agent.talk,
            self.wrapup_until, self.last_call, self.calls_taken, self.calls_missed, self.login,
        )  # fmt: skip


class AgentRecord:
    """A member in all its queues."""

    __slots__ = (
        "_changes", "device_state", "interface", "last_wrapup_seconds", "memberships", "name",
        "occupation", "ringing", "since", "state", "talks",
    )  # fmt: skip

    def __init__(self, interface: str, changes: ChangeLog, day: Day, now: float) -> None:
        self._changes = changes
        self.interface = interface
        self.name = ""
        self.memberships: dict[str, Membership] = {}
        self.device_state = 0
        #: The channels by which it is called for a queue. A Local channel shows it nowhere else.
        self.ringing: set[str] = set()
        #: Its calls with callers of queues, by the caller's channel.
        self.talks: dict[str, QueueTalk] = {}
        #: How long the queue of its last call lets it wrap up, as do queues that share LastCall.
        self.last_wrapup_seconds = 0.0
        self.state = AgentState.OFFLINE
        self.since: float | None = now
        self.occupation = Occupation(day, now)

    @property
    def talk(self) -> QueueTalk | None:
        """The latest of its calls."""
        return next(reversed(self.talks.values()), None)

    @property
    def paused(self) -> bool:
        """In all its queues."""
        return all(one.paused for one in self.memberships.values())

    @property
    def wrapup_until(self) -> float:
        """When the last of its wrap-ups ends."""
        return max((one.wrapup_until for one in self.memberships.values()), default=0.0)

    def refresh(self, now: float, since: float | None, about: Membership | None = None) -> None:
        """Something changed, of one of its memberships (``about``) or of the agent.

        A state that is another one began at ``since``; None: nobody knows when.
        """
        state = AgentState.OFFLINE
        if self.memberships:
            in_call = any(one.in_call for one in self.memberships.values())
            state = self._state_of(self.paused, in_call, now < self.wrapup_until)
        self._turn(self, state, self.wrapup_until, now, since)
        for one in self.memberships.values():
            state = self._state_of(one.paused, one.in_call, now < one.wrapup_until)
            if self._turn(one, state, one.wrapup_until, now, since) or one is about:
                self._changes.note(Kind.MEMBER, one, now)
        doing = TALK if self.talks else PAUSE if self.paused else IDLE
        until = self.wrapup_until
        self.occupation.turn_to(now, doing if self.memberships else None, wrapup_until=until)

    def _turn(
        self,
        one: AgentRecord | Membership,
        state: AgentState,
        wrapup_until: float,
        now: float,
        since: float | None,
    ) -> bool:
        """Let it be in that state; whether it was in another one."""
        before = one.state
        if before == AgentState.WRAP_UP and wrapup_until <= now:
            one.state, one.since = self._resting, wrapup_until  # it ended without an event
        if state != one.state:
            one.state, one.since = state, since
        return one.state != before

    @property
    def _resting(self) -> AgentState:
        unreachable = self.device_state in UNREACHABLE_DEVICES
        return AgentState.UNREACHABLE if unreachable else AgentState.AVAILABLE

    def _state_of(self, paused: bool, in_call: bool, wrapping: bool) -> AgentState:
        """The first state that fits, in the order of AgentState."""
        if paused:
            return AgentState.PAUSED
        if self.ringing or self.device_state in RINGING_DEVICES:
            return AgentState.RINGING
        if self.talks or in_call:
            return AgentState.TALKING
        if self.device_state in BUSY_DEVICES:
            return AgentState.TALKING_OTHER
        return AgentState.WRAP_UP if wrapping else self._resting

    def state_at(self, now: float) -> AgentState:
        """Its state now: a wrap-up ends without an event."""
        over = self.state == AgentState.WRAP_UP and self.wrapup_until <= now
        return self._resting if over else self.state

    def draw(self, now: float) -> Agent:
        """The agent as it is, with its times up to now."""
        places = list(self.memberships.values())
        pauses = [one.pause_reason for one in places if one.paused]
        today, ever = (self.occupation.seconds(now, today=which) for which in (True, False))
        device = next((one.device for one in places), self.interface)
        reason = next(filter(None, pauses), "") if self.state == AgentState.PAUSED else ""
        return Agent(
            self.interface, self.name, device, self.device_state, self.state, self.since, reason,
            {one.queue: one.paused for one in sorted(places, key=lambda one: one.queue)},
            self.talk, max((one.wrapup_until for one in places), default=0.0),
            sum(one.calls_taken for one in places),
            today, self.occupation.occupancy(now, today=True),
            ever, self.occupation.occupancy(now, today=False),
        ).at(now)  # fmt: skip
