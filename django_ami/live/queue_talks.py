"""Talks of callers of a queue with its members: when each ends.

AgentComplete comes when the caller hangs up, which may be long after the member's part is over
(apps/app_queue.c): after a transfer, a redirect, or parking. So a talk ends with the first of:
AgentComplete, the end of either channel, a transfer by either, the caller in a parking lot. A hold
is part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.queue_views import QueueTalk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core.messages import Event
    from django_ami.live.parts import Handler
    from django_ami.live.visits import Visit

__all__ = ["Talk", "Talks"]

#: How many talks that are over are remembered: their AgentComplete is still to come.
_REMEMBERED_TALKS: Final = 1000


class Talk:
    """A talk, and when its caller joined the queue."""

    __slots__ = ("begin", "end", "joined", "told")

    def __init__(self, told: QueueTalk, joined: float) -> None:
        self.told = told
        self.joined = joined
        self.begin = self.end = told.begin


class Talks:
    """The talks of all queues of a server, by the Uniqueid of either channel."""

    def __init__(
        self, begun: Callable[[Talk, float], None], ended: Callable[[Talk, float], None]
    ) -> None:
        self._talks: dict[str, Talk] = {}
        self._over: dict[str, None] = {}
        self._begun = begun
        self._ended = ended

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event."""
        return {
            "AgentComplete": self._complete,
            "BlindTransfer": self.transfer,
            "ParkedCall": self._park,
            "LocalOptimizationBegin": self._optimise,
        }

    def begin(self, visit: Visit, event: Event, now: float) -> None:
        """AgentConnect."""
        member = event.get("DestUniqueid", "")
        for uniqueid in (visit.uniqueid, member):
            self.end(uniqueid, now)
        self._over.pop(visit.uniqueid, None)
        interface = event.get("Interface", "")
        told = QueueTalk(
            visit.queue, interface, visit.uniqueid, member, visit.number, visit.name, now
        )
        talk = Talk(told, visit.joined)
        for uniqueid in (visit.uniqueid, member):
            if uniqueid:
                self._talks[uniqueid] = talk
        self._begun(talk, now)

    def end(self, uniqueid: str, now: float, *, ended: float | None = None) -> None:
        """It is over, if that channel is in one; since ``ended``, if that was not now."""
        talk = self._talks.pop(uniqueid, None)
        if talk is None:
            return
        told = talk.told
        for one in (told.channel, told.member_channel):
            self._talks.pop(one, None)
        self._over[told.channel] = None
        if len(self._over) > _REMEMBERED_TALKS:
            del self._over[next(iter(self._over))]
        talk.end = now if ended is None else ended
        self._ended(talk, now)

    def infer(self, alive: set[str], asked: float, now: float) -> None:
        """A list knows only these channels: a talk without one of its channels is over."""
        for talk in list(self._talks.values()):
            if talk.begin < asked and talk.told.channel not in alive:
                self.end(talk.told.channel, now)

    def _complete(self, event: Event, now: float) -> None:
        uniqueid = event.get("Uniqueid", "")
        if uniqueid in self._talks:
            self.end(uniqueid, now)
        elif uniqueid not in self._over and uniqueid and event.get("Queue"):
            self._believe(event, uniqueid, now)

    def _believe(self, event: Event, uniqueid: str, now: float) -> None:
        """A talk whose begin nobody here has seen: the event says how long it was."""
        begin = now - (whole_number(event.get("TalkTime")) or 0)
        queue, interface = event.get("Queue", ""), event.get("Interface", "")
        told = QueueTalk(queue, interface, uniqueid, "", "", "", begin)
        talk = Talk(told, begin - (whole_number(event.get("HoldTime")) or 0))
        talk.end = now
        self._ended(talk, now)

    def transfer(self, event: Event, now: float) -> None:
        """BlindTransfer or AttendedTransfer: the talks of those who sent others on are over."""
        if event.get("Result") != "Success" or not self._talks:
            return
        for key in ("TransfererUniqueid", "OrigTransfererUniqueid", "SecondTransfererUniqueid"):
            self.end(event.get(key, ""), now)

    def _park(self, event: Event, now: float) -> None:
        self.end(event.get("ParkeeUniqueid", ""), now)

    def _optimise(self, event: Event, _now: float) -> None:
        """A Local channel of the member goes away and the talk goes on: its end says nothing."""
        for key in ("LocalOneUniqueid", "LocalTwoUniqueid"):
            uniqueid = event.get(key, "")
            talk = self._talks.get(uniqueid)
            if talk is not None and uniqueid != talk.told.channel:
                del self._talks[uniqueid]
