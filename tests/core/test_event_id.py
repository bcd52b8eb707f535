"""The ids of events: one each, in the order of the wire, wherever the events go."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from itertools import pairwise

import pytest

from django_ami.core.event_id import EventId, make_epoch
from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.testing import Simulator
from tests.core.io_support import config, ready, started, wait_until
from tests.core.support import CAPTURES, CHUNKS, feed, pieces

ID = EventId("node_1", "01KB7QZX3V0123456789ABCDEF", 12)
STREAMS = sorted((CAPTURES / "22").glob("*.txt"))


def test_the_text_of_an_id_is_read_back() -> None:
    assert str(ID) == "node_1/01KB7QZX3V0123456789ABCDEF/12"
    assert EventId.parse(str(ID)) == ID


@pytest.mark.parametrize("text", ["", "node_1", "node_1/01KB", "node_1/01KB/x", "a//1", "a/b/²"])
def test_a_text_that_is_no_id_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no id of an event"):
        EventId.parse(text)


def test_ids_of_one_connection_sort_in_the_order_of_the_wire() -> None:
    assert sorted(ID._replace(sequence=number) for number in (10, 9, 100)) == [
        ID._replace(sequence=number) for number in (9, 10, 100)
    ]


def test_epochs_sort_by_time_and_none_comes_twice() -> None:
    times = [0.0, 1.0, 1.001, 1_796_000_000.5, 1_796_000_000.501, 2e11]
    made = [make_epoch(at) for at in times]
    assert made == sorted(made)
    assert len({make_epoch(1.0) for _ in range(1000)}) == 1000


def _epochs(_: int) -> list[str]:
    return [make_epoch(1.0) for _ in range(100)]


def test_epochs_of_forked_processes_differ() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        made = [epoch for some in pool.map(_epochs, range(4)) for epoch in some]
    assert len(set(made)) == 400


def ids(data: bytes, size: int | None, interest: frozenset[str] | None) -> list[EventId]:
    parser = Parser(server="node_1")
    parser.epoch = ID.epoch
    parser.kinds.interest = interest
    found = feed(parser, pieces(data, size))
    return [message.id for message in found if isinstance(message, Event)]


@pytest.mark.parametrize("interest", [None, frozenset({"hangup"})])
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_each_event_of_a_stream_has_its_id_however_the_bytes_are_cut(
    path: object, interest: frozenset[str] | None
) -> None:
    data = path.read_bytes()  # type: ignore[attr-defined]
    whole = ids(data, None, interest)
    assert all(before < after for before, after in pairwise(whole))
    assert {found[:2] for found in whole} <= {ID[:2]}
    for size in CHUNKS[1:]:
        assert ids(data, size, interest) == whole


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_keeps_the_id(copied: Callable[[Event], Event]) -> None:
    event = Event("Hangup", b"Event: Hangup", ID)
    assert copied(event) == event
    assert copied(event).id == ID


def test_events_are_equal_without_regard_to_their_ids() -> None:
    one, other = (Event("Hangup", b"Event: Hangup", ID, index) for index in (0, 1))
    assert one == other == Event("Hangup", b"Event: Hangup", "node_1")
    assert hash(one) == hash(other)


def test_an_event_that_no_connection_read_says_that_it_has_no_id() -> None:
    event = pickle.loads(pickle.dumps(Event("Hangup", b"Event: Hangup", "node_1")))
    with pytest.raises(ValueError, match=r"no connection read it.*django_ami\.testing"):
        _ = event.id


def test_events_of_a_client_have_ids_that_no_reconnect_repeats(sim: Simulator) -> None:
    seen: list[Event] = []
    with started(config(sim)) as client:
        client.subscribe("Hangup", seen.append)
        for connection in (1, 2, 3):
            ready(client)
            for number in range(20):
                sim.emit("Hangup", Number=str(number))
            wait_until(lambda connection=connection: len(seen) == 20 * connection, "20 more events")
            sim.drop(reset=True)
            wait_until(lambda: not client.server("node_1").ready, "the loss is noticed")
    found = [event.id for event in seen]
    assert all(before < after for before, after in pairwise(found)), "also from one to the next"
    assert len({one.epoch for one in found}) == 3
    assert {one.server for one in found} == {"node_1"}


def test_each_subscriber_sees_one_id(sim: Simulator) -> None:
    seen: dict[str, list[EventId]] = {"one": [], "other": []}
    with started(config(sim)) as client:
        client.subscribe("Hangup", lambda event: seen["one"].append(event.id))
        client.subscribe(None, lambda event: seen["other"].append(event.id))
        ready(client)
        for _ in range(5):
            sim.emit("Hangup")
        wait_until(lambda: len(seen["one"]) == 5, "five events")
        wait_until(lambda: seen["other"][-5:] == seen["one"], "and the other one has them")
