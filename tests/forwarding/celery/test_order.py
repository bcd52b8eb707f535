"""Workers come and go, and the events of a call stay in order."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import ExitStack

import pytest

from django_ami.core.event_id import EventId
from tests.forwarding.celery.project import batch, batches
from tests.running import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CALLS = 3
NUMBERS = 20
TURNS = 2


@pytest.mark.parametrize(
    ("kind", "pool"),
    [
        ("classic", "threads"),
        ("classic", "prefork"),
        ("quorum", "threads"),
        ("quorum", "prefork"),
        ("quorum", "solo"),
    ],
)
def test_events_of_a_call_stay_in_order_while_workers_are_restarted_in_turn(project, kind, pool):
    here = project(kind)
    given = batches(CALLS, TURNS * NUMBERS, Seconds=0.02)
    share = CALLS * NUMBERS
    said = ""
    with here.outlet() as outlet, ExitStack() as stack:
        outlet.open()
        old = stack.enter_context(here.worker("-P", pool))
        old.wait_for_err(" ready.")
        for turn in range(TURNS):
            new = stack.enter_context(here.worker("-P", pool))
            new.wait_for_err(" ready.")  # it stands by
            outlet.publish(given[turn * share : (turn + 1) * share])
            here.wait_for(turn * share + 8, old, new)
            old.signal(signal.SIGTERM)
            assert old.wait() == 0
            assert old.process.pid in {line.pid for line in here.lines()} or pool == "prefork"
            here.wait_for((turn + 1) * share, new)
            said = f"{said}{old}{new}"
            old = new
    assert "broke while this worker ended" not in said, said
    assert "Error on stopping" not in said, said
    assert here.disorder() == []
    ends = [line.id for line in here.lines() if line.what == "end"]
    assert len(ends) == len(given), f"a clean restart repeats nothing; {repeated(ends)}: {said}"


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_events_stay_in_order_on_redis_when_one_worker_ends_before_the_next_starts(project, pool):
    here = project("redis")
    given = batches(CALLS, TURNS * NUMBERS, Seconds=0.02)
    with here.outlet() as outlet:
        outlet.open()
        outlet.publish(given)
        for turn in range(TURNS):
            with here.worker("-P", pool) as worker:
                here.wait_for(1 + 10 + 10 * turn, worker)
                worker.signal(signal.SIGTERM)
                assert worker.wait() == 0
        with here.worker("-P", pool) as worker:
            here.wait_for(len(given), worker)
    assert here.disorder() == []
    ends = [line.id for line in here.lines() if line.what == "end"]
    assert len(ends) == len(given), "a clean restart repeats nothing"


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_next_batch_waits_until_the_worker_that_ends_has_finished_its_own(project, kind):
    here = project(kind)
    given = [batch(0, 0, 1, Seconds=2), batch(0, 1, 2)]
    with here.outlet() as outlet, here.worker() as old, here.worker() as new:
        old.wait_for_err(" ready.")
        new.wait_for_err(" ready.")
        outlet.open()
        outlet.publish(given)
        wait_until(here.lines, what=f"{old}{new}")
        (first,) = here.lines()
        (old if first.pid == old.process.pid else new).signal(signal.SIGTERM)
        here.wait_for(len(given), old, new)
    assert [(line.what, line.number) for line in here.lines()] == [
        ("begin", 0),
        ("end", 0),
        ("begin", 1),
        ("end", 1),
    ]


def repeated(ids: list[EventId]) -> list[str]:
    return [str(one) for one, count in Counter(ids).items() if count > 1]
