"""Stays of calls in queues, parking spaces and conferences. None of them joins two calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.changes import Kind
from django_ami.live.names import device_of
from django_ami.live.snapshots import ConferenceVisit, Park, QueueVisit, VisitResult
from django_ami.live.story import write
from django_ami.live.visits import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from django_ami.core.messages import Event
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["Conferences", "Parks", "QueueVisits"]

#: The application that a caller is in until the visit is over.
_QUEUE: Final = "Queue"


class QueueVisits:
    """The visits of callers to queues, as chapters of calls; ``live.visits`` has their ends."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        #: The visits that are not settled, by the channel of the caller.
        self._open: dict[str, tuple[str, float]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "QueueCallerJoin": self._join,
            "QueueCallerAbandon": self._leave,
            "QueueCallerLeave": self._leave,
            "AgentConnect": self._connect,
            "AttendedTransfer": self._replace,
        }

    def tables(self) -> tuple[Sized, ...]:
        """Everything that it keeps."""
        return (self._open,)

    def _replace(self, event: Event, now: float) -> None:
        """A party that consulted a queue gave its place in it to the one that it sent on."""
        if event.get("DestType") != "App":
            return
        second = self._channels.known(event, now, "SecondTransferer")
        other = self._channels.known(event, now, "Transferee")
        found = None if second is None else self._visit(second.uniqueid)
        if second is None or other is None or found is None:
            return
        _, key, visit = found
        self._channels.connect(other, second, now)
        person = other.person()
        caller = visit.caller if person is None else person.device
        visits = other.call.resolved().story.queues
        visits[key] = replace(visit, caller=caller, channel=other.uniqueid, left=None)
        del self._open[second.uniqueid]
        self._open[other.uniqueid] = key

    def _join(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        if channel is None:
            return
        position = whole_number(event.get("Position")) or 0
        self.begin(channel, event.get("Queue") or "", position, now, now)

    def begin(self, channel: Channel, queue: str, position: int, joined: float, now: float) -> None:
        """A caller is in a queue."""
        self._settle(channel.uniqueid, VisitResult.LEFT, now)
        call = channel.call.resolved()
        person = channel.person()
        call.set_caller(person)
        key = self._open[channel.uniqueid] = (channel.uniqueid, joined)
        caller = "" if person is None else person.device
        write(call.story.queues, key, QueueVisit(queue, caller, channel.uniqueid, joined, position))
        call.note(Kind.QUEUED, now)

    def _visit(
        self, uniqueid: str
    ) -> tuple[dict[tuple[str, float], QueueVisit], tuple[str, float], QueueVisit] | None:
        """The unsettled visit of a channel, and the chapter that it is in."""
        key, channel = self._open.get(uniqueid), self._channels.live.get(uniqueid)
        if key is None or channel is None:
            return None
        visits = channel.call.resolved().story.queues
        visit = visits.get(key)
        return None if visit is None else (visits, key, visit)

    def _leave(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        found = None if channel is None else self._visit(channel.uniqueid)
        if channel is not None and found is not None:
            visits, key, visit = found
            if visit.left is None:
                visits[key] = replace(visit, left=max(now, visit.joined))
                channel.call.resolved().note(Kind.UNQUEUED, now)

    def _connect(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        found = None if channel is None else self._visit(channel.uniqueid)
        if channel is None or found is None:
            return
        visits, key, visit = found
        ring = whole_number(event.get("RingTime"))
        visits[key] = replace(
            visit,
            connected=max(now, visit.joined),
            left=visit.left if visit.left is not None else max(now, visit.joined),
            result=VisitResult.ANSWERED,
            agent=event.get("Interface") or "",
            agent_channel=event.get("DestUniqueid") or "",
            ring_seconds=None if ring is None else float(ring),
        )
        del self._open[channel.uniqueid]
        if visit.left is None:
            channel.call.resolved().note(Kind.UNQUEUED, now)

    def end(self, uniqueid: str, queue: str, result: VisitResult, now: float) -> None:
        """A visit is over: of a channel that may still be there, and may never have been let in."""
        if uniqueid not in self._open and result in REFUSED:
            self._refused(uniqueid, queue, result, now)
        found = self._visit(uniqueid)
        if found is not None and found[2].queue != queue:
            return  # it waits in another queue already, and only now is told how it left this one
        self._settle(uniqueid, result, now)
        self._open.pop(uniqueid, None)

    def _refused(self, uniqueid: str, queue: str, result: VisitResult, now: float) -> None:
        channel = self._channels.live.get(uniqueid)
        if channel is None:
            return
        person = channel.person()
        caller = "" if person is None else person.device
        visit = QueueVisit(queue, caller, uniqueid, now, 0, result, left=now)
        write(channel.call.resolved().story.queues, (uniqueid, now), visit)

    @property
    def waiting(self) -> list[str]:
        """The channels of the callers whose visit is not settled."""
        return list(self._open)

    def since(self, uniqueid: str) -> float:
        """When the visit of a channel began that is not settled."""
        return self._open[uniqueid][1]

    def is_open(self, uniqueid: str) -> bool:
        """Whether the visit of a channel is not settled."""
        return uniqueid in self._open

    def missed(self, uniqueid: str, now: float, *, talks: bool, application: str) -> None:
        """A caller is in a queue no more, and nobody saw why; one who ``talks`` was answered."""
        found = self._visit(uniqueid)
        if found is None:
            self._open.pop(uniqueid, None)
        elif found[2].left is not None:
            if application != _QUEUE:
                self._settle(uniqueid, VisitResult.LEFT, now)
        elif talks:
            visits, key, visit = found
            visits[key] = replace(visit, connected=max(now, visit.joined))
            self._settle(uniqueid, VisitResult.ANSWERED, now)
        else:
            self._settle(uniqueid, VisitResult.UNKNOWN, now)

    def _settle(self, uniqueid: str, result: VisitResult, now: float) -> None:
        found = self._visit(uniqueid)
        if found is not None:
            visits, key, visit = found
            left = visit.left if visit.left is not None else max(now, visit.joined)
            visits[key] = replace(visit, left=left, result=result)
            del self._open[uniqueid]


class Parks:
    """The stays in parking spaces (res/parking)."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "ParkedCall": self._parked,
            "UnParkedCall": self._retrieved,
            "ParkedCallTimeOut": self._timeout,
            "ParkedCallGiveUp": self._gave_up,
            "ParkedCallSwap": self._swapped,
        }

    def _parked(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now, "Parkee")
        if channel is not None:
            self.begin(channel, event, now, now)

    def begin(self, channel: Channel, event: Event, begin: float, now: float) -> None:
        """A channel is parked, as an event or the item of a list says."""
        call, person = channel.call.resolved(), channel.person()
        if self.key_of(channel) is not None:
            return
        by = event.get("ParkerDialString") or device_of(event.get("ParkerChannel") or "")
        park = Park(
            lot=event.get("Parkinglot") or "",
            space=event.get("ParkingSpace") or "",
            who="" if person is None else person.device,
            channel=channel.uniqueid,
            by=by,
            begin=begin,
        )
        write(call.story.parks, (channel.uniqueid, begin), park)
        self._was_no_transfer(channel)
        call.note(Kind.PARKED, now)

    @staticmethod
    def _was_no_transfer(channel: Channel) -> None:
        """A call is parked by a blind transfer to the lot, which is told first."""
        transfers = channel.call.resolved().story.transfers
        key = next(reversed(transfers), None)
        if key is not None and key[0] == channel.uniqueid and transfers[key].kind == "blind":
            transfers[key] = replace(transfers[key], kind="park")

    @staticmethod
    def key_of(channel: Channel) -> tuple[str, float] | None:
        """The key of the stay that goes on; None if the channel is not parked."""
        parks = channel.call.resolved().story.parks
        mine = (key for key in reversed(parks) if key[0] == channel.uniqueid)
        return next((key for key in mine if parks[key].end is None), None)

    def _retrieved(self, event: Event, now: float) -> None:
        by = self._channels.of(event, now, "Retriever")
        self._end(event, "retrieved", now, "" if by is None else by.device)

    def _timeout(self, event: Event, now: float) -> None:
        self._end(event, "timeout", now)

    def _gave_up(self, event: Event, now: float) -> None:
        self._end(event, "gave_up", now)

    def _swapped(self, event: Event, now: float) -> None:
        """An attended transfer has put another channel into the place of the one that is there."""
        channel = self._channels.of(event, now, "Parkee")
        if channel is None or self.key_of(channel) is not None:
            return
        lot, space = event.get("Parkinglot") or "", event.get("ParkingSpace") or ""
        for other in list(self._channels.live.values()):
            key = self.key_of(other)
            park = None if key is None else other.call.resolved().story.parks[key]
            if park is not None and (park.lot, park.space) == (lot, space):
                self.end(other, "swapped", now)
                self._channels.connect(channel, other, now)
        self.begin(channel, event, now, now)

    def _end(self, event: Event, result: str, now: float, by: str = "") -> None:
        channel = self._channels.known(event, now, "Parkee")
        if channel is not None:
            self.end(channel, result, now, by)

    def end(self, channel: Channel, result: str, now: float, by: str = "") -> None:
        """A channel is not parked any more."""
        key = self.key_of(channel)
        if key is not None:
            call = channel.call.resolved()
            park = call.story.parks[key]
            call.story.parks[key] = replace(
                park, end=max(now, park.begin), result=result, retrieved_by=by
            )
            call.note(Kind.UNPARKED, now)


class Conferences:
    """The stays in conferences, by join and leave: not all channels of a bridge are people."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {"ConfbridgeJoin": self._join, "ConfbridgeLeave": self._leave, "Hangup": self._leave}

    def _join(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        if channel is not None:
            self.begin(channel, event.get("Conference") or "", now)

    def begin(self, channel: Channel, conference: str, now: float) -> None:
        """A channel is in a conference."""
        call, person = channel.call.resolved(), channel.person()
        if self.key_of(channel) is None:
            device = "" if person is None else person.device
            visit = ConferenceVisit(conference, device, channel.uniqueid, now)
            write(call.story.conferences, (channel.uniqueid, now), visit)
            call.note(Kind.JOINED_CONFERENCE, now)

    @staticmethod
    def key_of(channel: Channel) -> tuple[str, float] | None:
        """The key of the stay that goes on; None if the channel is in no conference."""
        visits = channel.call.resolved().story.conferences
        mine = (key for key in reversed(visits) if key[0] == channel.uniqueid)
        return next((key for key in mine if visits[key].left is None), None)

    def _leave(self, event: Event, now: float) -> None:
        channel = self._channels.known(event, now)
        if channel is not None:
            self.end(channel, now)

    def end(self, channel: Channel, now: float) -> None:
        """A channel is in no conference any more."""
        key = self.key_of(channel)
        if key is not None:
            call = channel.call.resolved()
            visits = call.story.conferences
            visits[key] = replace(visits[key], left=max(now, visits[key].joined))
            call.note(Kind.LEFT_CONFERENCE, now)
