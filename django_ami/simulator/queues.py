"""Queues and their members, with the headers of app_queue's events and list items."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel, Pairs

__all__ = ["UNAVAILABLE", "Member", "Queue", "Waiting", "default_queues"]

NOT_IN_USE, IN_USE, UNAVAILABLE, RINGING = 1, 2, 5, 6


@dataclass(slots=True)
class Member:
    """A member of one queue. ``status`` follows the state of its device."""

    interface: str
    name: str
    membership: str = "static"
    penalty: int = 0
    state_interface: str = ""
    status: int = NOT_IN_USE
    paused: bool = False
    paused_reason: str = ""
    ringinuse: bool = True
    wrapup_seconds: int = 0
    in_call: bool = False
    is_called: bool = False
    """A queue has chosen it, and calls it: no other caller may have it."""
    calls_taken: int = 0
    last_call: int = 0
    last_pause: int = 0
    login_time: int = field(default_factory=lambda: int(time.time()))

    def _numbers(self) -> Pairs:
        return [
            ("StateInterface", self.state_interface or self.interface),
            ("Membership", self.membership),
            ("Penalty", str(self.penalty)),
            ("CallsTaken", str(self.calls_taken)),
            ("LastCall", str(self.last_call)),
            ("LastPause", str(self.last_pause)),
            ("LoginTime", str(self.login_time)),
            ("InCall", str(int(self.in_call))),
            ("Status", str(self.status)),
            ("Paused", str(int(self.paused))),
            ("PausedReason", self.paused_reason),
        ]

    def is_free(self, now: float) -> bool:
        """Can a queue call it?"""
        busy = self.paused or self.in_call or self.is_called
        is_wrapping_up = self.last_call > 0 and now < self.last_call + self.wrapup_seconds
        return not busy and not is_wrapping_up and self.status == NOT_IN_USE

    def as_event(self, queue: str) -> Pairs:
        """The headers of QueueMemberStatus and its kin."""
        return [
            ("Queue", queue),
            ("MemberName", self.name),
            ("Interface", self.interface),
            *self._numbers(),
            ("Ringinuse", str(int(self.ringinuse))),
            ("Wrapuptime", str(self.wrapup_seconds)),
        ]

    def as_item(self, queue: str) -> Pairs:
        """The headers of QueueStatus' QueueMember: other names than in the events, no Ringinuse."""
        return [
            ("Queue", queue),
            ("Name", self.name),
            ("Location", self.interface),
            *self._numbers(),
            ("Wrapuptime", str(self.wrapup_seconds)),
        ]


@dataclass(slots=True)
class Waiting:
    """A caller in a queue."""

    channel: Channel
    since: float
    #: Its place when it came in.
    original_position: int = 0
    #: A member's telephone rings for it.
    is_ringing: bool = False

    def seconds(self, now: float) -> int:
        """How long it has been waiting."""
        return int(now - self.since)


@dataclass(slots=True)
class Queue:
    """A queue with its members, callers and counters."""

    name: str
    strategy: str = "ringall"
    service_level: int = 0
    weight: int = 0
    shared_lastcall: bool = False
    """A member's last call counts in all its queues."""
    members: list[Member] = field(default_factory=list)
    callers: list[Waiting] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0
    hold_time: int = 0
    talk_time: int = 0

    def member(self, interface: str) -> Member | None:
        """The member with that interface."""
        return next((member for member in self.members if member.interface == interface), None)

    def free_members(self, now: float) -> list[Member]:
        """The members that can be called: lowest penalty first, then by the strategy.

        ``leastrecent`` is by the last call, every other one by the fewest calls taken.
        """
        free = [one for one in self.members if one.is_free(now)]
        if self.strategy == "leastrecent":
            return sorted(free, key=lambda one: (one.penalty, one.last_call))
        return sorted(free, key=lambda one: (one.penalty, one.calls_taken))

    def turn(self, caller: Waiting, now: float) -> list[Member]:
        """The members whom a caller may have: each one ahead of it has a claim to one of them."""
        ahead = self.callers[: self.callers.index(caller)]
        return self.free_members(now)[sum(not one.is_ringing for one in ahead) :]

    def position(self, channel: Channel) -> int:
        """The place of a caller, from 1."""
        return next(n for n, caller in enumerate(self.callers, 1) if caller.channel is channel)

    def params(self) -> Pairs:
        """The headers of QueueParams."""
        return [
            ("Queue", self.name),
            ("Max", "0"),
            ("Strategy", self.strategy),
            ("Calls", str(len(self.callers))),
            ("Holdtime", str(self.hold_time)),
            ("TalkTime", str(self.talk_time)),
            ("Completed", str(self.completed)),
            ("Abandoned", str(self.abandoned)),
            ("ServiceLevel", str(self.service_level)),
            ("ServicelevelPerf", "0.0"),
            ("ServicelevelPerf2", "0.0"),
            ("Weight", str(self.weight)),
        ]

    def entries(self, now: float) -> list[Pairs]:
        """The headers of QueueEntry, one for each caller.

        A missing caller id is ``unknown`` here.
        """
        return [
            [
                ("Queue", self.name),
                ("Position", str(position)),
                ("Channel", caller.channel.name),
                ("Uniqueid", caller.channel.uniqueid),
                ("CallerIDNum", caller.channel.caller_num or "unknown"),
                ("CallerIDName", caller.channel.caller_name or "unknown"),
                ("ConnectedLineNum", caller.channel.connected_num or "unknown"),
                ("ConnectedLineName", caller.channel.connected_name or "unknown"),
                ("Wait", str(caller.seconds(now))),
                ("Priority", "0"),
            ]
            for position, caller in enumerate(self.callers, 1)
        ]

    def summary(self, now: float) -> Pairs:
        """The headers of QueueSummary."""
        longest = max((caller.seconds(now) for caller in self.callers), default=0)
        logged_in = [member for member in self.members if member.status != UNAVAILABLE]
        return [
            ("Queue", self.name),
            ("LoggedIn", str(len(logged_in))),
            ("Available", str(len(self.free_members(now)))),
            ("Callers", str(len(self.callers))),
            ("HoldTime", str(self.hold_time)),
            ("TalkTime", str(self.talk_time)),
            ("LongestHoldTime", str(longest)),
        ]


def default_queues() -> list[Queue]:
    """Two queues; one member's name is not ASCII, because real ones are not either."""
    return [
        Queue(
            "support", members=[Member("PJSIP/101", "Alice"), Member("PJSIP/102", "Bob", penalty=1)]
        ),
        Queue(
            "sales",
            strategy="rrmemory",
            service_level=30,
            weight=5,
            members=[
                Member("PJSIP/103", "Zoë Müller"),
                Member("PJSIP/noanswer", "Never There", penalty=5),
            ],
        ),
    ]
