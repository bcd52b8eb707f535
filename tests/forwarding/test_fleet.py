"""A fleet of which any part is killed: nothing is lost, and every call stays in order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.forwarding.fleet.simulation import Fleet
from tests.servers import postgresql

if TYPE_CHECKING:
    from pathlib import Path

#: With AMI_TEST_LONG as many as docs/scaling.md tells of.
KILLS = 50 if os.environ.get("AMI_TEST_LONG") else 8


@pytest.mark.slow
@pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing())
def test_killing_any_part_again_and_again_loses_no_event_and_reorders_no_call(
    tmp_path: Path,
) -> None:
    seed = int.from_bytes(os.urandom(2))
    with Fleet(tmp_path, seed) as fleet:
        for _ in range(KILLS):
            fleet.kill_any()
        outcome = fleet.end()
    told = f"seed {seed}: {outcome}"
    assert (outcome.lost, outcome.out_of_order, outcome.unrecognised) == (0, 0, 0), told
    assert sum(outcome.kills.values()) == KILLS, told
    # Each kill may cost one of two servers its lease for most of the time until the next one.
    assert outcome.in_gaps < 0.8 * outcome.written, told
