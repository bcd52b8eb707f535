"""Whole calls: their events, in which order and when.

And that the simulated Asterisk plays the same ones.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest

from django_ami.core import Event
from django_ami.core.protocol import Parser
from django_ami.simulator import CallTimes
from django_ami.testing import Recording, Simulator, scenarios
from tests.simulator.wire import logged_in

ALL = {name: getattr(scenarios, name) for name in scenarios.__all__}


def first(recording: Recording, name: str, **headers: str) -> int:
    """The place of the first event of this name with these headers."""
    return next(
        place
        for place, event in enumerate(recording.events)
        if event.name == name and all(event.get(key) == value for key, value in headers.items())
    )


def in_order(recording: Recording, *names: str) -> None:
    places = [first(recording, name) for name in names]
    assert places == sorted(places), list(zip(names, places, strict=True))


@pytest.mark.parametrize("name", ALL)
def test_scenario_is_the_same_at_any_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ALL[name]()
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert ALL[name]() == told


@pytest.mark.parametrize("name", ALL)
def test_scenario_has_ordered_times_and_complete_channels(name: str) -> None:
    call = ALL[name]()
    times = [moment.at for moment in call]
    assert times == sorted(times)
    assert times[0] == 0
    count = Counter(event.name for event in call.events)
    assert count["Newchannel"] == count["Hangup"] >= 1
    # A row for each pair: of a call, and of a transfer another one, and one of an attended
    # transfer's question.
    assert count["Cdr"] == {"blind_transfer": 2, "attended_transfer": 3}.get(name, 1)
    assert all(event["DestinationChannel"] for event in call.events if event.name == "Cdr")
    assert count["BridgeCreate"] == count["BridgeDestroy"]
    assert count["BridgeEnter"] == count["BridgeLeave"]
    born = [event["Uniqueid"] for event in call.events if event.name == "Newchannel"]
    assert sorted(born) == sorted(
        event["Uniqueid"] for event in call.events if event.name == "Hangup"
    )
    assert len(set(born)) == len(born)
    assert call == ALL[name](), "the same every time"
    for event in call.events:
        (parsed,) = Parser(banner=False).feed(event.raw + b"\r\n\r\n")
        assert parsed == event
        assert event["Privilege"].endswith(",all")


@pytest.mark.parametrize("name", ALL)
def test_a_channel_does_nothing_behind_its_hangup(name: str) -> None:
    gone: set[str] = set()
    for event in ALL[name]().events:
        if "Uniqueid" in event and event.name != "Cdr":
            # AgentComplete comes from a subscription of its own, before or after.
            assert event["Uniqueid"] not in gone or event.name.startswith("Agent"), event.headers
        if event.name == "Hangup":
            gone.add(event["Uniqueid"])


def test_an_answered_call() -> None:
    call = scenarios.answered_call("101", "102", ring=3, talk=60)
    in_order(
        call,
        "Newchannel",
        "DialBegin",
        "DialState",
        "DialEnd",
        "BridgeCreate",
        "BridgeEnter",
        "BridgeLeave",
        "Hangup",
    )
    assert call.events[0]["Channel"].startswith("PJSIP/101-")
    end = call[first(call, "DialEnd")]
    assert (end.at, end.event["DialStatus"], end.event["DestCallerIDName"]) == (3, "ANSWER", "Bob")
    assert call.seconds == 63
    assert {event["Cause-txt"] for event in call.events if event.name == "Hangup"} == {
        "Normal Clearing"
    }
    assert len({event["Linkedid"] for event in call.events if "Linkedid" in event}) == 1
    answered = next(
        event for event in call.events if event.name == "Cdr" and event["Source"] == "101"
    )
    assert (answered["Disposition"], answered["Duration"]) == ("ANSWERED", "63")


def test_busy() -> None:
    call = scenarios.busy_call(callee="103")
    assert call.events[first(call, "DialEnd")]["DialStatus"] == "BUSY"
    assert call.events[first(call, "Hangup")]["Cause"] == "17"
    assert "BridgeCreate" not in call.names
    assert any(
        event["Channel"].startswith("PJSIP/103-") for event in call.events if event.name == "Hangup"
    )


def test_no_answer() -> None:
    call = scenarios.no_answer_call(ring=20)
    end = call[first(call, "DialEnd")]
    assert (end.at, end.event["DialStatus"]) == (20, "NOANSWER")
    assert [event["Cause"] for event in call.events if event.name == "Hangup"] == ["0", "16"]
    assert "BridgeCreate" not in call.names


def test_a_queue_call() -> None:
    call = scenarios.queue_call("sales", "+4930", "103", wait=4, ring=3, talk=60)
    in_order(
        call, "QueueCallerJoin", "AgentCalled", "DialEnd", "QueueCallerLeave", "AgentConnect",
        "BridgeCreate", "AgentComplete",
    )  # fmt: skip
    connect = call[first(call, "AgentConnect")]
    assert connect.at == pytest.approx(7, abs=0.1)
    assert (connect.event["Queue"], connect.event["Interface"], connect.event["MemberName"]) == (
        "sales", "PJSIP/103", "Carol",
    )  # fmt: skip
    assert connect.event["CallerIDNum"] == "+4930"
    assert (connect.event["HoldTime"], connect.event["RingTime"]) == ("7", "3")
    assert call.events[first(call, "AgentComplete")]["TalkTime"] == "60"
    assert "QueueCallerAbandon" not in call.names


def test_an_abandoned_call() -> None:
    call = scenarios.abandoned_call(wait=12)
    in_order(call, "QueueCallerJoin", "AgentCalled", "QueueCallerAbandon", "QueueCallerLeave")
    assert first(call, "QueueCallerLeave") < first(call, "Hangup", CallerIDNum="+49301234567")
    assert [event["DialStatus"] for event in call.events if event.name == "DialEnd"] == [
        "CANCEL",
        "CANCEL",
    ]
    abandon = call[first(call, "QueueCallerAbandon")]
    assert (abandon.at, abandon.event["HoldTime"], abandon.event["Position"]) == (12, "12", "1")
    assert "AgentConnect" not in call.names


@pytest.mark.parametrize(
    ("asterisk", "asked", "cause"), [("16", "16", "16"), ("22", None, "0"), ("23", None, "0")]
)
def test_cause_of_a_caller_that_abandons_a_queue(
    asterisk: str, asked: str | None, cause: str
) -> None:
    call = scenarios.abandoned_call(caller="4930", asterisk=asterisk)
    request = call.events[first(call, "HangupRequest", CallerIDNum="4930")]
    assert request.get("Cause") == asked
    assert call.events[first(call, "Hangup", CallerIDNum="4930")]["Cause"] == cause


@pytest.mark.parametrize(
    ("asterisk", "tech_cause"), [("16", None), ("20", "486"), ("21", None), ("22", "486")]
)
def test_busy_call_tells_its_sip_code_where_asterisk_has_one(
    asterisk: str, tech_cause: str | None
) -> None:
    ends = [
        event
        for event in scenarios.busy_call(asterisk=asterisk).events
        if event.name.endswith("Hangup")
    ]
    assert [event.get("TechCause") for event in ends] == [tech_cause] * 2


@pytest.mark.parametrize(("hangs_up", "number"), [("caller", "101"), ("callee", "102")])
def test_either_of_two_hangs_up(hangs_up: str, number: str) -> None:
    call = scenarios.answered_call("101", "102", talk=5, hangs_up=hangs_up)  # type: ignore[arg-type]
    request = call[first(call, "HangupRequest")]
    assert (request.at, request.event["CallerIDNum"]) == (8, number)


def test_a_blind_transfer() -> None:
    call = scenarios.blind_transfer("101", "102", "103", ring=3, talk=10)
    transfer = call[first(call, "BlindTransfer")]
    assert transfer.at == 13
    event = transfer.event
    assert (event["TransfererCallerIDNum"], event["TransfereeCallerIDNum"], event["Extension"]) == (
        "102",
        "101",
        "103",
    )
    assert (
        first(call, "BlindTransfer")
        < first(call, "Hangup", CallerIDNum="102")
        < first(call, "Newchannel", CallerIDNum="103")
    )
    assert first(call, "Newchannel", CallerIDNum="103") < first(call, "Hangup", CallerIDNum="101")


def test_an_attended_transfer() -> None:
    call = scenarios.attended_transfer("101", "102", "103", ring=3, talk=10, consult=5)
    transfer = call[first(call, "AttendedTransfer")]
    event = transfer.event
    assert transfer.at == 21
    assert (event["OrigTransfererCallerIDNum"], event["SecondTransfererCallerIDNum"]) == (
        "102",
        "102",
    )
    assert event["OrigTransfererUniqueid"] != event["SecondTransfererUniqueid"]
    assert (event["TransfereeCallerIDNum"], event["TransferTargetCallerIDNum"]) == ("101", "103")
    assert (
        event["DestBridgeUniqueid"] == event["SecondBridgeUniqueid"] != event["OrigBridgeUniqueid"]
    )
    assert "BridgeMerge" not in call.names
    entered = call.events[first(call, "AttendedTransfer") - 2]
    assert (entered.name, entered["CallerIDNum"], entered["BridgeUniqueid"]) == (
        "BridgeEnter", "101", event["DestBridgeUniqueid"],
    )  # fmt: skip
    assert (
        first(call, "AttendedTransfer")
        < first(call, "Hangup", CallerIDNum="102")
        < first(call, "Hangup", CallerIDNum="103")
    )


def test_the_world_in_which_it_is_told_plays_the_same_as_the_real_one() -> None:
    """A call that the simulator makes over TCP, by an Originate into its dialplan, has the events
    of the told one.
    """
    told = [
        name
        for name in scenarios.queue_call("support", agent="101").names
        if name != "ExtensionStatus"
    ]
    with (
        Simulator(times=CallTimes(ring=0.01, duration=0.05)) as server,
        logged_in(server, events="on") as wire,
    ):
        wire.ask(
            "Originate", Channel="Local/support@default", Application="Wait", Data="9", Async="true"
        )
        frames = wire.until("Event", "AgentComplete")
    played = [frame.kind[1] for frame in frames if frame.kind[0] == "Event"]
    queue = [
        name for name in played if name.startswith(("Queue", "Agent", "Bridge", "MusicOnHold"))
    ]
    wanted = [name for name in told if name.startswith(("Queue", "Agent", "Bridge", "MusicOnHold"))]
    assert queue == wanted[: len(queue)]
    assert len(queue) > 10


def test_recordings_can_be_put_together() -> None:
    one, two = scenarios.busy_call(), scenarios.abandoned_call(wait=12)
    both = two + one
    assert both.names == two.names + one.names
    assert both[len(two)].at == 12
    assert both[: len(two)] == two
    assert isinstance(both.events[0], Event)
    assert repr(two) == f"<Recording of {len(two)} events in 12.000 s>"
    assert (len(Recording()), Recording().seconds) == (0, 0.0)
