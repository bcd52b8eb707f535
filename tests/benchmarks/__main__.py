"""``python -m tests.benchmarks [SCENARIO …]``: measures the interpreter that runs it, prints a
table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.benchmarks import builds, machine, peers, server
from tests.benchmarks.report import Report
from tests.benchmarks.running import Bench, Broken
from tests.benchmarks.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)} (default: all)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small amounts, one round: does it work, and about how fast",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="default: 3, with --quick 1")
    parser.add_argument("--no-peers", action="store_true", help="without the other clients")
    parser.add_argument(
        "--before",
        type=Path,
        metavar="DIR",
        help="a source tree of an older build, which is measured in turn with this one",
    )
    parser.add_argument(
        "--cache", type=Path, default=peers.CACHE, help="where their environments are kept"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="default: results.json in the cache directory"
    )
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(
            f"unknown scenario {', '.join(sorted(unknown))}: known are {', '.join(SCENARIOS)}"
        )
    names = options.scenarios or list(SCENARIOS)
    rounds = options.rounds or (1 if options.quick else 3)
    about = {**machine.describe(), "rounds": rounds, "quick": options.quick, "peers": {}}
    here = (
        {}
        if options.no_peers
        else {peer: peers.python_of(peer, options.cache) for peer in peers.PEERS}
    )
    found = {peer: python for peer, python in here.items() if python is not None}
    about["peers"] = ", ".join(f"{peer.name} {peer.version}" for peer in found) or "none"
    about["before"] = builds.name_of(options.before) if options.before else "none"
    report = Report(about)
    with builds.unpacked(options.before) as before, server.running() as port:
        bench = Bench(port, found, options.quick, before=before)
        for number in range(rounds):
            for name in names:
                _run(report, bench, name, number, rounds)
    print(report.as_text())
    file = options.json or options.cache / "results.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report.as_json(), indent=1))
    return 1 if report.broken else 0


def _run(report: Report, bench: Bench, name: str, number: int, rounds: int) -> None:
    begun = time.monotonic()
    try:
        for sample in SCENARIOS[name](bench):
            report.add(name, sample)
    except Broken as error:
        report.broken.append(f"{name}: {error}")
    print(
        f"round {number + 1} of {rounds}: {name}, {time.monotonic() - begun:.1f} s",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
