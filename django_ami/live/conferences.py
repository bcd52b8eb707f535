"""Conferences (ConfBridge): the people in each room.

Pure. People are counted by ConfbridgeJoin and ConfbridgeLeave: ``BridgeNumChannels`` also counts
channels of Asterisk's own, such as the announcer.
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

__all__ = ["Conference", "Conferences", "Participant"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a conference."""

    uniqueid: str
    channel: str
    number: str
    name: str
    since: float
    admin: bool = False
    muted: bool = False
    talking: bool = False


@dataclass(frozen=True, slots=True)
class Conference:
    """A room; ``end`` is None while it is open."""

    name: str
    bridge: str
    since: float
    participants: tuple[Participant, ...] = ()
    locked: bool = False
    recording: bool = False
    end: float | None = None

    @property
    def count(self) -> int:
        """How many people are in it."""
        return len(self.participants)


class _Room:
    __slots__ = ("bridge", "end", "locked", "name", "people", "recording", "since")

    def __init__(self, name: str, bridge: str, since: float) -> None:
        self.name = name
        self.bridge = bridge
        self.since = since
        self.people: dict[str, Participant] = {}
        self.locked = self.recording = False
        self.end: float | None = None

    def snapshot(self) -> Conference:
        people = tuple(self.people.values())
        return Conference(
            self.name, self.bridge, self.since, people, self.locked, self.recording, self.end
        )


class Conferences:
    """The conferences of a server: a part of the tracker."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._rooms: dict[str, _Room] = {}
        #: The room that a channel is in.
        self._places: dict[str, _Room] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event."""
        return {
            "ConfbridgeStart": self._start,
            "ConfbridgeJoin": self._join,
            "ConfbridgeLeave": self._leave,
            "ConfbridgeEnd": self._finish,
            "ConfbridgeMute": lambda event, now: self._person(event, now, muted=True),
            "ConfbridgeUnmute": lambda event, now: self._person(event, now, muted=False),
            "ConfbridgeTalking": self._talking,
            "ConfbridgeLock": lambda event, now: self._mark(event, now, locked=True),
            "ConfbridgeUnlock": lambda event, now: self._mark(event, now, locked=False),
            "ConfbridgeRecord": lambda event, now: self._mark(event, now, recording=True),
            "ConfbridgeStopRecord": lambda event, now: self._mark(event, now, recording=False),
            "Hangup": self._gone,
        }

    def seed(self, lists: Lists, now: float) -> None:
        """Take over ConfbridgeListRooms, and ConfbridgeList of each room."""
        if lists.rooms is None:
            return
        listed = {item.get("Conference", ""): item for item in lists.rooms}
        for name, room in list(self._rooms.items()):
            if name not in listed and room.since < lists.asked:
                self._end(room, now)
        for name, item in listed.items():
            if name:
                self._room(item, now).locked = item.get("Locked") == "Yes"
        if lists.conference_members is None:
            return
        present = set()
        for item in lists.conference_members:
            present.add(item.get("Uniqueid", ""))
            self._enter(item, now - (whole_number(item.get("AnsweredTime")) or 0), now)
        for uniqueid, room in list(self._places.items()):
            if uniqueid not in present and room.people[uniqueid].since < lists.asked:
                self._exit(uniqueid, now)

    @property
    def conferences(self) -> Mapping[str, Conference]:
        """The open conferences by name."""
        return {name: room.snapshot() for name, room in list(self._rooms.items())}

    # --- rooms ---

    def _room(self, event: Event, now: float) -> _Room:
        """The room that an event means, which is believed."""
        name, bridge = event.get("Conference", ""), event.get("BridgeUniqueid", "")
        room = self._rooms.get(name)
        if room is not None and bridge and room.bridge and room.bridge != bridge:
            self._shared.contradictions += 1  # its end has not been seen
            self._end(room, now)
            room = None
        if room is None:
            room = self._rooms[name] = _Room(name, bridge, now)
            self._note(room, now)
        room.bridge = room.bridge or bridge
        return room

    def _start(self, event: Event, now: float) -> None:
        if event.get("Conference"):
            self._room(event, now)

    def _mark(
        self, event: Event, now: float, *, locked: bool | None = None, recording: bool | None = None
    ) -> None:
        room = self._rooms.get(event.get("Conference", ""))
        if room is None:
            return
        room.locked = room.locked if locked is None else locked
        room.recording = room.recording if recording is None else recording
        self._note(room, now)

    def _finish(self, event: Event, now: float) -> None:
        room = self._rooms.get(event.get("Conference", ""))
        bridge = event.get("BridgeUniqueid", "")
        if room is not None and (not bridge or room.bridge in {"", bridge}):
            self._end(room, now)

    def _end(self, room: _Room, now: float) -> None:
        for uniqueid in list(room.people):
            self._exit(uniqueid, now)
        room.end = now
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
        self._note(room, now)

    # --- people ---

    def _join(self, event: Event, now: float) -> None:
        self._enter(event, now, now)

    def _enter(self, event: Event, since: float, now: float) -> None:
        uniqueid = event.get("Uniqueid", "")
        if not uniqueid or not event.get("Conference"):
            self._shared.contradictions += 1
            return
        room = self._room(event, now)
        place = self._places.get(uniqueid)
        if place is not None and place is not room:
            self._shared.contradictions += 1
            self._exit(uniqueid, now)
        before = room.people.get(uniqueid)
        room.people[uniqueid] = Participant(
            uniqueid,
            event.get("Channel", ""),
            known(event.get("CallerIDNum")),
            name_of_caller(event.get("CallerIDName")),
            since if before is None else min(before.since, since),
            event.get("Admin") == "Yes",
            event.get("Muted") == "Yes",
        )
        self._places[uniqueid] = room
        if room.people[uniqueid] != before:
            self._note(room, now)

    def _leave(self, event: Event, now: float) -> None:
        self._exit(event.get("Uniqueid", ""), now)

    def _gone(self, event: Event, now: float) -> None:
        if self._places:
            self._exit(event.get("Uniqueid", ""), now)

    def _exit(self, uniqueid: str, now: float) -> None:
        room = self._places.pop(uniqueid, None)
        if room is not None and room.people.pop(uniqueid, None) is not None:
            self._note(room, now)

    def _talking(self, event: Event, now: float) -> None:
        self._person(event, now, talking=event.get("TalkingStatus") == "on")

    def _person(
        self, event: Event, now: float, *, muted: bool | None = None, talking: bool | None = None
    ) -> None:
        uniqueid = event.get("Uniqueid", "")
        room = self._places.get(uniqueid)
        if room is None:
            return
        person = room.people[uniqueid]
        room.people[uniqueid] = replace(
            person,
            muted=person.muted if muted is None else muted,
            talking=person.talking if talking is None else talking,
        )
        self._note(room, now)

    def _note(self, room: _Room, now: float) -> None:
        self._shared.changes.note(Kind.CONFERENCE, room, now)
