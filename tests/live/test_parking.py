"""Parked callers: K1 to K4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.live.changes import Kind
from django_ami.live.parking import ParkedCaller
from tests.live.callcentre import CallCentre, channel, event

if TYPE_CHECKING:
    from django_ami.core.messages import Event


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


def parked(uniqueid: str = "1.1", space: int = 701, **more: object) -> dict[str, object]:
    return {
        **channel(uniqueid, "Parkee", "PJSIP/alice"),
        "ParkerDialString": "PJSIP/bob",
        "Parkinglot": "default",
        "ParkingSpace": space,
        "ParkingTimeout": 45,
        "ParkingDuration": 0,
        **more,
    }


def last(centre: CallCentre) -> ParkedCaller:
    """The one that was told of last."""
    found = [one.subject for one in centre.changes if one.kind == Kind.PARKED_CALLER][-1]
    assert isinstance(found, ParkedCaller)
    return found


def test_a_caller_is_parked_and_retrieved(centre: CallCentre) -> None:
    """K1, K2."""
    centre.tell("ParkedCall", **parked())
    begin = centre.now
    one = centre.tracker.parked["1.1"]
    assert (one.lot, one.space, one.parker, one.number) == ("default", "701", "PJSIP/bob", "+491.1")
    assert (one.since, one.until, one.end, one.result) == (begin, begin + 45, None, "")
    centre.wait(3).tell(
        "UnParkedCall",
        **parked(ParkingDuration=3),
        **channel("1.2", "Retriever", "PJSIP/dave"),
    )
    assert centre.tracker.parked == {}
    done = last(centre)
    assert (done.since, done.end, done.result) == (begin, centre.now, "retrieved")
    assert (done.retriever, done.retriever_uniqueid) == ("PJSIP/dave-1.2", "1.2")


@pytest.mark.parametrize(
    ("name", "result"), [("ParkedCallGiveUp", "gave_up"), ("ParkedCallTimeOut", "timeout")]
)
def test_parked_call_ends_when_it_is_not_retrieved(
    centre: CallCentre, name: str, result: str
) -> None:
    """K3: the caller hangs up; K4: the time is over, and it comes back to the one who parked it."""
    centre.tell("ParkedCall", **parked())
    centre.wait(45).tell(name, **parked(ParkingTimeout=0, ParkingDuration=45))
    assert centre.tracker.parked == {}
    assert (last(centre).result, last(centre).end) == (result, centre.now)


def test_the_end_of_the_channel_is_an_end(centre: CallCentre) -> None:
    centre.tell("ParkedCall", **parked())
    centre.tell("Hangup", **channel("9.9"))
    assert list(centre.tracker.parked) == ["1.1"]
    centre.tell("Hangup", **channel("1.1"))
    assert centre.tracker.parked == {}
    assert last(centre).result == "gave_up"


def test_without_a_timeout_it_stays(centre: CallCentre) -> None:
    centre.tell("ParkedCall", **parked(ParkingTimeout=0))
    assert centre.tracker.parked["1.1"].until is None


def test_another_channel_takes_the_place(centre: CallCentre) -> None:
    centre.tell("ParkedCall", **parked())
    begin = centre.now
    centre.wait(5).tell("ParkedCallSwap", **parked("1.3", ParkingDuration=5))
    assert [(one.uniqueid, one.since) for one in centre.tracker.parked.values()] == [("1.3", begin)]
    results = [one.subject.result for one in centre.changes if one.kind == Kind.PARKED_CALLER]
    assert results == ["", "swapped", ""]
    centre.tell("ParkedCallSwap", **parked("1.3"))
    assert list(centre.tracker.parked) == ["1.3"]


def test_an_end_whose_begin_nobody_saw(centre: CallCentre) -> None:
    centre.tell("UnParkedCall", **parked(ParkingDuration=20), **channel("1.2", "Retriever"))
    assert (last(centre).since, last(centre).result) == (centre.now - 20, "retrieved")
    assert centre.tracker.parked == {}


def test_two_places_at_once_contradict(centre: CallCentre) -> None:
    centre.tell("ParkedCall", **parked())
    centre.tell("ParkedCall", **parked())
    assert centre.tracker._shared.contradictions == 0
    centre.tell("ParkedCall", **parked(space=702))
    assert centre.tracker.parked["1.1"].space == "702"
    centre.tell("ParkedCall")
    assert centre.tracker._shared.contradictions == 2


def test_the_list_of_parked_callers(centre: CallCentre) -> None:
    def item(uniqueid: str, space: int) -> Event:
        return event("ParkedCall", **parked(uniqueid, space, ParkingDuration=30))

    centre.tell("ParkedCall", **parked("1.1", 701))
    centre.tell("ParkedCall", **parked("gone", 702))
    begin, asked = centre.now, centre.wait(10).now
    centre.wait(1).tell("ParkedCall", **parked("young", 703))
    changes = centre.seed(asked, parked=[item("1.1", 701), item("new", 704)])
    assert {one.uniqueid: one.since for one in centre.tracker.parked.values()} == {
        "1.1": begin,
        "young": centre.now,
        "new": centre.now - 30,
    }
    subjects = [(one.subject, one.inferred) for one in changes if one.kind is Kind.PARKED_CALLER]
    assert [(one.uniqueid, one.result, inferred) for one, inferred in subjects] == [
        ("gone", "gone", True),
        ("new", "", True),
    ]
