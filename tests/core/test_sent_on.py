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
    """Their Uniqueids are their numbers from 1 on; the server dials each first half."""
    channels = LocalChannels()
    for number, name in enumerate(names, 1):
        channels.note(event("Newchannel", Channel=name, Uniqueid=number))
        if name.endswith(";1"):
            channels.note(dial("DialBegin", name))
    return channels


def dial(name: str, dest: str, **more: Any) -> Event:
    return event(name, DestChannel=dest, **more)


def sends_on(to: str, **more: Any) -> Event:
    return event("DialEnd", DestUniqueid="9.1", Forward=to, DialStatus="CANCEL", **more)


def test_place_of_a_phone_is_that_of_the_one_channel_with_its_number_that_the_server_dials() -> (
    None
):
    channels = with_halves(
        "Local/600@a-1;1", "Local/600@a-1;2", "PJSIP/600", "Local/600@a-2;2", "Local/600@a-2;1",
        "Local/6001@a-3;1",
    )  # fmt: skip
    channels.note(dial("DialEnd", "Local/600@a-1;1"))  # its own dial is over
    channels.note(dial("DialBegin", "Local/600@a-4;1", Uniqueid="9.0"))  # another channel dials it
    assert channels.in_place_of(sends_on("600")) == ("5", "4")
    assert channels.in_place_of(sends_on("600")) == ()  # it has its phone
    assert channels.in_place_of(sends_on("6001@a")) == ("6",)
    assert channels.in_place_of(sends_on("60")) == ()


def test_phones_that_forward_to_one_number_at_once_have_no_place_that_is_known() -> None:
    channels = with_halves("Local/600@a-1;1", "Local/600@a-2;1")
    assert channels.in_place_of(sends_on("600")) == ()
    assert channels.in_place_of(sends_on("600")) == ()
    channels.note(event("Newchannel", Channel="Local/600@a-3;1", Uniqueid="3"))
    channels.note(dial("DialBegin", "Local/600@a-3;1"))
    assert channels.in_place_of(sends_on("600")) == ("3",)


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
