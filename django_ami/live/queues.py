"""Queues: callers, talks with members, and the counts of both.

Pure. Everything is counted and timed here, from events; Asterisk's own counters and averages are
not used (see ``live.figures``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.changes import Kind
from django_ami.live.day import Day
from django_ami.live.members import Members
from django_ami.live.names import known, name_of_caller
from django_ami.live.overview import Overview
from django_ami.live.queue_record import QueueRecord
from django_ami.live.queue_talks import Talks
from django_ami.live.visits import REASONS, REFUSED, Visit, Visits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.core.messages import Event
    from django_ami.live.lists import Lists
    from django_ami.live.parts import Handler, Shared
    from django_ami.live.queue_talks import Talk
    from django_ami.live.snapshots import VisitResult

__all__ = ["QUEUE_STATUS", "Queues"]

#: How most events that are nothing to a queue are told from the others, without being split.
QUEUE_STATUS: Final = b"\r\nVariable: QUEUESTATUS\r\n"
_MEMBER: Final = ("QueueMemberAdded", "QueueMemberStatus", "QueueMemberPause",
                  "QueueMemberPenalty", "QueueMemberRinginuse")  # fmt: skip
_IN_QUEUE: Final = b"\r\nApplication: Queue\r\n"


class Queues:
    """The queues of a server: a part of the tracker.

    ``told(uniqueid, queue, result, now)`` is called when a caller's visit has ended;
    ``call_id(uniqueid)`` says in which call a channel is.
    """

    def __init__(
        self,
        shared: Shared,
        told: Callable[[str, str, VisitResult, float], None],
        call_id: Callable[[str], str],
    ) -> None:
        self._shared = shared
        self._told = told
        self._call_id = call_id
        self._options = shared.options
        self._day = Day(shared.options.utc_offset)
        self._members = Members(shared, self._day)
        self._visits = Visits(self._ended, self._reopened)
        self._talks = Talks(self._talk_begins, self._talk_ends)
        self._records: dict[str, QueueRecord] = {}
        #: The queues of today that the last list did not have any more.
        self._unlisted: set[str] = set()
        self.overview = Overview(self._records, self._members, self._day)
        #: By Uniqueid: the queue that a channel asked for, and when; it may not be let in.
        self._asked: dict[str, tuple[str, float]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event."""
        return {
            **dict.fromkeys(_MEMBER, self._member),
            **self._talks.handlers(),
            "QueueMemberRemoved": self._members.remove,
            "AgentCalled": self._members.called,
            "AgentRingNoAnswer": self._members.missed,
            "QueueCallerJoin": self._join,
            "QueueCallerAbandon": self._abandon,
            "QueueCallerLeave": self._leave,
            "AgentConnect": self._connect,
            "BridgeEnter": self._enter,
            "AttendedTransfer": self._transfer,
            "VarSet": self._variable,
            "Newexten": self._extension,
            "HangupRequest": self._hang_up,
            "SoftHangupRequest": self._hang_up,
            "Hangup": self._gone,
        }

    def _member(self, event: Event, now: float) -> None:
        self._members.update(event, now)
        if name := event.get("Queue"):
            self._queue(name, now)

    # --- callers ---

    def _join(self, event: Event, now: float) -> None:
        visit = self._visit(event, now)
        visit.seen = True
        self._take_in(visit, now, whole_number(event.get("Count")) or 0)

    def _take_in(self, visit: Visit, now: float, count: int = 0) -> None:
        if not visit.queue or not visit.uniqueid:
            self._shared.contradictions += 1
            return
        known = self._visits.waiting.get(visit.uniqueid)
        if known is not None and (known.seen or known.queue != visit.queue):
            self._shared.contradictions += 1
        queue = self._queue(visit.queue, now)
        if self._visits.join(visit):
            queue.count_joined(visit, now)
            queue.enter(visit, count)
            self._shared.changes.note(Kind.CALLER, visit, now)
            self._shared.changes.note(Kind.QUEUE, queue, now)

    def _abandon(self, event: Event, now: float) -> None:
        visit = self._known(event, now)
        if visit is not None:
            self._visits.abandon(visit, now)

    def _leave(self, event: Event, now: float) -> None:
        name = event.get("Queue", "")
        visit = self._visits.leave(event.get("Uniqueid", ""), name, now)
        if visit is not None:
            queue = self._queue(name, now)
            queue.exit(visit, whole_number(event.get("Position")) or 0)
            self._shared.changes.note(Kind.QUEUE, queue, now)
        self._visits.settle(now)

    def _connect(self, event: Event, now: float) -> None:
        visit = self._known(event, now)
        if visit is None:
            self._shared.contradictions += 1
            return
        self._visits.answer(visit, now)
        self._talks.begin(visit, event, now)

    def _enter(self, event: Event, now: float) -> None:
        if self._visits.waiting:
            self._visits.taken(event.get("Uniqueid", ""), now)

    def _transfer(self, event: Event, now: float) -> None:
        """A party that consulted a queue may give its place in it to somebody else."""
        self._talks.transfer(event, now)
        if event.get("DestType") != "App":
            return
        second, uniqueid = (
            event.get("SecondTransfererUniqueid", ""),
            event.get("TransfereeUniqueid"),
        )
        visit = self._visits.replace(second, uniqueid, now) if uniqueid else None
        if visit is not None:
            self._describe(visit, event, "Transferee")
            self._queue(visit.queue, now).rename(second, visit)
            self._shared.changes.note(Kind.CALLER, visit, now)

    def _variable(self, event: Event, now: float) -> None:
        if QUEUE_STATUS not in event.raw:
            return
        uniqueid = event.get("Uniqueid", "")
        result = REASONS.get(event.get("Value", ""))
        if result is None or self._visits.reason(uniqueid, result, now):
            return
        name, _ = self._asked.get(uniqueid, ("", now))
        if result in REFUSED and name:
            visit = Visit(name, uniqueid, now, seen=True)
            visit.end, visit.result = now, result
            self._describe(visit, event)
            self._ended(visit, now)

    def _extension(self, event: Event, now: float) -> None:
        uniqueid = event.get("Uniqueid", "")
        ending = event.get("Extension", event.get("Exten", "")) == "h"
        self._visits.dialplan(uniqueid, now, ending=ending)
        if _IN_QUEUE in event.raw:
            # Behind a Redirect, the first step at the new place repeats the application of the
            # last one, and may be told while the caller is still in the queue.
            self._visits.send_on(uniqueid, (event.get("Context", ""), event.get("Exten", "")))
            self._asked[uniqueid] = event.get("AppData", "").partition(",")[0], now

    def _hang_up(self, event: Event, _now: float) -> None:
        self._visits.hang_up(event.get("Uniqueid", ""))

    def _gone(self, event: Event, now: float) -> None:
        uniqueid = event.get("Uniqueid", "")
        self._asked.pop(uniqueid, None)
        self._visits.gone(uniqueid, now)
        self._talks.end(uniqueid, now)
        self._members.rings_no_more(uniqueid, now)
        self._visits.settle(now)

    # --- events about a caller ---

    def _visit(self, event: Event, joined: float) -> Visit:
        visit = Visit(event.get("Queue", ""), event.get("Uniqueid", ""), joined, seen=False)
        visit.position = whole_number(event.get("Position")) or 0
        visit.place = event.get("Context", ""), event.get("Exten", "")
        self._describe(visit, event)
        return visit

    def _describe(self, visit: Visit, event: Event, prefix: str = "") -> None:
        visit.channel = event.get(f"{prefix}Channel", "")
        visit.number = known(event.get(f"{prefix}CallerIDNum"))
        visit.name = name_of_caller(event.get(f"{prefix}CallerIDName"))
        if event.name == "QueueEntry":  # its word for none is another one (apps/app_queue.c)
            visit.number, visit.name = (
                "" if told == "unknown" else told for told in (visit.number, visit.name)
            )
        visit.call = self._call_id(visit.uniqueid)

    def _known(self, event: Event, now: float) -> Visit | None:
        """The visit that an event means: one that nobody has seen is believed, None: it is over."""
        uniqueid, name = event.get("Uniqueid", ""), event.get("Queue", "")
        visit = self._visits.find(uniqueid, name, now)
        if visit is None and uniqueid and name and not self._visits.over(uniqueid, name):
            visit = self._visit(event, now - (whole_number(event.get("HoldTime")) or 0))
            self._queue(visit.queue, now).count_joined(visit, now)
        return visit

    # --- counts ---

    def _ended(self, visit: Visit, now: float) -> None:
        queue = self._queue(visit.queue, now)
        queue.exit(visit, visit.position)
        queue.count_end(visit, now)
        self._told(visit.uniqueid, visit.queue, visit.result, now)
        self._shared.changes.note(Kind.CALLER, visit, now)
        self._shared.changes.note(Kind.QUEUE, queue, now)

    def _reopened(self, visit: Visit, now: float) -> None:
        self._queue(visit.queue, now).count_end(visit, now, -1)

    def _talk_begins(self, talk: Talk, now: float) -> None:
        self._members.talk_begins(talk.told, now)

    def _talk_ends(self, talk: Talk, now: float) -> None:
        wrapup = self._members.talk_ends(talk.told, talk.end, now)
        queue = self._queue(talk.told.queue, now)
        queue.count_talk(talk, wrapup, now)
        self._shared.changes.note(Kind.QUEUE, queue, now)

    def _queue(self, name: str, now: float) -> QueueRecord:
        queue = self._records.get(name)
        if queue is None:
            queue = self._records[name] = QueueRecord(name, self._options, self._day, now)
            self._shared.changes.note(Kind.QUEUE, queue, now)
        queue.heard = now
        self._unlisted.discard(name)
        return queue

    # --- lists ---

    def seed(self, lists: Lists, now: float) -> None:
        """Take over QueueStatus; CoreShowChannels tells which calls are over."""
        if lists.channels is not None:
            alive = {item.get("Uniqueid", "") for item in lists.channels}
            self._visits.infer_gone(alive, lists.asked, now)
            self._talks.infer(alive, lists.asked, now)
            self._members.infer(alive, lists.asked, now)
            for uniqueid, (_, since) in list(self._asked.items()):
                if uniqueid not in alive and since < lists.asked:
                    del self._asked[uniqueid]
        if lists.queues is None:
            return
        by_name: dict[str, list[Event]] = {}
        for item in lists.queues:
            by_name.setdefault(item.name.lower(), []).append(item)
        names = set()
        for item in by_name.get("queueparams", ()):
            if name := item.get("Queue"):
                told = float(whole_number(item.get("ServiceLevel")) or 0)
                self._queue(name, now).service_level_told = told
                names.add(name)
        members = by_name.get("queuemember", ())
        self._end_talks(members, lists.asked, now)
        self._members.seed(members, lists.asked, now)
        names |= {name for item in members if (name := item.get("Queue"))}
        for name in names:
            self._queue(name, now)
        self._seed_callers(by_name.get("queueentry", ()), lists.asked, now)
        for name in self._records.keys() - names:
            self._drop(name, now)

    def _end_talks(self, items: Iterable[Event], asked: float, now: float) -> None:
        """The members of a list that are in no call of their queue have ended theirs."""
        for item in items:
            agent = self._members.agents.get(item.get("Location", ""))
            if agent is None or item.get("InCall") != "0":
                continue
            last = min(float(whole_number(item.get("LastCall")) or 0), now)
            for talk in list(agent.talks.values()):
                if talk.queue == item.get("Queue") and talk.begin < asked:
                    ended = last if last >= talk.begin else now
                    self._talks.end(talk.channel, now, ended=ended)

    def _seed_callers(self, items: Iterable[Event], asked: float, now: float) -> None:
        waiting = set()
        for item in items:
            seen = self._visit(item, now - (whole_number(item.get("Wait")) or 0))
            waiting.add(seen.uniqueid)
            known = self._visits.waiting.get(seen.uniqueid)
            if known is None or known.queue != seen.queue:
                self._take_in(seen, now)
            else:
                known.position = seen.position
        self._visits.infer(waiting, asked, now)
        for queue in self._records.values():
            queue.sort()

    def _drop(self, name: str, now: float) -> None:
        """A queue that the server does not know any more, unless somebody was in it today."""
        queue = self._records[name]
        self._unlisted.add(name)
        if not queue.waiting and not queue.sums.today(now).joined:
            del self._records[name]
            self._unlisted.discard(name)
            self._visits.forget(name)
            self._shared.changes.note(Kind.QUEUE, queue, now)

    def settle(self, now: float) -> None:
        """Time went on without an event: decide the visits that waited for it, and end a day."""
        self._visits.settle(now)
        self._members.forget(now)
        for queue in self._records.values():
            queue.heard = now
        for name in tuple(self._unlisted):
            self._drop(name, now)
