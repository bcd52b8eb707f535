"""Phones that Dial names and does not ring (S15)."""

from __future__ import annotations

import pytest

from django_ami.live.lists import Lists
from django_ami.live.snapshots import Leg, Outcome
from django_ami.live.tracker import Tracker
from django_ami.live.unreached import devices_of
from tests.live.listing import event
from tests.recordings import timed


@pytest.mark.parametrize(
    ("data", "devices"),
    [
        ("PJSIP/bob,20", ["PJSIP/bob"]),
        ("PJSIP/bob&PJSIP/+49301@trunk&Local/5@default,20,tT", ["PJSIP/bob", "PJSIP/trunk"]),
        ("PJSIP/trunk/sip:1@192.0.2.1,20", ["PJSIP/trunk"]),
        ("DAHDI/g1/5551234", []),
        ("", []),
        ("PJSIP/", []),
    ],
)
def test_the_arguments_of_dial_name_devices(data: str, devices: list[str]) -> None:
    assert list(devices_of(data)) == devices


def legs(tracker: Tracker) -> list[tuple[str, Outcome | None]]:
    (call,) = tracker.ended.values()
    return [(leg.device, leg.outcome) for leg in call.legs]


def test_a_phone_that_is_not_registered_has_a_leg_without_a_channel() -> None:
    tracker = Tracker("pbx")
    for at, one in timed("unregistered", "22", "phones"):
        tracker.feed(one, at)
    (call,) = tracker.ended.values()
    (leg,) = call.legs
    assert isinstance(leg, Leg)
    assert (leg.device, leg.channel, leg.by) == ("PJSIP/erin", "", "PJSIP/alice")
    assert (leg.outcome, leg.status, leg.ringing) == (Outcome.FAILED, "CHANUNAVAIL", None)
    assert tracker.status().entries > 0  # an ended call is kept for a while
    tracker.tick(at + 1_000)
    assert tracker.status().entries == 0


def test_one_that_is_dialled_twice_has_one_leg() -> None:
    tracker, ids = Tracker("pbx"), {"Uniqueid": "1.1", "Linkedid": "1.1"}
    headers = {"Channel": "PJSIP/a-1", **ids, "ChannelStateDesc": "Ring", "Exten": "5"}
    tracker.feed(event("Newchannel", **headers), 0.0)
    for at in (1.0, 2.0):
        tracker.feed(event("Newexten", **headers, Application="Dial", AppData="PJSIP/b,1"), at)
    tracker.feed(event("Hangup", **headers, Cause=34), 3.0)
    assert legs(tracker) == [("PJSIP/b", Outcome.FAILED)]


def test_a_phone_is_rung_behind_the_gosub_of_dial_and_has_one_leg() -> None:
    tracker, ids = Tracker("pbx"), {"Uniqueid": "1.1", "Linkedid": "1.1"}
    caller = {"Channel": "PJSIP/a-1", **ids, "ChannelStateDesc": "Ring", "Context": "default"}
    dial = {**caller, "Exten": "5", "Application": "Dial", "AppData": "PJSIP/b,20,B(pre^s^1)"}
    phone = {"DestChannel": "PJSIP/b-1", "DestUniqueid": "1.2", "DestLinkedid": "1.1"}
    tracker.feed(event("Newchannel", **caller, Exten="5"), 0.0)
    tracker.feed(event("Newexten", **dial), 0.1)
    gosub = {**caller, "Context": "pre", "Exten": "s", "Application": "Return"}
    tracker.feed(event("Newexten", **gosub), 0.2)
    tracker.feed(event("Newexten", **dial), 0.3)  # may come before DialBegin, or behind it
    tracker.feed(event("DialBegin", **caller, **phone), 0.4)
    tracker.feed(event("DialEnd", **caller, **phone, DialStatus="BUSY"), 0.5)
    tracker.feed(event("Hangup", Channel="PJSIP/b-1", Uniqueid="1.2", Cause=17), 0.6)
    tracker.feed(event("Hangup", **caller, Cause=17), 0.7)
    assert legs(tracker) == [("PJSIP/b", Outcome.BUSY)]


def test_dial_whose_channel_ends_unseen_leaves_nothing() -> None:
    tracker, ids = Tracker("pbx"), {"Uniqueid": "1.1", "Linkedid": "1.1"}
    caller = {"Channel": "PJSIP/a-1", **ids, "ChannelStateDesc": "Ring", "Exten": "5"}
    tracker.feed(event("Newchannel", **caller), 0.0)
    tracker.feed(event("Newexten", **caller, Application="Dial", AppData="PJSIP/b,1"), 1.0)
    tracker.seed(Lists(asked=2.0, channels=[]), 3.0)
    tracker.tick(1_000.0)
    assert tracker.status().entries == 0


def test_a_phone_behind_a_local_channel_is_dialled_by_the_caller_in_any_order() -> None:
    def head(name: str, uniqueid: str) -> dict[str, str]:
        return {"Channel": name, "Uniqueid": uniqueid, "Linkedid": "1.1", "Exten": "5"}

    caller = head("PJSIP/a-1", "1.1")
    near, far = head("Local/5@default-1;1", "1.2"), head("Local/5@default-1;2", "1.3")
    for first, second in ((near, far), (far, near)):
        tracker = Tracker("pbx")
        for one in (caller, near, far):
            tracker.feed(event("Newchannel", **one, ChannelStateDesc="Ring"), 0.0)
        dest = {f"Dest{key}": value for key, value in near.items()}
        tracker.feed(event("DialBegin", **caller, **dest), 0.1)
        tracker.feed(event("Newexten", **far, Application="Dial", AppData="PJSIP/b,20"), 0.2)
        for one in (first, second, caller):
            tracker.feed(event("Hangup", **one, Cause=20), 0.3)
        (call,) = tracker.ended.values()
        assert [(leg.device, leg.by) for leg in call.legs] == [("PJSIP/b", "PJSIP/a")]
