"""PostgreSQL restarts under a worker.

``python -m tests.database.drill`` prints the table of docs/database.md.

Each row is a way of keeping connections: lost events, failed ones, and when the receivers were at
work again.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import NamedTuple

from django_ami.testing import FakeAsterisk
from tests.running import DEADLINE_SECONDS, PYTHON, Program
from tests.servers.postgresql import PostgreSQL

COMMAND = (
    *PYTHON,
    "-m",
    "django",
    "ami_listen",
    "--drain-timeout=60",
    "--settings=tests.database.settings",
)

#: The ways, by what stands in ``DATABASES``.
WAYS: dict[str, dict[str, object]] = {
    "the defaults": {},
    "`CONN_MAX_AGE: 60`": {"CONN_MAX_AGE": 60},
    "`CONN_HEALTH_CHECKS`, `CONN_MAX_AGE: 60`": {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True},
    "`pool: True`": {"OPTIONS": {"pool": True}},
    "`pool: True`, `CONN_HEALTH_CHECKS`": {"OPTIONS": {"pool": True}, "CONN_HEALTH_CHECKS": True},
}


class Result(NamedTuple):
    """The outcome of the events of one drill."""

    sent: int
    code: int
    summary: str
    #: Numbers by kind of receiver, in the order of the rows.
    saved: dict[str, list[int]]
    tracebacks: int
    log_bytes: int

    def lost(self) -> int:
        """Events that not both receivers have saved."""
        return self.sent - len(set.intersection(*map(set, self.saved.values())))

    def twice(self) -> int:
        """Rows too many."""
        return sum(len(numbers) - len(set(numbers)) for numbers in self.saved.values())


def drill(
    database: PostgreSQL,
    way: dict[str, object],
    *,
    events: int,
    per_second: float,
    away_seconds: float,
    dispatch: dict[str, object] | None = None,
) -> Result:
    """Send so many events; the database restarts after a quarter of them."""
    database.execute("CREATE TABLE IF NOT EXISTS seen (kind text, number integer)")
    database.execute("TRUNCATE seen")
    env = {
        "AMI_TEST_DATABASE": json.dumps(database.setting(**way)),
        "AMI_TEST_DISPATCH": json.dumps(dispatch or {}),
    }
    with FakeAsterisk() as server, Program(COMMAND, AMI_NODE1_URL=server.url, **env) as worker:
        worker.wait_for_out("ready")
        stopped = threading.Event()

        def restart() -> None:
            database.stop()
            stopped.set()
            time.sleep(away_seconds)
            database.start()

        away = threading.Thread(target=restart)
        for number in range(events):
            server.emit("UserEvent", UserEvent="Drill", Number=number, Uniqueid=f"170.{number}")
            if number == events // 4:
                away.start()
            if number == events // 2:
                assert stopped.wait(
                    DEADLINE_SECONDS
                )  # stopping takes its time, and some events come while it is away
            time.sleep(1 / per_second)
        away.join()
        server.wait_for(lambda: server.events_sent >= events)
        worker.signal(signal.SIGTERM)
        code = worker.wait()
        rows = database.execute("SELECT kind, number FROM seen")
        saved = {
            kind: [number for one, number in rows if one == kind] for kind in ("sync", "async")
        }
        log = "\n".join(worker.err)
        return Result(events, code, worker.out[-1], saved, log.count("Traceback"), len(log))


def main() -> None:
    """Print the table."""
    print(
        "| `DATABASES` | events | not saved | failed | saved twice | log, kB "
        "|\n|---|---|---|---|---|---|"
    )
    with PostgreSQL() as database:
        rows: list[tuple[str, dict[str, object], dict[str, object]]] = [
            (name, way, {}) for name, way in WAYS.items()
        ]
        rows += [
            (f"the defaults, `retry_limit: {limit}`", {}, {"retry_limit": limit})
            for limit in (1, 0)
        ]
        for name, way, dispatch in rows:
            found = drill(
                database, way, events=400, per_second=40, away_seconds=3, dispatch=dispatch
            )
            failed = found.summary.partition(" failed")[0].rpartition(" ")[2]
            size = f"{found.log_bytes / 1000:.1f}"
            print(
                f"| {name} | {found.sent} | {found.lost()} | {failed} | {found.twice()} | {size} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
