"""Receivers of events that never come."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import WARNING

from django_ami import signals
from tests.checks.support import lines, messages


def on_something(**_: Any) -> None: ...


def on_something_else(**_: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HangUpp", "did you mean 'Hangup'?"),
        ("NewChanel", "did you mean 'Newchannel'?"),
        ("QueueCallerJoinn", "did you mean 'QueueCallerJoin'?"),
        ("Xyzzy", "nor is there one with a similar name."),
    ],
)
def test_w006_an_event_that_asterisk_does_not_have(name: str, meant: str) -> None:
    signals.events[name].connect(on_something)
    (message,) = messages()
    assert (message.id, message.level) == ("django_ami.W006", WARNING)
    assert message.msg == f"Asterisk has no event {name!r}: {meant}"
    assert message.obj == "tests.checks.test_receivers.on_something"
    assert "event['UserEvent']" in (message.hint or "")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("QueueMemberPaused", ": receive 'QueueMemberPause' instead."),
        ("join", ": receive 'QueueCallerJoin' instead."),
        ("Bridge", ": receive 'BridgeEnter' or 'BridgeLeave' instead."),
        ("Unlink", ": receive 'BridgeLeave' instead."),
        ("Masquerade", ": receive 'BlindTransfer' or 'AttendedTransfer' instead."),
        ("ChannelUpdate", ", and nothing in its place."),
    ],
)
def test_w006_an_event_that_asterisk_12_renamed(name: str, instead: str) -> None:
    signals.events[name].connect(on_something)
    (message,) = messages()
    assert message.id == "django_ami.W006"
    assert message.msg == f"Asterisk has no event {name!r} since version 12{instead}"
    assert "AMI_CUSTOM_EVENTS" in (message.hint or "")


def test_w006_an_event_that_the_settings_forward(settings: Any) -> None:
    settings.AMI_FORWARD = {"OUTLET": "redis", "SPOOL": None, "EVENTS": ["Hangup", "Newchanel"]}
    (message,) = messages()
    assert (message.id, message.obj) == ("django_ami.W006", "EVENTS of AMI_FORWARD")
    assert message.msg == "Asterisk has no event 'newchanel': did you mean 'Newchannel'?"
    settings.AMI_FORWARD = {**settings.AMI_FORWARD, "EVENTS": "*"}
    assert messages() == []


def test_w006_names_every_receiver() -> None:
    for function in (on_something, on_something_else):
        signals.events["Hangupp"].connect(function, sender=signals.ami_event)
    assert [str(message.obj).rpartition(".")[2] for message in messages()] == [
        "on_something",
        "on_something_else",
    ]


@pytest.mark.parametrize(
    "name", ["Hangup", "hangup", "NEWCHANNEL", "UserEvent", "DeviceStateChange", "MonitorStart"]
)
def test_events_that_there_are(name: str) -> None:
    signals.events[name].connect(on_something)
    signals.ami_event.connect(on_something)
    assert messages() == []


def test_check_ignores_signals_without_a_connected_receiver() -> None:
    assert signals.events["Hangupp"] is not None

    def gone(**_: Any) -> None: ...

    signals.events["Hanggup"].connect(gone)
    del gone
    assert messages() == []


@pytest.mark.parametrize("declared", [["donglenewsms"], {"DongleNewSMS": "call"}])
def test_events_of_others_are_declared(settings: Any, declared: object) -> None:
    signals.events["DongleNewSMS"].connect(on_something)
    assert len(lines("W006")) == 1
    settings.AMI_CUSTOM_EVENTS = declared
    assert messages() == []


def test_w007_events_that_only_answer() -> None:
    signals.events["coreshowchannel"].connect(on_something)
    (message,) = messages()
    assert (message.id, message.level) == ("django_ami.W007", WARNING)
    assert message.msg == (
        "the event 'CoreShowChannel' only comes in the answer to CoreShowChannels: no "
        "receiver gets it."
    )
    assert message.hint == "Send CoreShowChannels, and read response.events."


def test_a_wrong_declaration_is_told_once(settings: Any) -> None:
    signals.events["Hangupp"].connect(on_something)
    settings.AMI_CUSTOM_EVENTS = "Hangupp"
    assert [message.id for message in messages()] == ["django_ami.E001"]
