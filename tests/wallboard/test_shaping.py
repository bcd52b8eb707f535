"""Visitors see all that they may see, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from django_ami.live.tracker import Tracker
from django_ami.wallboard.access import Access
from django_ami.wallboard.shaping import Shaper, slimmed
from tests.live.callcentre import CallCentre
from tests.recordings import scenarios, timed
from tests.wallboard.published import Published, texts

RECORDINGS = [
    pytest.param(name, version, folder, id=f"{folder}-{version}-{name}")
    for folder, some in (("calls", "22"), ("phones", "16"))
    for name, version in scenarios(folder)
    if version == some
]
QUEUES = re.compile(r"-(q-(?!join-empty)|switchboard)|queue")
QUEUED = [one for one in RECORDINGS if QUEUES.search(str(one.id))]


def apply(shown: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, one in changes.items():
        if one is None:
            del shown[key]  # an object that was never shown is never taken away
        else:
            shown[key] = one


def watched(access: Access, tracker: Tracker, events: Any) -> Iterator[tuple[Published, Any]]:
    """The feed and the visitor's objects behind each event; carried on by changes alone."""
    published, shaper, shown = Published(), Shaper(access, "node_1"), dict[str, Any]()
    for at, event in events:
        news = published.hear(tracker, tracker.feed(event, at), at)
        apply(shown, shaper.take(news, not shown))
        yield published, shown


# --- queues ---


def two_by_two() -> tuple[CallCentre, Published]:
    """Two agents, each of them in the same two queues."""
    centre, published = CallCentre(), Published()
    for interface in ("PJSIP/101", "PJSIP/102"):
        for queue in ("sales", "support"):
            centre.state(interface, queue)
    centre.join("100.1", "sales")
    centre.join("100.2", "support")
    centre.wait(10).connect("100.1", "PJSIP/101", "sales")
    published.hear(centre.tracker, centre.changes, centre.now)
    return centre, published


def totals(access: Access, published: Published) -> dict[str, Any]:
    shown = Shaper(access, "node_1").take(published.all, True)["totals:"]
    assert shown is not None
    return shown


def test_two_agents_in_two_queues_are_two_in_the_totals() -> None:
    _, published = two_by_two()
    assert totals(Access(), published)["agents"] == {"talking": 1, "available": 1}


def test_totals_are_those_of_the_queues_that_are_seen() -> None:
    centre, published = two_by_two()
    all_of_them = totals(Access(), published)
    assert (all_of_them["waiting"], all_of_them["offered"], all_of_them["answered"]) == (1, 2, 1)
    assert all_of_them["average_wait"] == 10.0
    support = totals(Access(queues=frozenset({"support"})), published)
    assert (support["waiting"], support["offered"], support["answered"]) == (1, 1, 0)
    assert "average_wait" not in support
    assert support["oldest"] == centre.tracker.queues["support"].oldest
    assert totals(Access(queues=frozenset()), published)["agents"] == {}


def test_totals_of_all_queues_equal_those_of_the_tracker() -> None:
    centre, published = two_by_two()
    own, whole = centre.tracker.totals(centre.now), totals(Access(), published)
    assert whole["agents"] == dict(own.agents)
    assert (whole["waiting"], whole["oldest"]) == (own.waiting, own.oldest)
    assert whole["service_level"] == own.figures()["service_level"]


def test_talk_with_a_caller_of_another_queue_is_another_talk() -> None:
    _, published = two_by_two()
    support = Access(queues=frozenset({"support"}))
    agent = Shaper(support, "node_1").take(published.all, True)["agent:PJSIP/101"]
    assert agent is not None
    assert (agent["state"], "talk" in agent, agent["queues"]) == (
        "talking_other",
        False,
        {"support": False},
    )
    assert totals(support, published)["agents"] == {"talking_other": 1, "available": 1}
    assert published.all["agent:PJSIP/101"]["state"] == "talking"  # of all others


def call(queue: str | None, **fields: Any) -> dict[str, Any]:
    return {"id": "1.1", "state": "queued", "started": 1.0, "queue": queue, **fields}


def test_call_is_gone_when_it_goes_to_another_queue_and_comes_back() -> None:
    shaper = Shaper(Access(queues=frozenset({"sales"})), "node_1")
    shaper.take({}, True)
    assert shaper.take({"call:1.1": call("support")}, False) == {}
    assert shaper.take({"call:1.1": call("sales")}, False) == {"call:1.1": call("sales")}
    assert shaper.take({"call:1.1": call("support")}, False) == {"call:1.1": None}
    assert shaper.take({"call:1.1": None}, False) == {}
    assert shaper.take({"call:1.1": call("sales")}, False) == {"call:1.1": call("sales")}
    assert shaper.take({"call:1.1": None}, False) == {"call:1.1": None}


def test_totals_come_again_only_when_they_change() -> None:
    _, published = two_by_two()
    shaper = Shaper(Access(), "node_1")
    assert "totals:" in shaper.take(published.all, True)
    assert "totals:" not in shaper.take(published.all, False)
    assert "totals:" in shaper.take({"agent:PJSIP/102": None}, False)
    assert "totals:" in shaper.take(published.all, True)


def test_whole_picture_forgets_the_one_before() -> None:
    _, published = two_by_two()
    shaper = Shaper(Access(), "node_1")
    shaper.take(published.all, True)
    empty = shaper.take({}, True)["totals:"]
    assert empty is not None
    assert (empty["waiting"], empty["offered"], empty["agents"]) == (0, 0, {})
    assert shaper.take({"queue:sales": None}, False) == {}


def test_server_that_is_not_seen_shows_nothing() -> None:
    _, published = two_by_two()
    assert Shaper(Access(servers=frozenset({"node_2"})), "node_1").take(published.all, True) == {}
    assert Shaper(Access(servers=frozenset({"node_1"})), "node_1").take(published.all, True)


@pytest.mark.parametrize(("name", "version", "folder"), QUEUED)
def test_visitor_of_one_queue_sees_nothing_of_another(name: str, version: str, folder: str) -> None:
    events = timed(name, version, folder)
    queues = {queue for _, event in events if (queue := event.get("Queue"))}
    assert queues
    for queue in queues:
        access = Access(queues=frozenset({queue}))
        for published, shown in watched(access, Tracker("node_1"), events):
            assert published.bodies
            assert_only_of(queue, shown)
        assert shown == Shaper(access, "node_1").take(published.all, True)
        assert f"queue:{queue}" in shown


def assert_only_of(queue: str, shown: dict[str, Any]) -> None:
    for key, one in shown.items():
        kind, _, name = key.partition(":")
        assert kind in {"server", "totals", "call", "caller", "queue", "curve", "agent"}
        if kind in {"call", "caller"}:
            assert one["queue"] == queue
        elif kind in {"queue", "curve"}:
            assert name == queue
        elif kind == "agent":
            assert one["queues"].keys() == {queue}
            assert one.get("talk", {"queue": queue})["queue"] == queue


def test_visitor_of_no_recorded_queue_sees_nothing_of_a_queue() -> None:
    _, published = two_by_two()
    shown = Shaper(Access(queues=frozenset({"billing"})), "node_1").take(published.all, True)
    assert shown.keys() == {"server:", "totals:"}


# --- numbers ---


def numbers(bodies: Mapping[str, Any]) -> set[str]:
    """The numbers of people in objects that nobody has masked."""
    found = set()
    for one in bodies.values():
        for person in (one, one.get("caller"), one.get("callee"), one.get("talk")):
            found.add((person or {}).get("number", ""))
        found.add(one.get("requested", ""))
    return {number for number in found if re.search(r"\d", number)}


@pytest.mark.parametrize(("name", "version", "folder"), RECORDINGS)
def test_visitor_with_a_mask_sees_no_number(
    name: str, version: str, folder: str, settings: Any
) -> None:
    settings.AMI_WALLBOARD = {"MASK": lambda number: "***"}
    access, known = Access(masks_numbers=True), set[str]()
    for published, shown in watched(access, Tracker("node_1"), timed(name, version, folder)):
        news = slimmed(published.news)
        known |= numbers({key: one for key, one in news.items() if one is not None})
        for text in {text for key in news if key in shown for text in texts(shown[key])}:
            assert not {number for number in known if number in text}, text
    assert shown == Shaper(access, "node_1").take(published.all, True)
