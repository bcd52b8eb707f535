"""A round of lists: each asked for once, in order, and taken over as soon as it can be."""

from __future__ import annotations

from typing import Any

from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.rounds import Round, is_empty


def items(*names: str) -> list[Event]:
    return [Event("Item", f"Event: Item\r\nConference: {name}".encode()) for name in names]


def play(round_: Round, answers: dict[str, Any]) -> tuple[list[str], list[Lists]]:
    """The actions in their order, and the lists that could be taken over; ``now`` counts them."""
    asked, found = [], []
    while (action := round_.action) is not None:
        name = " ".join([action.name, *(value for _, value in action.headers)])
        asked.append(name)
        lists = round_.take(answers.get(name, []), asked=float(len(asked)))
        if lists is not None:
            found.append(lists)
    return asked, found


def test_each_list_is_taken_over_by_itself_and_channels_with_their_bridges() -> None:
    bridges, channels, devices = items("b"), items("c"), items("d")
    asked, found = play(
        Round(), {"BridgeList": bridges, "CoreShowChannels": channels, "DeviceStateList": devices}
    )
    assert asked == [
        "BridgeList",
        "CoreShowChannels",
        "QueueStatus",
        "ParkedCalls",
        "ConfbridgeListRooms",
        "DeviceStateList",
    ]
    assert found == [
        Lists(1.0, channels=channels, bridges=bridges),
        Lists(3.0, queues=[]),
        Lists(4.0, parked=[]),
        Lists(5.0, rooms=[], conference_members=[]),
        Lists(6.0, devices=devices),
    ]


def test_a_list_that_failed_says_nothing() -> None:
    everything = dict.fromkeys(
        ("BridgeList", "CoreShowChannels", "QueueStatus", "ConfbridgeListRooms")
    )
    _, found = play(Round(), everything)
    assert found == [
        Lists(1.0),
        Lists(3.0),
        Lists(4.0, parked=[]),
        Lists(5.0),
        Lists(6.0, devices=[]),
    ]


def test_the_members_of_all_rooms_are_one_list() -> None:
    rooms, first, second = items("1", "", "2"), items("a"), items("b", "c")
    answers = {"ConfbridgeListRooms": rooms, "ConfbridgeList 1": first, "ConfbridgeList 2": second}
    asked, found = play(Round(), answers)
    assert asked[4:7] == ["ConfbridgeListRooms", "ConfbridgeList 1", "ConfbridgeList 2"]
    assert found[3] == Lists(5.0, rooms=rooms, conference_members=[*first, *second])
    for unknown in ("ConfbridgeList 1", "ConfbridgeList 2"):
        _, found = play(Round(), {**answers, unknown: None})
        assert found[3] == Lists(5.0, rooms=rooms)


def test_channel_variables_are_asked_for_if_the_project_wants_some() -> None:
    asked, found = play(Round({"TENANT", "LANG"}), {})
    assert asked[-1] == "Status LANG,TENANT"
    assert found[-1] == Lists(7.0, status=[])


def test_an_error_may_say_that_there_is_nothing() -> None:
    assert is_empty("No active conferences.")
    assert is_empty("No Conference by that name found.")
    assert not is_empty("Permission denied")
