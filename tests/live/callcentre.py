"""A call centre told by hand: events with the headers of real ones, at times that the test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.options import Options
from django_ami.live.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.live.changes import Change
    from django_ami.live.figures import Counts
    from django_ami.live.queue_views import Agent, Member

#: 2026-11-29 12:00 UTC.
NOON = 1795953600.0


def event(name: str, **headers: object) -> Event:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), server="node_1")


def channel(uniqueid: str, prefix: str = "", device: str = "PJSIP/trunk") -> dict[str, str]:
    """The headers of a channel; their names begin with the prefix."""
    headers = {
        "Channel": f"{device}-{uniqueid}",
        "CallerIDNum": f"+49{uniqueid}",
        "CallerIDName": f"Caller {uniqueid}",
        "Uniqueid": uniqueid,
        "Linkedid": uniqueid,
    }
    return {prefix + key: value for key, value in headers.items()}


class CallCentre:
    """One server's tracker, and the events that it is told."""

    def __init__(self, **options: Any) -> None:
        self.tracker = Tracker("node_1", Options(**options))
        self.now = NOON
        self.changes: list[Change] = []

    def wait(self, seconds: float) -> CallCentre:
        self.now += seconds
        return self

    def tell(self, name: str, **headers: object) -> tuple[Change, ...]:
        changes = self.tracker.feed(event(name, **headers), self.now)
        self.changes += changes
        assert self.tracker._faults == 0
        return changes

    def seed(self, asked: float | None = None, **lists: Iterable[Event]) -> tuple[Change, ...]:
        taken = {key: tuple(items) for key, items in lists.items()}
        asked = self.now if asked is None else asked
        return self.tracker.seed(Lists(asked, **taken), self.now)

    def counts(self, queue: str = "support") -> Counts:
        self.tracker.tick(self.now)
        return self.tracker.queues[queue].total

    def today(self, queue: str = "support") -> Counts:
        self.tracker.tick(self.now)
        return self.tracker.queues[queue].today

    def agent(self, interface: str = "PJSIP/101") -> Agent:
        return self.tracker.agents(self.now)[interface]

    def member(self, interface: str = "PJSIP/101", queue: str = "support") -> Member:
        return self.tracker.members[queue, interface].at(self.now)

    # --- a caller ---

    def join(self, uniqueid: str, queue: str = "support", position: int = 1) -> None:
        count = 1 + sum(one.queue == queue for one in self.tracker.callers.values())
        self.tell(
            "QueueCallerJoin", **channel(uniqueid), Queue=queue, Position=position, Count=count
        )

    def leave(self, uniqueid: str, queue: str = "support", position: int = 1) -> None:
        self.tell("QueueCallerLeave", **channel(uniqueid), Queue=queue, Position=position, Count=0)

    def abandon(self, uniqueid: str, queue: str = "support", hold: int = 0) -> None:
        """The two events that tell of it, which a timeout has, too."""
        self.tell(
            "QueueCallerAbandon",
            **channel(uniqueid),
            Queue=queue,
            Position=1,
            OriginalPosition=1,
            HoldTime=hold,
        )
        self.leave(uniqueid, queue)

    def status(self, uniqueid: str, value: str) -> None:
        self.tell("VarSet", **channel(uniqueid), Variable="QUEUESTATUS", Value=value)

    def dialplan(
        self, uniqueid: str, exten: str = "7000", app: str = "NoOp", data: str = ""
    ) -> None:
        self.tell(
            "Newexten",
            **channel(uniqueid),
            Exten=exten,
            Extension=exten,
            Application=app,
            AppData=data,
        )

    def request_hangup(self, uniqueid: str) -> None:
        self.tell("HangupRequest", **channel(uniqueid), Cause=16)

    def hang_up(self, uniqueid: str, cause: int = 16) -> None:
        self.tell("Hangup", **channel(uniqueid), Cause=cause)

    # --- a member ---

    def state(self, interface: str = "PJSIP/101", queue: str = "support", **more: object) -> None:
        """QueueMemberStatus; ``on="QueueMemberPause"`` and the like for its kin."""
        name = str(more.pop("on", "QueueMemberStatus"))
        self.tell(name, **member_headers(interface, queue, **more))

    def connect(
        self,
        uniqueid: str,
        interface: str = "PJSIP/101",
        queue: str = "support",
        *,
        leg: str = "",
        hold: int = 0,
    ) -> None:
        """QueueCallerLeave and AgentConnect; ``leg`` is the member's channel."""
        self.leave(uniqueid, queue)
        self.tell("AgentConnect", **self._both(uniqueid, interface, queue, leg), HoldTime=hold)

    def complete(
        self,
        uniqueid: str,
        interface: str = "PJSIP/101",
        queue: str = "support",
        *,
        leg: str = "",
        talk: int = 0,
        hold: int = 0,
        reason: str = "caller",
    ) -> None:
        both = self._both(uniqueid, interface, queue, leg)
        self.tell("AgentComplete", **both, HoldTime=hold, TalkTime=talk, Reason=reason)

    def _both(self, uniqueid: str, interface: str, queue: str, leg: str) -> dict[str, str]:
        member = channel(leg or f"leg-{uniqueid}", "Dest", interface)
        names = {"Queue": queue, "Interface": interface, "MemberName": f"Agent {interface}"}
        return {**channel(uniqueid), **member, **names}


def member_headers(
    interface: str, queue: str = "support", *, item: bool = False, **more: object
) -> dict[str, object]:
    """The headers of QueueMemberStatus and its kin, or of an item of QueueStatus."""
    names = ("Name", "Location") if item else ("MemberName", "Interface")
    return {
        "Queue": queue,
        names[0]: f"Agent {interface}",
        names[1]: interface,
        "StateInterface": interface,
        "Penalty": 0,
        "CallsTaken": 0,
        "LastCall": 0,
        "LastPause": 0,
        "LoginTime": int(NOON) - 3600,
        "InCall": 0,
        "Status": 1,
        "Paused": 0,
        "PausedReason": "",
        "Wrapuptime": 0,
        **more,
    }


def listed_member(interface: str, queue: str = "support", **more: object) -> Event:
    """An item of QueueStatus."""
    return event("QueueMember", **member_headers(interface, queue, item=True, **more))


def listed_caller(uniqueid: str, wait: int, position: int, queue: str = "support") -> Event:
    """An item of QueueStatus."""
    return event(
        "QueueEntry", Queue=queue, Position=position, Wait=wait, Priority=0, **channel(uniqueid)
    )


def listed_queue(name: str = "support", **more: object) -> Event:
    """An item of QueueStatus."""
    headers = {"Max": 0, "Calls": 0, "Holdtime": 0, "Completed": 0, "ServiceLevel": 0, **more}
    return event("QueueParams", Queue=name, **headers)
