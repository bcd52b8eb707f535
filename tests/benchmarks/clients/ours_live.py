"""The tracker of live calls, without a client: its memory.

``python -m tests.benchmarks.clients.ours_live long '{"port": 0, "events": 10000000}'`` takes some
minutes: 10 million events of more than 400,000 calls.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.live.changes import Kind
from django_ami.live.tracker import Tracker
from tests.benchmarks.calls import PLAIN, block_of_calls
from tests.benchmarks.clients.measuring import run
from tests.benchmarks.machine import cpu_seconds, rss_bytes
from tests.recordings import timed

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How long a long run is, for the tracker, which keeps ended calls for a minute.
LONG_SECONDS = 1_000.0
#: The number of phones that make all the calls.
PHONES = 100
#: When both of them talk, in the recording.
_TALKING_SECONDS = 2.0
_TOLD = frozenset({Kind.STARTED, Kind.RINGING, Kind.ANSWERED, Kind.ENDED})


def sizes(port: int, calls: int) -> dict[str, Any]:
    """Bytes of a live channel alone, and of a live call of two that talk."""
    return {"channel": _size(_channels(calls), calls), "call": _size(_talks(calls), calls)}


def _size(events: Iterable[Event], count: int) -> float:
    tracker = Tracker("pbx")
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for event in events:
        tracker.feed(event, 0.0)
    del event
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(tracker.calls) == count, tracker.status()
    return used / count


def _channels(count: int) -> Iterable[Event]:
    new = next(
        event for _, event in timed("answered-caller-hangs-up") if event.name == "Newchannel"
    )
    return _varied([new], count)


def _talks(count: int) -> Iterable[Event]:
    recorded = timed("answered-caller-hangs-up")
    return _varied([event for at, event in recorded if 0 < at < _TALKING_SECONDS], count)


def _varied(events: list[Event], count: int) -> Iterable[Event]:
    """The events so many times, with other ids, and phones, each time."""
    ids = {
        event.get(key) for event in events for key in ("Uniqueid", "DestUniqueid", "BridgeUniqueid")
    } - {None}
    for number in range(count):
        for event in events:
            raw = event.raw
            for one in ids:
                raw = raw.replace(
                    one.encode(), one.encode()[:-7] + b"%07d" % number + one.encode()[-1:]
                )
            for phone in (b"alice", b"bob"):
                raw = raw.replace(b"PJSIP/" + phone, b"PJSIP/%b%d" % (phone, number % PHONES))
            yield Event(event.name, raw, "pbx")


def long(port: int, events: int) -> dict[str, Any]:
    """Calls of two phones that all end, until so many events were: the memory of this process.

    ``half`` is the memory behind half of them: the first calls are long forgotten by then.
    """
    tracker, block = Tracker("pbx"), block_of_calls(PLAIN)
    parser = Parser(server="pbx", banner=False)
    parser.kinds.interest = frozenset(name.lower() for name in tracker.names)
    fed = told = ended = number = 0
    half, begun, rate = 0.0, cpu_seconds(), events / LONG_SECONDS
    while fed < events:
        data = block.numbered(number)
        number += 1
        for start in range(0, len(data), 2**16):
            now = (fed + start / len(data) * block.events) / rate
            for message in parser.feed(data[start : start + 2**16]):
                if isinstance(message, Event):
                    tracker.note(message, now)
            changes = tracker.take(_TOLD)
            told += len(changes)
            ended += sum(change.kind is Kind.ENDED for change in changes)
        fed += block.events
        if not half and fed >= events / 2:
            half = rss_bytes() / 1e6
    tracker.tick(fed / rate + 1e6)
    status = tracker.status()
    return {
        "events": fed, "calls": ended, "told": told, "half": half, "end": rss_bytes() / 1e6,
        "entries": status.entries, "contradictions": status.contradictions,
        "faults": status.faults, "cpu": cpu_seconds() - begun, "count": fed,
    }  # fmt: skip


if __name__ == "__main__":
    run((sizes, long))
