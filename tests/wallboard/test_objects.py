"""Objects are small, and tell what a page needs."""

from __future__ import annotations

import json

import pytest

from django_ami.live.feed.codec import KINDS, encode
from django_ami.live.figures import Counts
from django_ami.live.queue_views import Queue
from django_ami.live.tracker import Tracker
from django_ami.wallboard.objects import SHOWN, slim
from tests.live.callcentre import NOON, CallCentre
from tests.recordings import timed
from tests.wallboard.published import Published

ALICE = {"number": "6001", "name": "Alice", "device": "PJSIP/alice"}


def story(name: str, *fields: str, folder: str = "phones") -> list[list[object]]:
    """The values of these fields of the first call of a recording, one state after the other."""
    tracker, published, told = Tracker("node_1"), Published(), list[list[object]]()
    for at, event in timed(name, "22", folder):
        published.hear(tracker, tracker.feed(event, at), at)
        call = next((one for key, one in published.all.items() if key.startswith("call:")), None)
        seen = [call.get(field) for field in fields] if call else None
        if seen and (not told or told[-1] != seen):
            told.append(seen)
    return told


def callees(name: str) -> list[str | None]:
    told = (callee and callee["name"] for (callee,) in story(name, "callee"))  # type: ignore[index]
    return list(told)


def test_call_tells_who_is_with_whom_after_a_transfer() -> None:
    assert callees("attended-by-callee") == [None, "Bob", "Carol"]


def test_call_that_was_sent_on_is_with_the_phone_that_rings() -> None:
    assert callees("blind-by-callee-noanswer") == [None, "Bob", "Carol", "Bob"]


def test_call_that_was_sent_on_is_for_the_number_that_it_was_sent_to() -> None:
    told = [number for (number,) in story("ami-blind", "requested")]
    assert told == [None, "6202", "6003"]


def test_phones_that_a_queue_rings_are_not_with_the_caller() -> None:
    told = story("q-attended", "state", "queue", "agent")
    assert told[:2] == [["dialing", None, None], ["queued", "ringall", None]]
    assert ["answered", "ringall", "PJSIP/bob"] in told
    assert callees("q-attended") == [None, "Bob", "Dave"]


def test_parked_call_tells_its_space() -> None:
    spaces = [parked and parked["space"] for (parked,) in story("park-retrieve", "parked")]  # type: ignore[index]
    assert spaces == [None, "701", None]


def test_call_on_hold_tells_since_when() -> None:
    told = [held is not None for (held,) in story("hold-unhold", "held_since", folder="calls")]
    assert told[:3] == [False, True, False]


def test_call_in_a_conference_names_it() -> None:
    assert [name for (name,) in story("conference", "conference")] == [None, "300", None]


def test_merged_call_names_the_call_that_it_is_part_of() -> None:
    tracker, published = Tracker("node_1"), Published()
    for at, event in timed("attended-by-callee", "22", "phones"):
        published.hear(tracker, tracker.feed(event, at), at)
    calls = [(key, one) for key, one in published.all.items() if key.startswith("call:")]
    (key, older), (_, younger) = sorted(calls, key=lambda call: call[1]["started"])
    assert younger["merged_into"] == key.removeprefix("call:")
    assert older["outcome"] == "answered"
    assert older["caller"] == ALICE


def queue(formula: int = 4, **counts: object) -> Queue:
    made = Counts(**counts)  # type: ignore[arg-type]
    return Queue("support", 0, None, made, Counts(), 20.0, formula)


def slim_queue(one: Queue) -> dict[str, object]:
    return slim("queue:support", json.loads(json.dumps(encode(one))))


@pytest.mark.parametrize(("formula", "percent"), [(1, 83), (2, 86), (3, 81), (4, 83)])
def test_service_level_is_that_of_the_example_in_the_docs(formula: int, percent: int) -> None:
    figures = slim_queue(
        queue(
            formula,
            joined=1070,
            answered=1000,
            answered_in_time=860,
            abandoned=60,
            abandoned_in_time=20,
            short_abandons=10,
        )
    )
    assert round(100 * float(figures["service_level"])) == percent  # type: ignore[arg-type]
    assert (figures["offered"], figures["short_abandoned"]) == (1060, 10)
    assert (figures["answered"], figures["abandoned"]) == (1000, 60)


def test_figure_that_is_not_known_is_left_out_and_nothing_is_a_figure() -> None:
    assert slim_queue(queue()) == {
        "name": "support",
        "waiting": 0,
        "offered": 0,
        "answered": 0,
        "abandoned": 0,
        "longest_wait": 0.0,
        "service_level_seconds": 20.0,
    }
    missed = slim_queue(queue(joined=1, abandoned=1))
    assert (missed["service_level"], missed["abandon_rate"]) == (0.0, 1.0)


def test_other_ways_out_of_a_queue_are_one_number() -> None:
    figures = slim_queue(queue(joined=6, left={"timeout": 3, "full": 1, "continue": 2}))
    assert (figures["left"], figures["abandoned"]) == (6, 0)


def test_agent_in_a_talk_tells_with_whom() -> None:
    centre, published = CallCentre(), Published()
    centre.state(queue="support")
    centre.join("100.1")
    centre.wait(5).connect("100.1")
    published.hear(centre.tracker, centre.changes, centre.now)
    agent = published.all["agent:PJSIP/101"]
    assert (agent["state"], agent["queues"], agent["calls_taken"]) == (
        "talking",
        {"support": False},
        1,
    )
    assert agent["talk"] == {
        "queue": "support",
        "begin": NOON + 5,
        "number": "+49100.1",
        "name": "Caller 100.1",
    }


def test_caller_tells_its_place_in_the_queue() -> None:
    centre, published = CallCentre(), Published()
    centre.join("100.1")
    shown = published.hear(centre.tracker, centre.changes, centre.now)["caller:100.1"]
    assert shown["queue"] == "support"
    assert (shown["position"], shown["joined"]) == (1, NOON)
    assert shown["call"] == "100.1"


def test_caller_whose_call_is_known_is_named_by_the_call_alone() -> None:
    who = {"number": "+49100", "name": "Amy"}
    place = {"queue": "support", "position": 2, "joined": NOON}
    assert slim("caller:1.1", {**place, **who, "call": ""}) == {**place, **who}
    assert slim("caller:1.1", {**place, **who, "call": "1.1"}) == {**place, "call": "1.1"}


@pytest.mark.parametrize(("share", "shown"), [(0.7999, 0.79), (0.8, 0.8), (0.29, 0.29), (0, 0)])
def test_occupancy_of_an_agent_is_in_whole_percents_as_the_page_shows_it(
    share: float, shown: float
) -> None:
    agent = {"interface": "PJSIP/1", "name": "Amy", "state": "available"}
    assert slim("agent:PJSIP/1", {**agent, "occupancy_today": share})["occupancy_today"] == shown


def test_kinds_that_pages_do_not_see_are_devices_and_members() -> None:
    assert KINDS.keys() - SHOWN.keys() == {"device", "member"}
    assert SHOWN.keys() <= KINDS.keys()
