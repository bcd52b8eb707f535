"""The live picture, without a server and without a terminal: events and lists in, lines out."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.core.messages import Event
from django_ami.live.figures import FIGURES
from django_ami.tools.board import WINDOW_SECONDS, Rate, ServerBoard, Wallboard
from django_ami.tools.picture import picture
from django_ami.tools.text import width_of


def event(name: str, **headers: object) -> Event:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), server="node_1")


def channel(name: str, uniqueid: str, event_name: str = "Newchannel", **more: object) -> Event:
    headers = {
        "Channel": name,
        "ChannelStateDesc": "Ring",
        "CallerIDNum": "101",
        "Uniqueid": uniqueid,
        "Exten": "500",
    }
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
    assert rate.per_second(101.0) == 50 / WINDOW_SECONDS
    rate.add(101.0)
    assert rate.per_second(102.0) == 51 / WINDOW_SECONDS
    assert rate.per_second(100.0 + WINDOW_SECONDS) == 51 / WINDOW_SECONDS
    assert rate.per_second(101.0 + WINDOW_SECONDS) == 1 / WINDOW_SECONDS
    assert rate.per_second(103.0 + WINDOW_SECONDS) == 0


# --- channels ---


def test_the_life_of_a_call(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(channel("PJSIP/102-2", "1.2", CallerIDNum="<unknown>"), 11.0)
    assert board.live_calls() == 1
    board.apply(channel("PJSIP/101-1", "1.1", "Newstate", ChannelStateDesc="Up"), 12.0)
    board.apply(
        channel("PJSIP/101-1", "1.1", "Newexten", Application="Queue", AppData="support"), 12.0
    )
    board.apply(channel("PJSIP/101-1", "1.1", "NewConnectedLine", ConnectedLineNum="102"), 12.0)
    one, other = board.channels()
    assert (one.name, one.state, one.number, one.connected_number, one.application) == (
        "PJSIP/101-1", "Up", "101", "102", "Queue",
    )  # fmt: skip
    assert one.since == 10.0
    assert other.number == ""
    board.apply(
        event("Rename", Channel="PJSIP/102-2", Newname="PJSIP/102-2<MASQ>", Uniqueid="1.2"), 13.0
    )
    assert board.channels()[1].name == "PJSIP/102-2<MASQ>"
    board.apply(channel("PJSIP/101-1", "1.1", "Hangup"), 14.0)
    board.apply(channel("PJSIP/101-1", "1.1", "Newstate"), 14.0)
    assert [one.uniqueid for one in board.channels()] == ["1.2"]
    assert board.calls.per_second(15.0) == 1 / WINDOW_SECONDS
    assert board.events.per_second(15.0) == 8 / WINDOW_SECONDS


def test_a_list_is_the_truth_of_its_moment(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(channel("PJSIP/gone-2", "1.2"), 10.0)
    items = [
        channel("PJSIP/101-1", "1.1", "CoreShowChannel", Duration="00:00:01", Application="Dial"),
        channel("PJSIP/103-3", "1.3", "CoreShowChannel", Duration="01:01:05", Linkedid="1.3"),
        channel("PJSIP/104-4", "1.4", "CoreShowChannel", Duration="??", Linkedid="1.4"),
    ]
    board.list_channels(items, 20.0, 20.0)
    assert {one.name: one.since for one in board.channels()} == {
        "PJSIP/101-1": 10.0,
        "PJSIP/103-3": 20.0 - 3665,
        "PJSIP/104-4": 20.0,
    }
    assert board.tracker.channels["1.1"].application == "Dial"
    assert board.live_calls() == 3


def test_events_that_are_nothing_to_us(board: ServerBoard) -> None:
    for one in (
        event("UserEvent"),
        event("Hangup"),
        event("Rename"),
        event("Queue"),
    ):
        board.apply(one, 1.0)
    assert not board.channels()
    assert not board.queues(1.0)


# --- queues ---


def member(name: str, event_name: str = "QueueMemberStatus", **more: object) -> Event:
    key = "Location" if event_name == "QueueMember" else "Interface"
    return event(
        event_name, **{"Queue": "support", key: name, "Status": 1, "Paused": 0, "InCall": 0, **more}
    )


def test_the_day_of_a_queue(board: ServerBoard) -> None:
    """Completed and Abandoned of QueueParams are not what their names say, and are not shown."""
    board.list_queues(
        [
            event("QueueParams", Queue="support", Calls=1, Completed=7, Abandoned=2),
            member("PJSIP/1", "QueueMember"),
            member("PJSIP/2", "QueueMember", Paused=1, Status=2),
            event("QueueEntry", Queue="support", Uniqueid="1.1", Wait=30),
        ],
        100.0,
        100.0,
    )

    def shown(now: float) -> dict[str, Any]:
        (server,) = Wallboard.as_dict(wallboard_of(board), now)["servers"]
        (queue,) = server["queues"]
        return queue

    assert (shown(100.0)["completed"], shown(100.0)["abandoned"]) == (0, 0)
    assert (shown(100.0)["free"], shown(100.0)["paused"]) == (1, 1)
    assert (shown(105.0)["waiting"], shown(105.0)["longest"]) == (1, 35.0)
    board.apply(event("QueueCallerJoin", Queue="support", Uniqueid="1.2"), 105.0)
    board.apply(event("QueueCallerLeave", Queue="support", Uniqueid="1.1"), 106.0)
    board.apply(event("AgentConnect", Queue="support", Uniqueid="1.1", Interface="PJSIP/1"), 106.0)
    assert shown(106.0)["longest"] == 1.0
    board.apply(event("QueueCallerAbandon", Queue="support", Uniqueid="1.2"), 117.0)
    board.apply(event("QueueCallerLeave", Queue="support", Uniqueid="1.2"), 117.0)
    board.apply(event("Hangup", Uniqueid="1.2"), 117.0)
    assert (shown(117.0)["waiting"], shown(117.0)["longest"]) == (0, 0.0)
    assert (shown(117.0)["abandoned"], shown(117.0)["answered"]) == (1, 1)
    board.apply(event("AgentComplete", Queue="support", Uniqueid="1.1"), 126.0)
    assert (shown(126.0)["completed"], shown(126.0)["mean_talk"]) == (1, 20.0)
    assert shown(126.0)["service_level"] == 0.0
    assert shown(126.0)["abandon_rate"] == 0.5


def wallboard_of(board: ServerBoard) -> Wallboard:
    made = Wallboard(())
    made.servers[board.name] = board
    return made


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
        (queue,), (agent,) = board.queues(1.0), board.agents(1.0)
        assert {word: count for word, count in queue.members.items() if count} == {state: 1}
        assert agent.state == state
    board.apply(member("PJSIP/1", "QueueMemberRemoved"), 1.0)
    (queue,) = board.queues(1.0)
    assert not any(queue.members.values())
    assert board.agents(1.0) == []


def test_a_wrapup_is_busy_and_has_a_word_of_its_own(board: ServerBoard) -> None:
    board.apply(member("PJSIP/1", Wrapuptime=30), 1.0)
    board.apply(event("AgentConnect", Queue="support", Uniqueid="1.1", Interface="PJSIP/1"), 2.0)
    (agent,) = board.agents(2.0)
    assert (agent.state, agent.doing) == ("busy", "busy")
    board.apply(event("AgentComplete", Queue="support", Uniqueid="1.1"), 10.0)
    (agent,) = board.agents(39.0)
    assert (agent.state, agent.doing) == ("busy", "wrap-up")
    (agent,) = board.agents(40.0)
    assert (agent.state, agent.doing, agent.agent.since) == ("free", "free", 40.0)


def test_lost_server_has_no_live_state(board: ServerBoard) -> None:
    board.apply(channel("PJSIP/101-1", "1.1"), 10.0)
    board.apply(member("PJSIP/1"), 10.0)
    board.lost("the server closed the connection.")
    assert board.state == "the server closed the connection."
    assert (board.channels(), board.queues(10.0), board.agents(10.0)) == ([], [], [])
    assert board.live_calls() == 0


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
        100.0,
    )
    for number in (4, 3, 2, 1, 0):
        one.apply(
            channel(f"PJSIP/10{number}-x", f"1.{number}", ChannelStateDesc="Up"),
            100.0 - 30 * number,
        )
    return made


def test_the_picture(wallboard: Wallboard) -> None:
    lines = picture(wallboard, 100.0, "12:34:56", width=120, height=40)
    assert [(line.text, line.look) for line in lines] == [
        ("ami_top  12:34:56  q: quit, arrows and Page keys: scroll", "title"),
        (
            "node_1: ready, Asterisk 22.10.1, 1 call, 5 channels, 0.0 events/s, 0 new calls/min",
            "good",
        ),
        ("node_2: connection refused: does Asterisk run?", "bad"),
        ("", ""),
        (
            "Server  Queue    Waiting  Longest  Free  Busy  Paused  Away  Completed  Abandoned",
            "head",
        ),
        ("node_1  sales          0              1     0       0     0          0          0", ""),
        (
            "node_1  support        1  01:15       0     0       0     0          0          0",
            "bad",
        ),
        ("", ""),
        ("Agents (1)", "head"),
        ("Server  Agent    State  Since  Reason  Call  Talk  Queues", "head"),
        ("node_1  PJSIP/1  free                              sales", ""),
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
def test_picture_is_never_larger_than_the_terminal(
    wallboard: Wallboard, width: int, height: int
) -> None:
    lines = picture(wallboard, 100.0, "12:34:56", width=width, height=height)
    assert len(lines) <= height
    assert all(len(line.text) <= width for line in lines)


def test_scrolling(wallboard: Wallboard) -> None:
    def shown(first: int) -> list[str]:
        lines = picture(wallboard, 100.0, "", width=100, height=16, first=first)
        return [line.text.split()[1] for line in lines[8:] if line.text.startswith("node_1")]

    assert shown(0) == ["PJSIP/1", "PJSIP/104-x", "PJSIP/103-x"]
    assert shown(1) == ["PJSIP/104-x", "PJSIP/103-x", "PJSIP/102-x", "PJSIP/101-x", "PJSIP/100-x"]
    assert shown(4) == ["PJSIP/101-x", "PJSIP/100-x"]
    assert shown(99) == []


# --- terminals of every width ---


@pytest.fixture
def callcentre() -> Wallboard:
    made = Wallboard(["node_1"])
    (server,) = made.servers.values()
    server.ready("22.10.1+dfsg+~cs6.17-1")
    long = "営業-international-sales"
    server.list_queues(
        [
            event("QueueParams", Queue="support", Completed=7, Abandoned=2),
            member(
                "Local/a1@agents/n",
                "QueueMember",
                Name="Zoë Müller",
                StateInterface="PJSIP/101",
                Status=2,
            ),
            member(
                "Local/a2@agents/n",
                "QueueMember",
                Name="山田太郎 (営業部)",
                Paused=1,
                PausedReason="昼休み",
                LastPause=300,
            ),
            member("PJSIP/103", "QueueMember", Name="Bob", LastCall=500),
            event("QueueEntry", Queue="support", Uniqueid="w", Wait=75),
            event("QueueParams", Queue=long, Completed=1217),
            member("PJSIP/103", "QueueMember", Queue=long, Name="Bob", Paused=1, LastPause=550),
            member("PJSIP/104", "QueueMember", Queue=long, Name="Never There", Status=5),
        ],
        600.0,
        600.0,
    )
    up = {"ChannelStateDesc": "Up", "ConnectedLineNum": "+49301234567", "Exten": ""}
    server.apply(
        channel("PJSIP/trunk-provider-0000001a", "1.1", CallerIDNum="+49301234567", Exten="7000"),
        400.0,
    )
    server.apply(channel("PJSIP/101-0000001b", "1.2", **up), 450.0)
    server.apply(
        channel("PJSIP/103-0000001c", "1.3", ChannelStateDesc="Ringing", Linkedid="1.3"), 590.0
    )
    server.apply(channel("Local/a2@agents-00000001;1", "1.4", Linkedid="1.3", **up), 595.0)
    return made


def test_agents(callcentre: Wallboard) -> None:
    (server,) = callcentre.as_dict(600.0)["servers"]
    found = {one.pop("agent"): one for one in server["agents"]}
    assert {name: one.pop("doing") for name, one in found.items()} == {
        "Bob": "available",
        "Never There": "unreachable",
        "Zoë Müller": "talking_other",
        "山田太郎 (営業部)": "paused",
    }
    for one in found.values():
        assert (one.pop("calls_taken"), one.pop("occupancy")) == (0, None)
    long = "営業-international-sales"
    assert found == {
        "Bob": {
            "interface": "PJSIP/103", "state": "free", "seconds": 100.0, "reason": "",
            "call": "500",
            "call_seconds": 10.0, "queues": {"support": False, long: True},
        },
        "Never There": {
            "interface": "PJSIP/104", "state": "away", "seconds": None, "reason": "", "call": None,
            "call_seconds": None, "queues": {long: False},
        },
        "Zoë Müller": {
            "interface": "Local/a1@agents/n", "state": "busy", "seconds": None, "reason": "",
            "call": "+49301234567", "call_seconds": 150.0, "queues": {"support": False},
        },
        "山田太郎 (営業部)": {
            "interface": "Local/a2@agents/n", "state": "paused", "seconds": 300.0,
            "reason": "昼休み",
            "call": "+49301234567", "call_seconds": 5.0, "queues": {"support": True},
        },
    }  # fmt: skip


def test_since_when_an_agent_is_what_it_is(board: ServerBoard) -> None:
    def since() -> float | None:
        (agent,) = board.agents(130.0)
        return agent.agent.since

    board.list_queues([member("PJSIP/1", "QueueMember", Paused=1, LastPause=70)], 100.0, 100.0)
    assert since() == 70.0
    board.apply(member("PJSIP/1", Paused=0), 110.0)
    board.list_queues([member("PJSIP/1", "QueueMember")], 120.0, 120.0)
    assert since() == 110.0
    board.list_queues([member("PJSIP/1", "QueueMember", Status=2)], 130.0, 130.0)
    assert since() == 130.0


FORTY = """\
ami_top  12:34:56  q: quit
node_1: ready, Asterisk 22.10.1, 2 calls
  4 channels, 0.2 events/s
  6 new calls/min

Queue             Waiting  Longest  Free
support                 1  01:15       1
営業-internatio~        0              0

Agents (4)
Agent       State    Since  Call
Bob         ringing  01:40  500
Never The~  away
Zoë Müller  busy            +49301234567
山田太郎 ~  paused   05:00  +49301234567

Channels (4)
Channel              Caller        Time
PJSIP/trunk-provid~  +49301234567  03:20
PJSIP/101-0000001b   101           02:30
PJSIP/103-0000001c   101           00:10
Local/a2@agents-00~  101           00:05"""
SIXTY = """\
ami_top  12:34:56  q: quit, arrows and Page keys: scroll
node_1: ready, Asterisk 22.10.1, 2 calls, 4 channels
  0.2 events/s, 6 new calls/min

Queue             Waiting  Longest  Free  Busy  Paused  Away
support                 1  01:15       1     1       1     0
営業-internatio~        0              0     0       1     1

Agents (4)
Agent            State    Since  Reason  Call          Talk
Bob              ringing  01:40          500           00:10
Never There      away
Zoë Müller       busy                    +49301234567  02:30
山田太郎 (営業~  paused   05:00  昼休み  +49301234567  00:05

Channels (4)
Channel           State    Caller        Connected     Time
PJSIP/trunk-pro~  Ring     +49301234567                03:20
PJSIP/101-00000~  Up       101           +49301234567  02:30
PJSIP/103-00000~  Ringing  101                         00:10
Local/a2@agents~  Up       101           +49301234567  00:05"""


@pytest.mark.parametrize(("width", "expected"), [(40, FORTY), (60, SIXTY)])
def test_lines_are_whole(callcentre: Wallboard, width: int, expected: str) -> None:
    lines = picture(callcentre, 600.0, "12:34:56", width=width, height=60)
    assert "\n".join(line.text for line in lines) == expected


@pytest.mark.parametrize("width", range(1, 130))
def test_lines_never_wrap(callcentre: Wallboard, width: int) -> None:
    lines = [line.text for line in picture(callcentre, 600.0, "12:34:56", width=width, height=60)]
    assert max(map(width_of, lines)) <= width
    if width >= 39:
        assert any(line.startswith("Bob  ") and " 500" in line for line in lines)
        assert any(line.endswith("+49301234567") or "+49301234567  " in line for line in lines)
        assert any(line.startswith("Queue ") and "Waiting" in line for line in lines)


def test_one_server_needs_no_column() -> None:
    made = Wallboard(["node_1"])
    made.servers["node_1"].notes["queues"] = "only the queues that events tell of"
    lines = [line.text for line in picture(made, 1.0, "", width=100, height=24)]
    assert lines[1:3] == ["node_1: connecting", "  only the queues that events tell of"]
    assert lines[-1] == "Channel  State  Caller  Connected  Exten  Application  Time"


def test_name_of_a_channel_steers_no_terminal(wallboard: Wallboard) -> None:
    wallboard.servers["node_1"].apply(channel("PJSIP/\x1b[2J", "1.9"), 100.0)
    assert "\x1b" not in "".join(
        line.text for line in picture(wallboard, 100.0, "", width=100, height=40)
    )


def test_as_json(wallboard: Wallboard) -> None:
    one, two = wallboard.as_dict(101.0)["servers"]
    assert (one["server"], one["state"], one["calls"], len(one["channels"])) == (
        "node_1",
        "ready",
        1,
        5,
    )
    assert one["events_per_second"] == 0.1
    queue = one["queues"][0]
    told = {"queue": "support", "waiting": 1, "longest": 76.0, "offered": 1, "completed": 0}
    words = dict.fromkeys(("free", "busy", "paused", "away", "answered", "abandoned"), 0)
    assert {key: queue[key] for key in (*told, *words)} == {**told, **words}
    assert (queue["left"], queue["service_level"]) == ({}, None)
    assert set(FIGURES) <= set(queue)
    assert [channel["seconds"] for channel in one["channels"]] == [121.0, 91.0, 61.0, 31.0, 1.0]
    assert two["state"].startswith("connection refused")
