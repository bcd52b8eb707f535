"""Who hung up."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.live.snapshots import Outcome
from django_ami.live.tracker import Tracker
from tests.live.listing import event

BRIDGE = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}


def phone(name: str, uniqueid: str, state: str = "Up", prefix: str = "") -> dict[str, str]:
    headers = {
        "Channel": f"PJSIP/{name}-1", "Uniqueid": uniqueid, "Linkedid": "1.1",
        "ChannelStateDesc": state,
    }  # fmt: skip
    return {prefix + key: value for key, value in headers.items()}


def play(tracker: Tracker, *told: tuple[str, dict[str, Any]], at: float) -> None:
    for name, headers in told:
        tracker.feed(event(name, **headers), at)


def test_originated_phone_that_leaves_a_call_which_goes_on_has_not_hung_it_up() -> None:
    tracker = Tracker("pbx")
    alice, bob, dave = phone("alice", "1.1"), phone("bob", "1.2"), phone("dave", "1.3")
    play(
        tracker,
        ("Newchannel", phone("alice", "1.1", "Down")),
        ("DialBegin", phone("alice", "1.1", "Down", "Dest")),
        ("Newstate", alice),
        ("DialEnd", {**phone("alice", "1.1", "Up", "Dest"), "DialStatus": "ANSWER"}),
        at=0.5,
    )
    for name, uniqueid in (("bob", "1.2"), ("dave", "1.3")):
        play(
            tracker,
            ("Newchannel", phone(name, uniqueid, "Down")),
            ("DialBegin", {**alice, **phone(name, uniqueid, "Down", "Dest")}),
            ("Newstate", phone(name, uniqueid)),
            ("DialEnd", {**alice, **phone(name, uniqueid, "Up", "Dest"), "DialStatus": "ANSWER"}),
            at=1.0,
        )
    play(tracker, *(("BridgeEnter", {**one, **BRIDGE}) for one in (bob, alice, dave)), at=2.0)
    (call,) = tracker.calls.values()
    for one, at in ((alice, 10.0), (bob, 30.0), (dave, 30.1)):
        play(
            tracker,
            *([("HangupRequest", {**one, "Cause": "16"})] if one is not dave else []),
            ("BridgeLeave", {**one, **BRIDGE}),
            ("Hangup", {**one, "Cause": "16"}),
            at=at,
        )
    ended = tracker.call(call.id)
    assert ended is not None
    assert ended.outcome is Outcome.ANSWERED
    assert ended.hung_up_by == "PJSIP/bob"


def half(number: int, state: str) -> dict[str, str]:
    """Half of a Local channel that the server has originated."""
    return {
        "Channel": f"Local/600@default-1;{number}", "Uniqueid": f"2.{number}", "Linkedid": "2.1",
        "ChannelStateDesc": state,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("withdrawn", "outcome"), [(True, Outcome.CANCELLED), (False, Outcome.NO_ANSWER)]
)
def test_phone_behind_an_originated_local_channel_rang_in_vain_unless_that_was_withdrawn(
    withdrawn: bool, outcome: Outcome
) -> None:
    tracker = Tracker("pbx")
    carol = {
        "DestChannel": "PJSIP/carol-1", "DestUniqueid": "2.3", "DestLinkedid": "2.1",
        "DestChannelStateDesc": "Ringing",
    }  # fmt: skip
    bridge = {
        f"Local{word}{key}": value
        for number, word in ((1, "One"), (2, "Two"))
        for key, value in half(number, "Ring").items()
    }
    ringing = {key.removeprefix("Dest"): value for key, value in carol.items()}
    play(
        tracker,
        ("Newchannel", half(1, "Down")),
        ("Newchannel", half(2, "Ring")),
        ("LocalBridge", bridge),
        ("Newchannel", {**ringing, "ChannelStateDesc": "Down"}),
        ("DialBegin", {**half(2, "Ring"), **carol}),
        ("Newstate", ringing),
        at=1.0,
    )
    play(
        tracker,
        *([("SoftHangupRequest", half(1, "Ringing"))] if withdrawn else []),
        ("HangupRequest", half(2, "Ring")),
        ("Hangup", half(1, "Ringing")),
        ("DialEnd", {**half(2, "Ring"), **carol, "DialStatus": "CANCEL"}),
        ("Hangup", ringing),
        ("Hangup", half(2, "Ring")),
        at=5.0,
    )
    (call,) = tracker.ended.values()
    assert [leg.outcome for leg in call.legs] == [outcome]
