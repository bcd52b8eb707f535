"""Devices and hints."""

from __future__ import annotations

import pytest

from django_ami.live.changes import Kind
from django_ami.live.devices import Device, Hint
from tests.live.callcentre import CallCentre, event


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


def test_the_states_of_a_device(centre: CallCentre) -> None:
    centre.tell("DeviceStateChange", Device="PJSIP/101", State="RINGING")
    rang = centre.now
    assert centre.wait(5).tell("DeviceStateChange", Device="PJSIP/101", State="RINGING") == ()
    assert centre.tracker.devices == {"PJSIP/101": Device("PJSIP/101", "RINGING", rang)}
    (change,) = centre.tell("DeviceStateChange", Device="PJSIP/101", State="INUSE")
    assert (change.kind, change.subject) == (
        Kind.DEVICE,
        Device("PJSIP/101", "INUSE", centre.now),
    )
    (change,) = centre.tell("DeviceStateChange", Device="PJSIP/101", State="INVALID")
    assert change.subject.state == "INVALID"
    assert centre.tell("DeviceStateChange", Device="PJSIP/101", State="INVALID") == ()
    assert centre.tracker.devices == {}


def test_the_list_of_devices(centre: CallCentre) -> None:
    for name in ("PJSIP/101", "PJSIP/102", "PJSIP/gone"):
        centre.tell("DeviceStateChange", Device=name, State="NOT_INUSE")
    asked = centre.wait(10).now
    centre.wait(1).tell("DeviceStateChange", Device="PJSIP/young", State="INUSE")
    changes = centre.seed(
        asked,
        devices=[
            event("DeviceStateChange", Device="PJSIP/101", State="NOT_INUSE"),
            event("DeviceStateChange", Device="PJSIP/102", State="INUSE"),
            event("DeviceStateChange", Device="PJSIP/103", State="UNAVAILABLE"),
        ],
    )
    assert {one.name: (one.state, one.since) for one in centre.tracker.devices.values()} == {
        "PJSIP/101": ("NOT_INUSE", asked - 10),
        "PJSIP/102": ("INUSE", centre.now),
        "PJSIP/103": ("UNAVAILABLE", None),
        "PJSIP/young": ("INUSE", centre.now),
    }
    assert sorted((one.subject.name, one.subject.state, one.inferred) for one in changes) == [
        ("PJSIP/102", "INUSE", True),
        ("PJSIP/103", "UNAVAILABLE", True),
        ("PJSIP/gone", "INVALID", True),
    ]


def test_hints(centre: CallCentre) -> None:
    hint = {"Exten": "101", "Context": "hints", "Hint": "PJSIP/101"}
    centre.tell("ExtensionStatus", **hint, Status=8, StatusText="Ringing")
    made = Hint("hints", "101", "PJSIP/101", 8, "Ringing", centre.now)
    assert centre.tracker.hints == {("hints", "101"): made}
    centre.wait(1).tell("ExtensionStatus", **hint, Status=8, StatusText="Ringing")
    centre.tell("ExtensionStatus", **hint, Status="x", StatusText="?")
    assert centre.tracker.hints == {("hints", "101"): made}
    centre.tell("ExtensionStatus", **hint, Status=-1, StatusText="Unavailable")
    assert centre.tracker.hints == {}


def test_events_that_name_nothing(centre: CallCentre) -> None:
    assert centre.tell("DeviceStateChange") == ()
    assert centre.tell("DeviceStateChange", State="INUSE") == ()
    assert centre.tracker.devices == {}
