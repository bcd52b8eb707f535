"""``python -m tests.operations.takeovers``: makes each fault, and prints its outcome.

Exit code 1 if an event was delivered twice, or is missing without a gap.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.operations.databases import MISSING
from tests.operations.faults import FAULTS, outcome_of

if TYPE_CHECKING:
    from tests.operations.faults import Fault
    from tests.operations.scene import Outcome

_COLUMNS: Final = (
    "fault", "seconds to takeover", "nobody delivers for", "events", "twice", "missing",
    "outside of a gap", "gap", "`/ready` says",
)  # fmt: skip


def main() -> int:
    """Make the faults that the options say."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.operations.takeovers", description=__doc__
    )
    parser.add_argument("--database", choices=MISSING, default="postgresql")
    parser.add_argument("--lease", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    options = parser.parse_args()
    if why := MISSING[options.database]():
        parser.error(why)
    print(f"On {options.database}, with a lease of {options.lease:g} s.\n")
    print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|", flush=True)
    wrong = 0
    for fault in FAULTS:
        if options.only in fault.name:
            wrong += not _run(fault, options.database, options.lease)
    return min(wrong, 1)


def _run(fault: Fault, database: str, lease: float) -> bool:
    if why := fault.missing(database):
        print(f"| {fault.name} | skipped: {why} |", flush=True)
        return True
    with tempfile.TemporaryDirectory() as name:
        try:
            outcome = outcome_of(fault, database, Path(name), lease, probed=True)
        except (AssertionError, TimeoutError) as error:
            print(f"| {fault.name} | FAILED: {error} |", flush=True)
            return False
    print(_line(fault.name, outcome), flush=True)
    return outcome.orderly and not (outcome.doubles or outcome.unexplained)


def _line(name: str, outcome: Outcome) -> str:
    took = ", ".join(f"{seconds:.1f}" for seconds in outcome.takeovers) or "nobody took over"
    gap = ", ".join(f"{seconds:.1f} s" for seconds in outcome.gaps) or "none"
    unexplained = f"{outcome.unexplained}{'' if outcome.orderly else ' AND NOT IN ORDER'}"
    cells = (
        name,
        took,
        f"{outcome.silence:.1f} s",
        f"{outcome.written:,}",
        outcome.doubles,
        f"{outcome.missing:,}",
        unexplained,
        gap,
        ", then ".join(outcome.ready),
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())
