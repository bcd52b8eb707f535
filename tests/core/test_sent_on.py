"""Which Local channel is in the place of a phone that forwards."""

from __future__ import annotations

from typing import Any

from django_ami.core import sent_on
from django_ami.core.messages import Event
from django_ami.core.sent_on import LocalChannels


def event(name: str, **headers: Any) -> Event:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), "pbx")


def with_halves(*names: str) -> LocalChannels:
    """Their Uniqueids are their numbers from 1 on."""
    channels = LocalChannels()
    for number, name in enumerate(names, 1):
        channels.note(event("Newchannel", Channel=name, Uniqueid=number))
    return channels


def sends_on(to: str, **more: Any) -> Event:
    return event("DialEnd", DestUniqueid="9.1", Forward=to, DialStatus="CANCEL", **more)


def test_place_of_a_phone_is_that_of_the_newest_channel_with_its_number() -> None:
    channels = with_halves(
        "Local/600@a-1;1", "Local/600@a-1;2", "PJSIP/600", "Local/600@a-2;2", "Local/600@a-2;1",
        "Local/6001@a-3;1",
    )  # fmt: skip
    assert channels.in_place_of(sends_on("600")) == ("5", "4")
    assert channels.in_place_of(sends_on("6001@a")) == ("6",)
    assert channels.in_place_of(sends_on("60")) == ()


def test_phone_that_another_channel_called_or_that_forwards_nothing_has_no_such_place() -> None:
    channels = with_halves("Local/600@a-1;1")
    assert channels.in_place_of(sends_on("600", Uniqueid="9.0")) == ()
    assert channels.in_place_of(sends_on("")) == ()


def test_channels_that_are_remembered_are_few() -> None:
    many = sent_on.MOST_HALVES + 1
    channels = with_halves(*(f"Local/{number}@a-1;1" for number in range(many)))
    assert channels.in_place_of(sends_on("0")) == ()
    assert channels.in_place_of(sends_on("1")) == ("2",)
    channels.clear()
    assert channels.in_place_of(sends_on("1")) == ()
