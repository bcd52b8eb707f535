"""The generated events are what the figures say that they are."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from django_ami.core.protocol import Parser
from tests.benchmarks.events import BLOCK, CALLS, EVENTS_PER_CALL, KINDS, block

FRAMES = block().data.split(b"\r\n\r\n")[:-1]


def test_the_mean_event_is_that_of_a_busy_call_centre() -> None:
    assert len(FRAMES) == BLOCK == CALLS * EVENTS_PER_CALL
    assert len(block().data) / BLOCK == pytest.approx(540, abs=10)
    assert sum(frame.count(b"\r\n") + 1 for frame in FRAMES) / BLOCK == pytest.approx(23, abs=0.5)


def test_there_are_thirteen_kinds_and_one_event_in_twenty_is_a_hangup() -> None:
    kinds = Counter(frame[7 : frame.find(b"\r\n")].decode() for frame in FRAMES)
    assert set(kinds) == KINDS
    assert len(kinds) == 13
    assert kinds["Hangup"] == BLOCK / 20


def test_calls_are_interleaved() -> None:
    """Events of hundreds of other calls come before the next event of a call."""
    calls = [frame.partition(b"Linkedid: ")[2].partition(b"\r\n")[0] for frame in FRAMES]
    assert len(set(calls)) == CALLS
    assert len(set(calls[:2000])) > CALLS * 0.9
    assert sum(one == following for one, following in pairwise(calls)) < BLOCK / 20


def test_headers_are_well_formed_and_none_is_repeated() -> None:
    parser = Parser(server="pbx", banner=False)
    events = parser.feed(block().data)
    assert len(events) == BLOCK
    assert (
        parser.counters.garbage_bytes
        == parser.counters.suspect_messages
        == parser.counters.oversized_messages
        == 0
    )
    for event in events[::97]:
        keys = event.keys()
        assert "" not in keys
        assert len(set(keys)) == len(event.headers)
        assert event["Channel"].startswith("PJSIP/")
        assert event["Uniqueid"]


@pytest.mark.parametrize("count", [0, 1, 19, BLOCK - 1, BLOCK, BLOCK + 7, 2 * BLOCK])
def test_any_number_of_them_is_counted_right(count: int) -> None:
    taken = block().take(count)
    assert len(taken) == block().size(count)
    assert taken.count(b"\r\n\r\n") == count
    assert taken.count(b"Event: Hangup\r\n") == block().count_hangups(count)


def test_workload_makes_the_same_events_on_each_run() -> None:
    assert block.__wrapped__().data == block().data
