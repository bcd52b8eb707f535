"""``once`` between processes: eight get the same events, and each effect is there exactly once.

Some of their receivers raise, and some of the processes are killed.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.running import PYTHON, Program, wait_until
from tests.servers import mariadb, postgresql
from tests.servers.redis import redis_server

PROCESSES = 8
KILLED = 4
#: For all events in all processes, on a machine that does other things.
SECONDS = 100.0
#: As in the worker, which has settings of its own.
EVENTS = 500


class Consumers:
    """The processes, and the tables into which they write."""

    def __init__(
        self,
        folder: Path,
        database: dict[str, Any],
        store: str,
        cache: str = "",
        *,
        claim_seconds: int = 60,
    ) -> None:
        self.go = folder / "go"
        backend = "redis.RedisCache" if cache else "dummy.DummyCache"
        self._env = {
            "AMI_TEST_DATABASE": json.dumps(database),
            "AMI_TEST_CACHE": json.dumps(
                {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": cache}
            ),
            "AMI_TEST_ONCE": json.dumps({"STORE": store, "CLAIM_SECONDS": claim_seconds}),
            "AMI_TEST_GO": str(self.go),
        }
        self.run("migrate")

    def start(self, *job: str) -> Program:
        return Program((*PYTHON, "-m", "tests.forwarding.once_worker", *job), **self._env)

    def run(self, job: str) -> list[str]:
        with self.start(job) as program:
            assert program.wait() == 0, str(program)
            return program.out

    def count(self) -> list[int]:
        """Effects, events that have one, processes that had any, and claims."""
        return list(json.loads(self.run("tell")[-1]))

    def work(self, *, killed: int) -> None:
        """All events to all processes; others are killed in the middle of the work for an event."""
        with ExitStack() as running:
            dying = [
                running.enter_context(self.start(str(number), "dies")) for number in range(killed)
            ]
            working = [
                running.enter_context(self.start(str(number))) for number in range(PROCESSES)
            ]
            for program in (*dying, *working):
                program.wait_for_out("ready")
            self.go.touch()
            for program in (*dying, *working):
                wait_until(lambda program=program: program.process.poll() is not None, SECONDS)
            assert [program.wait() for program in working] == [0] * PROCESSES, str(working[0])
            assert -signal.SIGKILL in [program.wait() for program in dying] or not killed


def _sqlite(folder: Path) -> dict[str, Any]:
    path = str(folder / "db.sqlite3")
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode = WAL")
    made.close()
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": {"timeout": 20}}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mariadb"])
def test_each_effect_is_there_exactly_once_on(name: str, tmp_path: Path) -> None:
    with ExitStack() as running:
        if name == "sqlite":
            database = _sqlite(tmp_path)
        else:
            module: Any = {"postgresql": postgresql, "mariadb": mariadb}[name]
            if missing := module.missing():
                pytest.skip(missing)
            kind = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[name]
            database = running.enter_context(getattr(module, kind)()).setting()
        consumers = Consumers(tmp_path, database, "model")
        consumers.work(killed=KILLED)
        effects, events, processes, claims = consumers.count()
    assert (effects, events, claims) == (EVENTS, EVENTS, EVENTS)
    assert processes > 1, "more than one was first at something"


@pytest.mark.slow
def test_each_effect_is_there_exactly_once_with_a_shared_cache(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        consumers = Consumers(tmp_path, _sqlite(tmp_path), "cache", url)
        consumers.work(killed=0)
        effects, events, processes, claims = consumers.count()
    assert (effects, events, claims) == (EVENTS, EVENTS, 0)
    assert processes > 1, "more than one was first at something"


@pytest.mark.slow
@pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing())
def test_a_process_that_is_suspended_in_its_work_holds_up_nobody_for_ever(tmp_path: Path) -> None:
    with postgresql.PostgreSQL() as database:
        consumers = Consumers(tmp_path, database.setting(), "model", claim_seconds=1)
        with consumers.start("hold") as holder:
            holder.wait_for_out("held")
            holder.signal(signal.SIGSTOP)
            (told,) = consumers.run("wait")
            assert told.startswith("another process has been at work for the event node_1/01KB7QZX")
            consumers.go.touch()
            holder.signal(signal.SIGCONT)
            assert holder.wait() == 0, str(holder)
        assert consumers.run("wait") == ["first: False"]
