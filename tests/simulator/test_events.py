"""Broadcast: which session gets which event, in which form, and when."""

from __future__ import annotations

import pytest

from django_ami.testing import Simulator
from tests.simulator.conftest import make
from tests.simulator.wire import logged_in


def names_up_to_ping(wire: object) -> list[str]:
    """Names of the events that are there before the answer to a Ping."""
    action_id = wire.send("Ping")  # type: ignore[attr-defined]
    names = []
    while True:
        frame = wire.frame()  # type: ignore[attr-defined]
        if frame.get("ActionID") == action_id:
            return names
        names.append(frame.kind[1])


def test_the_bytes_of_an_event(sim: Simulator) -> None:
    with logged_in(sim, events="call") as wire:
        sim.emit(
            "Hangup",
            [("Cause-txt", "Normal Clearing")],
            Channel="PJSIP/101-1",
            Cause=16,
            ChanVariable=["a=1", "b="],
        )
        assert wire.frame().data == (
            b"Event: Hangup\r\nPrivilege: call,all\r\nCause-txt: Normal Clearing\r\n"
            b"Channel: PJSIP/101-1\r\n"
            b"Cause: 16\r\nChanVariable: a=1\r\nChanVariable: b=\r\n\r\n"
        )
        sim.wait_for(lambda: sim.events_sent == 1)
        assert sim.sessions[0].events_sent == 1


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("on", ["Hangup", "Newexten", "UserEvent", "VoicemailPasswordChange"]),
        ("call", ["Hangup"]),
        ("user", ["UserEvent"]),
        ("system", []),
        ("user,system", ["UserEvent", "VoicemailPasswordChange"]),
        ("off", []),
        ("bogus", []),
    ],
)
def test_masks(sim: Simulator, mask: str, expected: list[str]) -> None:
    with logged_in(sim, events="off") as wire:
        wire.ask("Events", EventMask=mask)
        for name in ("Hangup", "Newexten", "UserEvent", "VoicemailPasswordChange"):
            sim.emit(name, A=1)
        sim.wait_for(lambda: sim.sessions[0].events_sent == len(expected))
        assert names_up_to_ping(wire) == expected


def test_read_permissions_cut_the_mask(sim: Simulator) -> None:
    with logged_in(sim, events="on", user="limited", secret="li") as wire:
        for name in ("Hangup", "Newexten", "UserEvent"):
            sim.emit(name, A=1)
        sim.emit("Other", privilege="reporting")
        sim.wait_for(lambda: sim.events_sent == 2)
        assert names_up_to_ping(wire) == ["Hangup", "Other"]


def test_newexten_is_of_class_call_up_to_15() -> None:
    with make(profile="13") as sim, logged_in(sim, events="call") as wire:
        sim.emit("Newexten")
        assert wire.frame()["Privilege"] == "call,all"


def test_events_action(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        on = wire.ask("Events", EventMask="user,call")
        assert on.pairs[2:] == [("Events", "On")]
        assert sim.sessions[0].mask == 64 + 2
        assert wire.ask("Events", EventMask="nonsense")["Events"] == "Off"
        assert wire.ask("Events")["Message"] == "Invalid event mask"


def test_filters_of_the_user_and_of_the_session(sim: Simulator) -> None:
    with logged_in(sim, events="call", user="filtered", secret="fi") as wire:
        for channel in ("PJSIP/1", "PJSIP/9"):
            for name in ("Hangup", "HangupRequest", "Newchannel"):
                sim.emit(name, Channel=channel)
        sim.wait_for(lambda: sim.events_sent == 2)
        assert names_up_to_ping(wire) == ["Hangup", "HangupRequest"]
        assert wire.ask("Filter", Operation="Add", Filter="!HangupRequest")["Message"] == "Success"
        sim.emit("HangupRequest", Channel="PJSIP/1")
        sim.emit("Hangup", Channel="PJSIP/1")
        assert wire.frame().kind == ("Event", "Hangup")
        assert wire.ask_list("QueueStatus")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Operation": "Remove", "Filter": "x"}, "Unknown operation"),
        ({}, "Unknown operation"),
        (
            {"Operation": "Add", "Filter": "["},
            "Filter did not compile.  Check the syntax of the filter given.",
        ),
        (
            {
                "Operation": "Add",
                "Filter": "blue",
                "MatchCriteria": "name(UserEvent),header(Colour)",
            },
            "Filter was formatted incorrectly.  Check the syntax of the filter given.",
        ),
    ],
)
def test_bad_filters(sim: Simulator, headers: dict[str, str], message: str) -> None:
    with logged_in(sim) as wire:
        assert wire.ask("Filter", **headers)["Message"] == message


def test_16_ignores_match_criteria_and_says_success() -> None:
    with make(profile="16") as sim, logged_in(sim) as wire:
        criteria = "nonsense"
        assert (
            wire.ask("Filter", Operation="Add", Filter="x", MatchCriteria=criteria)["Response"]
            == "Success"
        )


def test_user_event_goes_to_everybody_with_the_senders_action_id(sim: Simulator) -> None:
    with logged_in(sim, events="user") as sender, logged_in(sim, events="user") as other:
        sender.write(
            "Action: UserEvent\r\nActionID: mine\r\nUserEvent: Lab\r\nKey: value\r\nKey: second\r\n"
            "Text: a: b: c\r\nEmpty:\r\nUni: Grüße 日本\r\nEvent: Fake\r\n\r\n"
        )
        expected = (
            "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Lab\r\nActionID: mine\r\nKey: "
            "value\r\nKey: second\r\nText: a: b: c\r\nEmpty:\r\nUni: Grüße 日本\r\nEvent: "
            "Fake\r\n\r\n"
        ).encode()
        assert (
            sender.frame().data
            == b"Response: Success\r\nActionID: mine\r\nMessage: Event Sent\r\n\r\n"
        )
        assert sender.frame().data == expected
        assert other.frame().data == expected


def test_optional_headers_follow_privilege() -> None:
    with (
        make(timestampevents=True, systemname="lab") as sim,
        logged_in(sim, events="call,user") as wire,
    ):
        sim.emit("Hangup", Cause=16)
        frame = wire.frame()
        assert frame.keys == ["Event", "Privilege", "Timestamp", "SystemName", "Cause"]
        assert len(frame["Timestamp"].partition(".")[2]) == 6
        wire.send("UserEvent", UserEvent="X", A="1")
        keys = wire.event("UserEvent").keys
        assert keys == [
            "Event",
            "Privilege",
            "Timestamp",
            "SystemName",
            "UserEvent",
            "ActionID",
            "A",
        ]


def test_wait_event(sim: Simulator) -> None:
    with logged_in(sim, events="user") as wire:
        wire.send("WaitEvent", ActionID="we", Timeout="10")
        wire.send("Ping", ActionID="behind")
        sim.wait_for(lambda: sim.received[-1].name == "WaitEvent")
        sim.emit("UserEvent", UserEvent="During")
        frames = [wire.frame() for _ in range(4)]
        assert [frame.kind[1] for frame in frames] == [
            "Success",
            "UserEvent",
            "WaitEventComplete",
            "Success",
        ]
        assert (
            frames[0].data
            == b"Response: Success\r\nActionID: we\r\nMessage: Waiting for Event completed.\r\n\r\n"
        )
        assert frames[2].data == b"Event: WaitEventComplete\r\nActionID: we\r\n\r\n"


def test_raw_bytes_go_to_all_sessions_that_are_logged_in(sim: Simulator) -> None:
    with logged_in(sim) as one, logged_in(sim) as two:
        sim.send_raw(b"garbage\r\n\r\n")
        assert one.frame().data == two.frame().data == b"garbage\r\n\r\n"
