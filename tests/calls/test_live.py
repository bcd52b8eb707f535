"""The history counts what the live picture counts."""

from __future__ import annotations

import gzip
from dataclasses import asdict
from datetime import date

import pytest

from django_ami.calls.models import QueueVisit
from django_ami.calls.store import save_calls
from django_ami.live.changes import Change, Kind
from django_ami.live.snapshots import Call
from django_ami.live.tracker import Tracker
from tests.calls.support import START
from tests.recordings import scenarios, timed
from tests.running import ROOT

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 28)


def test_the_figures_of_recorded_calls_are_those_of_the_live_picture() -> None:
    compared = 0
    for folder in ("calls", "phones"):
        for name, version in scenarios(folder):
            if has_queue(name, version, folder):
                compared += compare(name, version, folder)
    assert compared >= 20


def has_queue(name: str, version: str, folder: str) -> bool:
    file = ROOT / "tests" / "data" / folder / version / f"{name}.txt.gz"
    events = gzip.decompress(file.read_bytes())
    return b"QueueCallerJoin" in events or b"QUEUESTATUS" in events


def compare(name: str, version: str, folder: str) -> int:
    """How many queues of a recording were used, all of them counted alike."""
    tracker = Tracker(f"{version} {name}")
    changes: list[Change] = []
    for at, event in timed(name, version, folder):
        changes += tracker.feed(event, START + at)
    changes += tracker.tick(START + 3600)
    ended = [change.subject for change in changes if change.kind is Kind.ENDED]
    used = [queue for queue in tracker.queues.values() if any(asdict(queue.total).values())]
    if used:
        save_calls(call for call in ended if isinstance(call, Call))
    visits = QueueVisit.objects.filter(server=f"{version} {name}")
    for queue in used:
        stored = asdict(visits.counts(queue.name, DAY))
        live = asdict(queue.total)
        del live["wrapup_seconds"]
        for key, value in live.items():
            wanted = pytest.approx(value, abs=0.05) if isinstance(value, float) else value
            assert stored[key] == wanted, (version, name, queue.name, key)
    return len(used)
