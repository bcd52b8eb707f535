"""``python -m tests.forwarding.fleet [KILLS] [SEED]``: print what docs/scaling.md shows."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.forwarding.fleet.simulation import Fleet


def main() -> None:
    kills, seed = (int(one) for one in (*sys.argv[1:], *("50", "1")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder), seed) as fleet:
        begun = time.monotonic()
        for number in range(kills):
            print(
                f"{number + 1:3} {time.monotonic() - begun:6.1f} s  {fleet.kill_any()}", flush=True
            )
        for name, value in asdict(fleet.end()).items():
            print(f"{name:14} {value}")


main()
