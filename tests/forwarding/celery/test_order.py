"""Workers come and go, and the events of a call stay in order."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from tests.forwarding.celery.project import batches
from tests.running import wait_until

pytestmark = pytest.mark.slow

CALLS = 3
NUMBERS = 60


@pytest.mark.parametrize("pool", ["threads", "prefork", "solo"])
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_events_of_a_call_stay_in_order_while_workers_are_restarted_in_turn(project, kind, pool):
    here = project(kind)
    given = batches(CALLS, NUMBERS, Seconds=0.02)
    with here.outlet() as outlet, ExitStack() as stack:
        outlet.open()
        workers = [stack.enter_context(here.worker("-P", pool)) for _ in range(2)]
        for worker in workers:
            worker.wait_for_err(" ready.")
        outlet.publish(given)
        for _ in range(4):
            seen = len(here.ended())
            wait_until(lambda: len(here.ended()) > seen + 12)  # noqa: B023
            old = workers.pop(0)
            workers.append(stack.enter_context(here.worker("-P", pool)))
            workers[-1].wait_for_err(" ready.")
            old.signal(signal.SIGTERM)
            assert old.wait() == 0
        wait_until(lambda: len(here.ended()) == len(given), 60)
    assert here.disorder() == []
    ends = [line.id for line in here.lines() if line.what == "end"]
    assert len(ends) == len(given), "a clean restart repeats nothing"
