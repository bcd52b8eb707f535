"""The names of callers, as a server writes them and as people read them."""

from __future__ import annotations

import pytest

from django_ami.live.names import name_of_caller
from tests.live.callcentre import CallCentre, channel, listed_caller


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Hannah O\\'Neill", "Hannah O'Neill"),
        ('Zoë \\"Z\\" Müller', 'Zoë "Z" Müller'),
        ("why\\?", "why?"),
        ("C:\\\\new", "C:\\new"),
        ("Eve\\r\\nInjected: yes", "Eve  Injected: yes"),
        ("trailing\\", "trailing\\"),
        ("\\x", "\\x"),
        ("<unknown>", ""),
        (None, ""),
    ],
)
def test_a_name_is_without_the_escapes_of_the_server(told: str | None, name: str) -> None:
    assert name_of_caller(told) == name


def test_a_caller_without_a_name_has_none_in_any_place() -> None:
    centre = CallCentre()
    nobody = {"CallerIDName": "<unknown>", "CallerIDNum": "<unknown>"}
    centre.tell(
        "QueueCallerJoin", **{**channel("1.1"), **nobody}, Queue="support", Position=1, Count=1
    )
    caller = centre.tracker.callers["1.1"]
    assert (caller.name, caller.number) == ("", "")
    centre.tell(
        "ParkedCall", ParkeeUniqueid="2.1", **{f"Parkee{key}": nobody[key] for key in nobody}
    )
    parked = centre.tracker.parked["2.1"]
    assert (parked.name, parked.number) == ("", "")
    centre.tell("ConfbridgeJoin", **{**channel("3.1"), **nobody}, Conference="800")
    (person,) = centre.tracker.conferences["800"].participants
    assert (person.name, person.number) == ("", "")


def test_a_listed_caller_without_a_number_has_none() -> None:
    """QueueEntry says ``unknown`` where events say ``<unknown>``."""
    centre = CallCentre()
    entry = listed_caller("1.1", wait=3, position=1)
    raw = entry.raw.replace(b"CallerIDNum: +491.1", b"CallerIDNum: unknown")
    assert raw != entry.raw
    centre.seed(queues=[type(entry)(entry.name, raw, server=entry.server)])
    assert centre.tracker.callers["1.1"].number == ""
