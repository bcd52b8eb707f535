"""Faults of clocks, networks and databases on a real PostgreSQL: nobody delivers an event twice.

A step of its own in ``.ci/run``: AMI_TEST_DATABASES has them run, and "all" more of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.operations.databases import MISSING
from tests.operations.faults import FAULTS, Fault, outcome_of
from tests.operations.support import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

#: The machine does other things meanwhile.
SLACK_SECONDS = 2.0
#: The others are played by other tests: here, or beside this one.
PLAYED = (
    "both are restarted, one after the other, at 2,000 events/s",
    "the database comes back without the lease",
    "the holder ends (SIGTERM) while the database hangs",
    "the clock of the holder goes 1 h forward, then kill -9",
    "the clock of the standby goes 1 h back, then kill -9",
    "the holder does not reach the database",
    "the holder does not reach Asterisk",
)


@pytest.mark.parametrize("fault", [pytest.param(one, id=one.name) for one in FAULTS])
def test_fault_has_nothing_delivered_twice_and_its_gap_told(fault: Fault, tmp_path: Path) -> None:
    if not os.environ.get("AMI_TEST_DATABASES"):
        pytest.skip("AMI_TEST_DATABASES is not set")
    if fault.name not in PLAYED and os.environ["AMI_TEST_DATABASES"] != "all":
        pytest.skip("AMI_TEST_DATABASES is not 'all'")
    if why := MISSING["postgresql"]() or fault.missing("postgresql"):
        pytest.skip(why)
    outcome = outcome_of(fault, "postgresql", tmp_path, TIMEOUT_SECONDS)
    assert outcome.doubles == 0
    assert outcome.orderly
    assert outcome.unexplained == 0
    assert bool(outcome.gaps) >= bool(outcome.missing)
    assert sum(outcome.gaps) < outcome.silence * len(outcome.gaps) + 2 * TIMEOUT_SECONDS
    if fault.within is not None:
        assert 0 < max(outcome.takeovers) < fault.within * TIMEOUT_SECONDS + SLACK_SECONDS
