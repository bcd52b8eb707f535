"""Parking lots: the parked callers, their spaces, since when and for how long.

Pure. A parked call is known by the Uniqueid of the channel that is parked
(res/parking/parking_manager.c).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django_ami.core.numerals import whole_number
from django_ami.live.changes import Kind
from django_ami.live.names import known, name_of_caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.lists import Lists
    from django_ami.live.parts import Handler, Shared

__all__ = ["ParkedCaller", "Parking"]


@dataclass(frozen=True, slots=True)
class ParkedCaller:
    """A channel in a parking space. ``result`` is empty while it is there.

    Else it is ``retrieved``, ``timeout``, ``gave_up``, ``swapped`` (another channel is in its
    place, behind an attended transfer), or ``gone``.
    """

    uniqueid: str
    channel: str
    number: str
    name: str
    lot: str
    space: str
    #: The device that is rung when the time is over.
    parker: str
    since: float
    #: When it comes back by itself; None: never.
    until: float | None
    end: float | None = None
    result: str = ""
    #: The channel that took it back, by name and Uniqueid.
    retriever: str = ""
    retriever_uniqueid: str = ""


class _Space:
    __slots__ = ("parked",)

    def __init__(self, parked: ParkedCaller) -> None:
        self.parked = parked

    def snapshot(self) -> ParkedCaller:
        return self.parked


class Parking:
    """The parking lots of a server: a part of the tracker."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._spaces: dict[str, _Space] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event."""
        return {
            "ParkedCall": self._park,
            "UnParkedCall": self._retrieve,
            "ParkedCallTimeOut": lambda event, now: self._end(event, "timeout", now),
            "ParkedCallGiveUp": lambda event, now: self._end(event, "gave_up", now),
            "ParkedCallSwap": self._swap,
            "Hangup": self._gone,
        }

    def seed(self, lists: Lists, now: float) -> None:
        """Take over ParkedCalls."""
        if lists.parked is None:
            return
        listed = {item.get("ParkeeUniqueid", "") for item in lists.parked}
        for uniqueid, space in list(self._spaces.items()):
            if uniqueid not in listed and space.parked.since < lists.asked:
                self._finish(uniqueid, "gone", now)
        for item in lists.parked:
            if item.get("ParkeeUniqueid", "") not in self._spaces:
                self._park(item, now)

    @property
    def parked(self) -> Mapping[str, ParkedCaller]:
        """The parked callers, by the Uniqueid of the channel."""
        return {uniqueid: space.parked for uniqueid, space in list(self._spaces.items())}

    def _park(self, event: Event, now: float) -> None:
        parked = _parked(event, now)
        if not parked.uniqueid:
            self._shared.contradictions += 1
            return
        known = self._spaces.get(parked.uniqueid)
        if known is not None:
            if (known.parked.lot, known.parked.space) == (parked.lot, parked.space):
                return  # a list had told of it
            self._finish(parked.uniqueid, "gone", now)
            self._shared.contradictions += 1
        space = self._spaces[parked.uniqueid] = _Space(parked)
        self._shared.changes.note(Kind.PARKED_CALLER, space, now)

    def _retrieve(self, event: Event, now: float) -> None:
        self._end(event, "retrieved", now)

    def _end(self, event: Event, result: str, now: float) -> None:
        uniqueid = event.get("ParkeeUniqueid", "")
        if uniqueid and uniqueid not in self._spaces:
            self._spaces[uniqueid] = _Space(_parked(event, now))  # nobody has seen the begin
        retriever = event.get("RetrieverChannel", ""), event.get("RetrieverUniqueid", "")
        self._finish(uniqueid, result, now, *retriever)

    def _swap(self, event: Event, now: float) -> None:
        """Another channel has taken the place of the one in this space."""
        parked = _parked(event, now)
        for uniqueid, space in list(self._spaces.items()):
            if (space.parked.lot, space.parked.space) == (parked.lot, parked.space):
                if uniqueid == parked.uniqueid:
                    return
                parked = replace(parked, since=space.parked.since)
                self._finish(uniqueid, "swapped", now)
        if parked.uniqueid:
            made = self._spaces[parked.uniqueid] = _Space(parked)
            self._shared.changes.note(Kind.PARKED_CALLER, made, now)

    def _gone(self, event: Event, now: float) -> None:
        if self._spaces:
            self._finish(event.get("Uniqueid", ""), "gave_up", now)

    def _finish(
        self,
        uniqueid: str,
        result: str,
        now: float,
        retriever: str = "",
        retriever_uniqueid: str = "",
    ) -> None:
        space = self._spaces.pop(uniqueid, None)
        if space is None:
            return
        space.parked = replace(
            space.parked,
            end=now,
            result=result,
            retriever=retriever,
            retriever_uniqueid=retriever_uniqueid,
        )
        self._shared.changes.note(Kind.PARKED_CALLER, space, now)


def _parked(event: Event, now: float) -> ParkedCaller:
    since = now - (whole_number(event.get("ParkingDuration")) or 0)
    # The seconds that are left (res/parking/parking_manager.c); 0: there is no end.
    left = whole_number(event.get("ParkingTimeout")) or 0
    return ParkedCaller(
        event.get("ParkeeUniqueid", ""),
        event.get("ParkeeChannel", ""),
        known(event.get("ParkeeCallerIDNum")),
        name_of_caller(event.get("ParkeeCallerIDName")),
        event.get("Parkinglot", ""),
        event.get("ParkingSpace", ""),
        event.get("ParkerDialString", ""),
        since,
        now + left if left else None,
    )
