"""Legs: the phone that dialled each."""

from __future__ import annotations

import pytest

from django_ami.live.snapshots import Outcome
from django_ami.live.tracker import Tracker
from tests.live.listing import event


def head(name: str, uniqueid: str, prefix: str = "", state: str = "Up") -> dict[str, str]:
    headers = {"Channel": name, "Uniqueid": uniqueid, "Linkedid": "1.1", "ChannelStateDesc": state}
    return {prefix + key: value for key, value in headers.items()}


BOB, CAROL = head("PJSIP/bob-1", "1.1"), head("PJSIP/carol-1", "1.4", "Dest", "Down")
NEAR = head("Local/6003@default-1;1", "1.2", state="Down")
FAR = head("Local/6003@default-1;2", "1.3", state="Ring")
BRIDGE = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}
MEETING = [
    event("BridgeEnter", **NEAR, **BRIDGE),
    event("BridgeEnter", **BOB, **BRIDGE),
]
DIAL = event("DialBegin", **FAR, **CAROL, DestCallerIDNum="6003")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_leg_behind_a_local_channel_is_dialled_by_the_phone_before_it_in_any_order(
    place: int,
) -> None:
    tracker = Tracker("pbx")
    for one in (BOB, NEAR, FAR):
        tracker.feed(event("Newchannel", **one), 0.0)
    for one in (*MEETING[:place], DIAL, *MEETING[place:]):
        tracker.feed(one, 1.0)
    (call,) = tracker.calls.values()
    assert [(leg.by, leg.number) for leg in call.legs] == [("PJSIP/bob", "6003")]


def test_phone_that_a_local_channel_rang_for_itself_is_dialled_by_nobody() -> None:
    tracker = Tracker("pbx")
    for one in (NEAR, FAR):
        tracker.feed(event("Newchannel", **one), 0.0)
    tracker.feed(DIAL, 1.0)
    picked_up = head("PJSIP/carol-1", "1.4", state="Up")
    tracker.feed(event("Newstate", **picked_up), 2.0)
    for one in MEETING:
        tracker.feed(one, 3.0)
    (call,) = tracker.calls.values()
    assert [leg.by for leg in call.legs] == [""]


def test_end_of_a_dial_counts_behind_the_ends_of_its_channels_in_a_call_that_goes_on() -> None:
    tracker = Tracker("pbx")
    for one in (BOB, NEAR, FAR):
        tracker.feed(event("Newchannel", **one), 0.0)
    for told in (*MEETING, DIAL):
        tracker.feed(told, 1.0)
    for one in (FAR, NEAR, head("PJSIP/carol-1", "1.4", state="Ringing")):
        tracker.feed(event("Hangup", **one, Cause=16), 2.0)
    tracker.feed(event("DialEnd", **FAR, **CAROL, DialStatus="CANCEL"), 2.0)
    (call,) = tracker.calls.values()
    assert [leg.outcome for leg in call.legs] == [Outcome.CANCELLED]


@pytest.mark.parametrize("together", [False, True])
def test_phone_that_forwards_has_the_one_local_channel_with_that_number_or_none(
    together: bool,
) -> None:
    tracker = Tracker("pbx")
    for number in (1, 2):
        phone = head(f"PJSIP/phone{number}-1", f"8.{number}", state="Down")
        tracker.feed(event("Newchannel", **{**phone, "Linkedid": f"8.{number}"}), 0.0)
        dest = head(f"PJSIP/phone{number}-1", f"8.{number}", "Dest", "Down")
        tracker.feed(event("DialBegin", **{**dest, "DestLinkedid": f"8.{number}"}), 0.0)
    locals_ = [
        {**head(f"Local/6003@default-{number};1", f"9.{number}", state="Down"),
         "Linkedid": f"9.{number}"} for number in (1, 2)
    ]  # fmt: skip
    for number, local in enumerate(locals_, 1):
        tracker.feed(event("Newchannel", **local), 1.0)
        if together and number == 1:
            continue
        for each in (1, 2) if together else (number,):
            phone = head(f"PJSIP/phone{each}-1", f"8.{each}", "Dest", "Ringing")
            dialled = {**phone, "DestLinkedid": f"8.{each}", "Forward": "6003"}
            tracker.feed(event("DialEnd", **dialled, DialStatus="CANCEL"), 1.0)
    assert len(tracker.calls) == (4 if together else 2)
