"""Visits of callers to queues: how each ends.

Asterisk tells it in pieces (``queue_exec`` in apps/app_queue.c). QueueCallerAbandon comes when the
caller hangs up, and on a timeout, and on a redirect. QueueCallerLeave follows, and only then
QUEUESTATUS is set, except where the caller hung up, pressed a key, or was redirected. So an end is
decided by the first thing behind QueueCallerLeave:

- AgentConnect: answered.
- QUEUESTATUS: left, by that reason.
- the channel ends, or is being hung up: abandoned.
- its dialplan goes on: taken out (LEFT) behind QueueCallerAbandon, else by a key (CONTINUE).
- nothing for ``DECISION_SECONDS`` behind QueueCallerAbandon: abandoned.

A channel that is taken out while it waits (by Park, Bridge, or a transfer) is told of by
BridgeEnter alone: another channel is put in its place, and ends there (ast_channel_yank in
main/channel.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.queue_views import Caller
from django_ami.live.snapshots import VisitResult

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DECISION_SECONDS", "REASONS", "REFUSED", "Visit", "Visits"]

#: QUEUESTATUS follows QueueCallerLeave within milliseconds.
DECISION_SECONDS: Final = 2.0
#: How many visits that have ended are remembered: a late event about one counts nothing twice.
_REMEMBERED_VISITS: Final = 1000

#: QUEUESTATUS (queue_results in apps/app_queue.c).
REASONS: Final = {
    "TIMEOUT": VisitResult.TIMEOUT,
    "FULL": VisitResult.FULL,
    "JOINEMPTY": VisitResult.JOIN_EMPTY,
    "LEAVEEMPTY": VisitResult.LEAVE_EMPTY,
    "JOINUNAVAIL": VisitResult.JOIN_UNAVAILABLE,
    "LEAVEUNAVAIL": VisitResult.LEAVE_UNAVAILABLE,
    "CONTINUE": VisitResult.CONTINUE,
    "WITHDRAW": VisitResult.WITHDRAWN,
}
#: Those of callers who were not let in: no QueueCallerJoin was before it.
REFUSED: Final = frozenset({VisitResult.FULL, VisitResult.JOIN_EMPTY, VisitResult.JOIN_UNAVAILABLE})


class Visit:
    """A caller in a queue, or on the way out of it."""

    __slots__ = (
        "abandoned", "call", "channel", "counted", "end", "hung_up", "inferred", "joined", "name",
        "number", "place", "position", "queue", "result", "seen", "sent_on", "uniqueid",
    )  # fmt: skip

    def __init__(self, queue: str, uniqueid: str, joined: float, *, seen: bool) -> None:
        self.queue = queue
        self.uniqueid = uniqueid
        self.joined = joined
        #: QueueCallerJoin was: else ``joined`` is worked out of a whole number of seconds.
        self.seen = seen
        self.channel = self.number = self.name = self.call = ""
        self.position = 0
        self.abandoned = self.hung_up = self.inferred = False
        #: It was sent elsewhere in the dialplan while it waited: by Redirect.
        self.sent_on = False
        self.place = ("", "")
        #: Its end is part of the queue's traffic.
        self.counted = False
        #: When the caller went out of the queue; the result may be told a moment later.
        self.end: float | None = None
        self.result = VisitResult.WAITING

    @property
    def wait(self) -> float:
        """For how many seconds the caller waited."""
        return max(0.0, (self.joined if self.end is None else self.end) - self.joined)

    def snapshot(self, position: int | None = None) -> Caller:
        """The visit as it is now; at that position, if it is given."""
        return Caller(
            queue=self.queue,
            uniqueid=self.uniqueid,
            channel=self.channel,
            number=self.number,
            name=self.name,
            position=self.position if position is None else position,
            joined=self.joined,
            result=self.result,
            end=self.end,
            call=self.call,
        )


class Visits:
    """The visits of a server, by the caller's Uniqueid: a channel is in one queue at a time.

    ``ended(visit, now)`` is called when a visit has its result, ``reopened(visit, now)`` when that
    was concluded from a list, and the events, which were late, tell another one.
    """

    def __init__(
        self, ended: Callable[[Visit, float], None], reopened: Callable[[Visit, float], None]
    ) -> None:
        self.waiting: dict[str, Visit] = {}
        #: Out of the queue, and not yet known why: behind QueueCallerAbandon, and without it.
        self._abandoning: dict[str, Visit] = {}
        self._leaving: dict[str, Visit] = {}
        self._over: dict[str, Visit] = {}
        self._ended = ended
        self._reopened = reopened

    # --- the caller's events ---

    def join(self, visit: Visit) -> bool:
        """QueueCallerJoin; False if the same visit has been known."""
        uniqueid, now = visit.uniqueid, visit.joined
        known = self.waiting.get(uniqueid)
        if known is not None and known.queue == visit.queue:
            known.joined, known.seen, known.position = min(known.joined, now), True, visit.position
            return False
        if known is not None:
            self._leave(known, now)
        self.dialplan(uniqueid, now)
        self._over.pop(uniqueid, None)
        self.waiting[uniqueid] = visit
        return True

    def find(self, uniqueid: str, queue: str, now: float) -> Visit | None:
        """The visit that an event means, if it is known and not over."""
        for place in (self.waiting, self._abandoning, self._leaving):
            known = place.get(uniqueid)
            if known is not None and known.queue == queue:
                return known
        over = self._over.get(uniqueid)
        if over is not None and over.queue == queue and over.inferred:
            return self._reopen(over, now)
        return None

    def over(self, uniqueid: str, queue: str) -> bool:
        """Such a visit has ended, a little ago."""
        visit = self._over.get(uniqueid)
        return visit is not None and visit.queue == queue

    def abandon(self, visit: Visit, now: float) -> None:
        """QueueCallerAbandon, which may mean other things."""
        visit.abandoned = True
        if self.waiting.get(visit.uniqueid) is visit:
            visit.end = now  # QueueCallerLeave follows
        else:
            self._leave(visit, now)

    def leave(self, uniqueid: str, queue: str, now: float) -> Visit | None:
        """QueueCallerLeave; None if no such caller was waiting."""
        visit = self.find(uniqueid, queue, now)
        if visit is None:
            return None
        self._leave(visit, now)
        return visit

    def answer(self, visit: Visit, now: float) -> None:
        """AgentConnect."""
        visit.end = now
        self._end(visit, VisitResult.ANSWERED, now)

    def replace(self, uniqueid: str, other: str, now: float) -> Visit | None:
        """Another channel waits in the place of one, which is told before it ends, or behind it."""
        visit = self.waiting.pop(uniqueid, None)
        over = self._over.get(uniqueid)
        if visit is None and over is not None and over.result is VisitResult.ABANDONED:
            visit = self._reopen(over, now)
        if visit is not None:
            visit.uniqueid = other
            self.waiting[other] = visit
        return visit

    def taken(self, uniqueid: str, now: float) -> None:
        """The channel is in a bridge; a caller who still waits was taken out of the queue."""
        visit = self.waiting.get(uniqueid)
        if visit is not None:
            visit.inferred = True
            self._end(visit, VisitResult.LEFT, now)

    def reason(self, uniqueid: str, result: VisitResult, now: float) -> bool:
        """QUEUESTATUS; False if the caller is in no queue: refused, or answered already."""
        visit = (
            self._leaving.get(uniqueid)
            or self._abandoning.get(uniqueid)
            or self.waiting.get(uniqueid)
        )
        if visit is None:
            return False
        self._end(visit, result, now)
        return True

    def dialplan(self, uniqueid: str, now: float, *, ending: bool = False) -> None:
        """The channel goes on in the dialplan; ``ending``: in the part that a hangup leads to."""
        visit = self._abandoning.get(uniqueid) or self._leaving.get(uniqueid)
        if visit is None:
            return
        if ending or visit.hung_up:
            self._end(visit, VisitResult.ABANDONED, now)
        else:
            self._end(visit, VisitResult.LEFT if visit.abandoned else VisitResult.CONTINUE, now)

    def send_on(self, uniqueid: str, place: tuple[str, str]) -> None:
        """The channel is at a place of the dialplan, where it may go on behind the queue."""
        visit = self.waiting.get(uniqueid)
        if visit is not None and visit.place[1] and visit.place != place:
            visit.sent_on = True

    def hang_up(self, uniqueid: str) -> None:
        """Somebody asked for the end of the channel."""
        visit = (
            self.waiting.get(uniqueid)
            or self._abandoning.get(uniqueid)
            or self._leaving.get(uniqueid)
        )
        if visit is not None:
            visit.hung_up = True

    def gone(self, uniqueid: str, now: float) -> None:
        """The channel ended."""
        visit = (
            self._abandoning.get(uniqueid)
            or self._leaving.get(uniqueid)
            or self.waiting.get(uniqueid)
        )
        if visit is not None:
            self._end(visit, VisitResult.ABANDONED, now)

    def settle(self, now: float) -> None:
        """Decide the visits that have waited long enough for an event that decides them."""
        while self._abandoning:
            visit = next(iter(self._abandoning.values()))
            if visit.end is not None and now - visit.end < DECISION_SECONDS:
                return
            self._end(visit, VisitResult.ABANDONED, now)

    # --- lists ---

    def infer(self, waiting: set[str], asked: float, now: float) -> None:
        """A list, asked for then, knows only these as waiting."""
        for visit in list(self.waiting.values()):
            if visit.uniqueid in waiting or visit.joined >= asked:
                continue
            if visit.abandoned:
                self._leave(visit, now)  # and a moment later it is known why
            else:
                self._conclude(visit, now)

    def infer_gone(self, alive: set[str], asked: float, now: float) -> None:
        """A list, asked for then, knows only these channels."""
        for place in (self.waiting, self._abandoning, self._leaving):
            for visit in list(place.values()):
                if visit.uniqueid not in alive and visit.joined < asked:
                    self._conclude(visit, now)

    def _conclude(self, visit: Visit, now: float) -> None:
        visit.inferred = not visit.abandoned
        self._end(visit, VisitResult.ABANDONED if visit.abandoned else VisitResult.UNKNOWN, now)

    def forget(self, queue: str) -> None:
        """The queue is no more: nothing of it can be corrected."""
        for visit in list(self._over.values()):
            if visit.queue == queue:
                del self._over[visit.uniqueid]

    # --- ends ---

    def _leave(self, visit: Visit, now: float) -> None:
        uniqueid = visit.uniqueid
        for place in (self.waiting, self._abandoning, self._leaving):
            other = place.get(uniqueid)
            if other is visit:
                del place[uniqueid]
            elif other is not None:
                self._end(other, VisitResult.LEFT, now)  # nobody saw it go to another queue
        if visit.end is None:
            visit.end = now
        (self._abandoning if visit.abandoned else self._leaving)[uniqueid] = visit
        if visit.sent_on:
            self.dialplan(uniqueid, now)

    def _end(self, visit: Visit, result: VisitResult, now: float) -> None:
        for place in (self.waiting, self._abandoning, self._leaving):
            if place.get(visit.uniqueid) is visit:
                del place[visit.uniqueid]
        if visit.end is None:
            visit.end = now
        visit.result = result
        self._over[visit.uniqueid] = visit
        if len(self._over) > _REMEMBERED_VISITS:
            del self._over[next(iter(self._over))]
        self._ended(visit, now)

    def _reopen(self, visit: Visit, now: float) -> Visit:
        """Its end was a conclusion; the events that tell of the true one were only late."""
        del self._over[visit.uniqueid]
        self._reopened(visit, now)
        visit.result, visit.inferred, visit.end = VisitResult.WAITING, False, None
        return visit
