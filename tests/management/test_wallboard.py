"""The live picture, without a server and without a terminal: events and lists in, lines out."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.core.messages import Event
from django_ami.management.screen import picture
from django_ami.management.wallboard import WINDOW, Rate, ServerBoard, Wallboard


def event(name: str, **headers: object) -> Event:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), server="node_1")


def channel(name: str, uniqueid: str, event_name: str = "Newchannel", **more: object) -> Event:
    headers = {"Channel": name, "ChannelStateDesc": "Ring", "CallerIDNum": "101", "Uniqueid": uniqueid, "Exten": "500"}
    return event(event_name, **{**headers, "Linkedid": "1.1", **more})


@pytest.fixture
def board() -> ServerBoard:
    return ServerBoard("node_1", state="ready")


# --- rates ---


def test_a_rate_is_of_whole_seconds_of_late() -> None:
    rate = Rate()
    assert rate.per_second(100.0) == 0
    for _ in range(50):
        rate.add(100.2)
    assert rate.per_second(100.9) == 0
    assert rate.per_second(101.0) == 50 / WINDOW
    rate.add(101.0)
    assert rate.per_second(102.0) == 51 / WINDOW
    assert rate.per_second(100.0 + WINDOW) == 51 / WINDOW
    assert rate.per_second(101.0 + WINDOW) == 1 / WINDOW
    assert rate.per_second(103.0 + WINDOW) == 0


# --- channels ---


def test_the_life_of_a_call(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(channel("PJSIP/102-2", "1.2", CallerIDNum="<unknown>"), 11.0)
    assert board.live_calls() == 1
    board.apply(channel("PJSIP/101-1", "1.1", "Newstate", ChannelStateDesc="Up"), 12.0)
    board.apply(channel("PJSIP/101-1", "1.1", "Newexten", Application="Queue", AppData="support"), 12.0)
    board.apply(channel("PJSIP/101-1", "1.1", "NewConnectedLine", ConnectedLineNum="102"), 12.0)
    one, other = board.channels.values()
    assert (one.name, one.state, one.caller, one.connected, one.application, one.since) == (
        "PJSIP/101-1", "Ring", "101", "102", "Queue", 10.0,
    )  # fmt: skip
    assert other.caller == ""
    board.apply(event("Rename", Channel="PJSIP/102-2", Newname="PJSIP/102-2<MASQ>", Uniqueid="1.2"), 13.0)
    assert other.name == "PJSIP/102-2<MASQ>"
    board.apply(channel("PJSIP/101-1", "1.1", "Hangup"), 14.0)
    board.apply(channel("PJSIP/101-1", "1.1", "Newstate"), 14.0)
    assert list(board.channels) == ["1.2"]
    assert board.calls.per_second(15.0) == 1 / WINDOW
    assert board.events.per_second(15.0) == 8 / WINDOW


def test_a_list_is_the_truth_of_its_moment(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(channel("PJSIP/gone-2", "1.2"), 10.0)
    items = [
        channel("PJSIP/101-1", "1.1", "CoreShowChannel", Duration="00:00:01", Application="Dial"),
        channel("PJSIP/103-3", "1.3", "CoreShowChannel", Duration="01:01:05", Linkedid="1.3"),
        channel("PJSIP/104-4", "1.4", "CoreShowChannel", Duration="??", Linkedid="1.4"),
    ]
    board.list_channels(items, 20.0)
    assert {one.name: one.since for one in board.channels.values()} == {
        "PJSIP/101-1": 10.0,
        "PJSIP/103-3": 20.0 - 3665,
        "PJSIP/104-4": 20.0,
    }
    assert board.channels["1.1"].application == "Dial"
    assert board.live_calls() == 3


def test_events_that_are_nothing_to_us(board: ServerBoard) -> None:
    for one in (event("UserEvent"), event("Hangup"), event("Rename"), channel("x", "9", "DialBegin"), event("Queue")):
        board.apply(one, 1.0)
    assert not board.channels
    assert not board.queues


# --- queues ---


def member(name: str, event_name: str = "QueueMemberStatus", **more: object) -> Event:
    key = "Location" if event_name == "QueueMember" else "Interface"
    return event(event_name, **{"Queue": "support", key: name, "Status": 1, "Paused": 0, "InCall": 0, **more})


def test_the_day_of_a_queue(board: ServerBoard) -> None:
    board.list_queues(
        [
            event("QueueParams", Queue="support", Calls=1, Completed=7, Abandoned=2),
            member("PJSIP/1", "QueueMember"),
            member("PJSIP/2", "QueueMember", Paused=1, Status=2),
            event("QueueEntry", Queue="support", Uniqueid="1.1", Wait=30),
        ],
        100.0,
    )
    queue = board.queues["support"]
    assert (queue.completed, queue.abandoned, queue.waiting) == (7, 2, {"1.1": 70.0})
    assert queue.members == {"PJSIP/1": "free", "PJSIP/2": "paused"}
    assert queue.longest(105.0) == 35.0
    board.apply(event("QueueCallerJoin", Queue="support", Uniqueid="1.2"), 105.0)
    board.apply(event("QueueCallerLeave", Queue="support", Uniqueid="1.1"), 106.0)
    assert queue.longest(106.0) == 1.0
    board.apply(event("QueueCallerAbandon", Queue="support", Uniqueid="1.2"), 107.0)
    assert (queue.waiting, queue.abandoned, queue.longest(107.0)) == ({}, 3, 0.0)
    board.apply(event("AgentComplete", Queue="support"), 108.0)
    assert queue.completed == 8


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "free"),
        ({"Status": 2}, "busy"),
        ({"Status": 3}, "busy"),
        ({"Status": 6}, "busy"),
        ({"Status": 8}, "busy"),
        ({"InCall": 1}, "busy"),
        ({"Status": 5}, "away"),
        ({"Status": 4}, "away"),
        ({"Status": 2, "Paused": 1}, "paused"),
    ],
)
def test_members(board: ServerBoard, more: dict[str, Any], state: str) -> None:
    for name in ("QueueMemberAdded", "QueueMemberPause", "QueueMemberStatus"):
        board.apply(member("PJSIP/1", name, **more), 1.0)
        assert board.queues["support"].members == {"PJSIP/1": state}
        assert board.queues["support"].count(state) == 1
    board.apply(member("PJSIP/1", "QueueMemberRemoved"), 1.0)
    assert board.queues["support"].members == {}


def test_what_is_lost_is_not_known_any_more(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(member("PJSIP/1"), 10.0)
    board.lost("the server closed the connection.")
    assert (board.channels, board.queues, board.state) == ({}, {}, "the server closed the connection.")


# --- the picture ---


@pytest.fixture
def wallboard() -> Wallboard:
    made = Wallboard(["node_1", "node_2"])
    one, two = made.servers.values()
    one.ready("22.10.1")
    two.lost("connection refused: does Asterisk run?")
    one.list_queues(
        [
            event("QueueParams", Queue="support", Completed=7),
            event("QueueEntry", Queue="support", Uniqueid="x", Wait=75),
            event("QueueParams", Queue="sales"),
            member("PJSIP/1", "QueueMember", Queue="sales"),
        ],
        100.0,
    )
    for number in (4, 3, 2, 1, 0):
        one.apply(channel(f"PJSIP/10{number}-x", f"1.{number}", ChannelStateDesc="Up"), 100.0 - 30 * number)
    return made


def test_the_picture(wallboard: Wallboard) -> None:
    lines = picture(wallboard, 100.0, "12:34:56", width=120, height=40)
    assert [(line.text, line.look) for line in lines] == [
        ("ami_top  12:34:56  q: quit, arrows and Page keys: scroll", "title"),
        ("node_1: ready, Asterisk 22.10.1, 1 call, 5 channels, 0.0 events/s, 0 new calls/min", "good"),
        ("node_2: connection refused: does Asterisk run?", "bad"),
        ("", ""),
        ("Server  Queue    Waiting  Longest  Free  Busy  Paused  Away  Completed  Abandoned", "head"),
        ("node_1  sales          0              1     0       0     0          0          0", ""),
        ("node_1  support        1  01:15       0     0       0     0          7          0", "bad"),
        ("", ""),
        ("Channels (5)", "head"),
        ("Server  Channel      State  Caller  Connected  Exten  Application  Time", "head"),
        ("node_1  PJSIP/104-x  Up        101               500               02:00", ""),
        ("node_1  PJSIP/103-x  Up        101               500               01:30", ""),
        ("node_1  PJSIP/102-x  Up        101               500               01:00", ""),
        ("node_1  PJSIP/101-x  Up        101               500               00:30", ""),
        ("node_1  PJSIP/100-x  Up        101               500               00:00", ""),
    ]


@pytest.mark.parametrize("width", [0, 1, 20, 79])
@pytest.mark.parametrize("height", [0, 1, 5, 11, 24])
def test_it_is_never_larger_than_the_terminal(wallboard: Wallboard, width: int, height: int) -> None:
    lines = picture(wallboard, 100.0, "12:34:56", width=width, height=height)
    assert len(lines) <= height
    assert all(len(line.text) <= width for line in lines)


def test_scrolling(wallboard: Wallboard) -> None:
    def shown(first: int) -> list[str]:
        lines = picture(wallboard, 100.0, "", width=100, height=12, first=first)
        return [line.text.split()[1] for line in lines[10:]]

    assert shown(0) == ["PJSIP/104-x", "PJSIP/103-x"]
    assert shown(2) == ["PJSIP/102-x", "PJSIP/101-x"]
    assert shown(4) == ["PJSIP/100-x"]
    assert shown(99) == []


def test_one_server_needs_no_column() -> None:
    made = Wallboard(["node_1"])
    made.servers["node_1"].notes["queues"] = "only the queues that events tell of"
    lines = [line.text for line in picture(made, 1.0, "", width=100, height=24)]
    assert lines[1:3] == ["node_1: connecting", "  only the queues that events tell of"]
    assert lines[-1] == "Channel  State  Caller  Connected  Exten  Application  Time"


def test_nothing_steers_the_terminal(wallboard: Wallboard) -> None:
    wallboard.servers["node_1"].apply(channel("PJSIP/\x1b[2J", "1.9"), 100.0)
    assert "\x1b" not in "".join(line.text for line in picture(wallboard, 100.0, "", width=100, height=40))


def test_as_json(wallboard: Wallboard) -> None:
    one, two = wallboard.as_dict(101.0)["servers"]
    assert (one["server"], one["state"], one["calls"], len(one["channels"])) == ("node_1", "ready", 1, 5)
    assert one["events_per_second"] == 0.1
    assert one["queues"][0] == {
        "queue": "support", "waiting": 1, "longest": 76.0, "free": 0, "busy": 0, "paused": 0, "away": 0,
        "completed": 7, "abandoned": 0,
    }  # fmt: skip
    assert [channel["seconds"] for channel in one["channels"]] == [121.0, 91.0, 61.0, 31.0, 1.0]
    assert two["state"].startswith("connection refused")
