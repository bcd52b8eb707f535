"""``python -m tests.servers``: install the servers, run each once, print a table.

Exit code 1 if one is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.running import ROOT
from tests.servers.matrix import CELERY, REQUESTS, WEB, Outcome, redis, run, run_celery

#: The servers and task queues to try. uWSGI is compiled, which takes a C compiler.
PINS: Final = (
    "django==5.2.19", "uwsgi==2.0.31", "gunicorn==27.0.1", "gevent==26.9.0", "uvicorn==0.54.0",
    "hypercorn==0.18.0", "daphne==4.2.3", "granian==2.8.9", "celery==5.7.0", "redis==8.1.0",
)  # fmt: skip
_HEAD: Final = """\
| server | processes that sent | logins | answered | sent twice | logged off at the end |
|---|---|---|---|---|---|"""


def main() -> int:
    """Run what the options say."""
    parser = argparse.ArgumentParser(prog="scripts/servers", description=__doc__)
    parser.add_argument(
        "--environment", type=Path, help="a virtual environment that has them; by default a new one"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        environment = options.environment or _install(directory / "environment")
        return _run_all(environment / "bin", directory, options.only)


def _install(environment: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin/pip", "install", "-q", *PINS, ROOT], check=True)
    return environment


def _run_all(programs: Path, directory: Path, only: str) -> int:
    wrong = 0
    print(f"{REQUESTS} calls each.\n\n{_HEAD}")
    with redis(directory) as broker:
        for row in (*WEB, *CELERY):
            if only.lower() not in row.name.lower():
                continue
            log = directory / "server.log"
            if row in CELERY and broker is None:
                print(f"| {row.name} | skipped: there is no redis-server | | | | |")
                continue
            try:
                if row in WEB:
                    outcome = run(row, programs, log)
                else:
                    outcome = run_celery(row, programs, log, broker)
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                good = False
                print(f"| {row.name} | {error} | | | | |", flush=True)
            else:
                good = outcome.good
                print(_line(row.name, outcome), flush=True)
            if not good:
                wrong += 1
                print(log.read_text(), file=sys.stderr)
    return 1 if wrong else 0


def _line(name: str, outcome: Outcome) -> str:
    logins = (
        str(outcome.logins)
        if outcome.logins == outcome.expected
        else f"**{outcome.logins}**, not {outcome.expected}"
    )
    before = outcome.expected - outcome.processes
    return (
        f"| {name} | {outcome.processes}{f' and {before} before the fork' if before else ''} | "
        f"{logins} | {outcome.answered} | {outcome.twice} | {outcome.logoffs} |"
    )


if __name__ == "__main__":
    sys.exit(main())
