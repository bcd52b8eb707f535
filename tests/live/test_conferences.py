"""Conferences: C2, and lists."""

from __future__ import annotations

import pytest

from django_ami.live.changes import Kind
from tests.live.callcentre import CallCentre, channel, event

ROOM = {"Conference": "300", "BridgeUniqueid": "b1", "BridgeNumChannels": 7}


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


def people(centre: CallCentre, room: str = "300") -> list[str]:
    return [one.uniqueid for one in centre.tracker.conferences[room].participants]


def test_people_come_and_go(centre: CallCentre) -> None:
    """C2: they are counted by ConfbridgeJoin and ConfbridgeLeave, not by the bridge's channels."""
    centre.tell("ConfbridgeStart", **ROOM)
    begin = centre.now
    for uniqueid in ("1.1", "1.2", "1.3"):
        centre.wait(1).tell("ConfbridgeJoin", **ROOM, **channel(uniqueid), Admin="No", Muted="No")
    room = centre.tracker.conferences["300"]
    assert (room.count, room.since, room.bridge) == (3, begin, "b1")
    assert room.participants[0].number == "+491.1"
    assert room.participants[0].since == begin + 1
    centre.tell("ConfbridgeLeave", **ROOM, **channel("1.2"), Admin="No")
    assert people(centre) == ["1.1", "1.3"]
    centre.tell("Hangup", **channel("1.3"))
    assert people(centre) == ["1.1"]
    assert room.count == 3, "a snapshot does not go on"
    centre.wait(5).tell("ConfbridgeEnd", **ROOM)
    assert centre.tracker.conferences == {}
    ended = [one.subject for one in centre.changes if one.kind == Kind.CONFERENCE][-1]
    assert (ended.end, ended.count) == (centre.now, 0)


def test_participant_shows_mute_and_talk_as_events_tell_them(centre: CallCentre) -> None:
    centre.tell("ConfbridgeJoin", **ROOM, **channel("1.1"), Admin="Yes", Muted="Yes")

    def shown() -> tuple[bool, ...]:
        room = centre.tracker.conferences["300"]
        (one,) = room.participants
        return room.locked, room.recording, one.admin, one.muted, one.talking

    assert shown() == (False, False, True, True, False)
    for name in ("ConfbridgeLock", "ConfbridgeRecord"):
        centre.tell(name, **ROOM)
    centre.tell("ConfbridgeUnmute", **ROOM, **channel("1.1"))
    centre.tell("ConfbridgeTalking", **ROOM, **channel("1.1"), TalkingStatus="on")
    assert shown() == (True, True, True, False, True)
    for name in ("ConfbridgeUnlock", "ConfbridgeStopRecord"):
        centre.tell(name, **ROOM)
    centre.tell("ConfbridgeMute", **ROOM, **channel("1.1"))
    centre.tell("ConfbridgeTalking", **ROOM, **channel("1.1"), TalkingStatus="off")
    assert shown() == (False, False, True, True, False)


def test_conference_event_without_a_name_changes_nothing(centre: CallCentre) -> None:
    for name in (
        "ConfbridgeStart",
        "ConfbridgeJoin",
        "ConfbridgeLeave",
        "ConfbridgeEnd",
        "ConfbridgeMute",
        "ConfbridgeTalking",
        "ConfbridgeLock",
    ):
        centre.tell(name)
        centre.tell(name, Conference="")
    assert centre.tracker.conferences == {}
    assert centre.tracker._shared.contradictions == 2


def test_a_room_of_the_same_name_is_another_one(centre: CallCentre) -> None:
    centre.tell("ConfbridgeJoin", **ROOM, **channel("1.1"))
    again = {**ROOM, "BridgeUniqueid": "b2"}
    centre.tell("ConfbridgeJoin", **again, **channel("1.2"))
    assert people(centre) == ["1.2"]
    assert centre.tracker._shared.contradictions == 1
    centre.tell("ConfbridgeEnd", **ROOM)
    assert people(centre) == ["1.2"]


def test_channel_is_never_in_two_rooms(centre: CallCentre) -> None:
    centre.tell("ConfbridgeJoin", **ROOM, **channel("1.1"))
    centre.tell("ConfbridgeJoin", Conference="400", BridgeUniqueid="b4", **channel("1.1"))
    assert people(centre) == []
    assert people(centre, "400") == ["1.1"]
    assert centre.tracker._shared.contradictions == 1


def test_the_lists_of_conferences(centre: CallCentre) -> None:
    for uniqueid in ("1.1", "gone"):
        centre.tell("ConfbridgeJoin", **ROOM, **channel(uniqueid))
    centre.tell("ConfbridgeJoin", Conference="400", BridgeUniqueid="b4", **channel("1.4"))
    begin, asked = centre.now, centre.wait(60).now
    centre.wait(1).tell("ConfbridgeJoin", **ROOM, **channel("young"))
    changes = centre.seed(
        asked,
        rooms=[
            event("ConfbridgeListRooms", Conference="300", Parties=2, Locked="Yes"),
            event("ConfbridgeListRooms", Conference="500", Parties=1, Locked="No"),
            event("ConfbridgeListRooms"),
        ],
        conference_members=[
            event("ConfbridgeList", Conference="300", **channel("1.1"), AnsweredTime=10),
            event("ConfbridgeList", Conference="500", **channel("1.5"), AnsweredTime=30),
        ],
    )
    rooms = centre.tracker.conferences
    assert set(rooms) == {"300", "500"}
    assert people(centre) == ["1.1", "young"]
    assert rooms["300"].locked
    assert rooms["300"].participants[0].since == begin
    assert rooms["500"].participants[0].since == centre.now - 30
    assert all(one.inferred for one in changes)


def test_rooms_without_their_members(centre: CallCentre) -> None:
    centre.tell("ConfbridgeJoin", **ROOM, **channel("1.1"))
    centre.wait(1).seed(rooms=[event("ConfbridgeListRooms", Conference="300")])
    assert people(centre) == ["1.1"]
