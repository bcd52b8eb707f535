"""The project's function of an event, and the keys that it may give."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.event_id import EventId
from django_ami.core.messages import Event
from django_ami.parallel.keys import KeyFunction

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = Event("Hangup", b"Event: Hangup\r\nUniqueid: 1.1", EventId("node_1", "E", 1))


class Tenant:
    """Equal ones have other texts."""


async def later(_: Event) -> str:
    return "key"


def leaves(_: Event) -> str:
    sys.exit(3)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda _: Tenant(), "gave a Tenant for Hangup"),
        (lambda _: [Tenant()], "gave a list for Hangup"),
        (lambda event: event.get, "gave a method for Hangup"),
        (lambda _: {"a", "b"}, "gave a set for Hangup"),
        (lambda event: later(event), "gave a coroutine for Hangup"),
        (leaves, "raised ReceiverExit for Hangup: it called sys.exit(3)"),
    ],
)
def test_a_key_without_a_text_of_its_own_is_told_once_and_all_such_events_stay_in_order(
    function: Callable[[Event], Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    key_of = KeyFunction(function)
    assert {key_of(EVENT) for _ in range(3)} == {""}
    (line,) = caplog.messages
    assert f"'partition' {told}" in line


@pytest.mark.parametrize("key", ["a < b at 0x1>", 7, None, ("tenant", 3), ["1.1"], b"\xff"])
def test_a_key_with_a_text_is_taken(key: object, caplog: pytest.LogCaptureFixture) -> None:
    assert KeyFunction(lambda _: key)(EVENT) == str(key)
    assert not caplog.messages
