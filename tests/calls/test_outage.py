"""A real database stops and starts again under the recorder: no call is lost, and none twice."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until
from tests.servers import mariadb, postgresql

pytestmark = pytest.mark.skipif(
    not os.environ.get("AMI_TEST_DATABASES"), reason="AMI_TEST_DATABASES is not set"
)
SERVERS: dict[str, tuple[type[Any], str]] = {
    "postgresql": (postgresql.PostgreSQL, postgresql.missing()),
    "mariadb": (mariadb.MariaDB, mariadb.missing()),
}
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.calls.settings"}


@pytest.mark.parametrize("name", SERVERS)
def test_a_restart_loses_no_call(name: str) -> None:
    server, missing = SERVERS[name]
    if missing:
        pytest.skip(missing)
    with server() as database:
        env = {**SETTINGS, "AMI_TEST_DATABASE": json.dumps(database.setting())}
        with Program([*PYTHON, "-m", "django", "migrate"], **env) as migrate:
            assert migrate.wait() == 0, str(migrate)
        stored = f"SELECT count(*) FROM {'' if name == 'postgresql' else 'ami.'}ami_calls_call"
        with Program([*PYTHON, "-m", "tests.calls.writer"], **env) as writer:
            writer.wait_for_out("ready")
            wait_until(lambda: database.execute(stored)[0][0] > 20, DEADLINE_SECONDS, what="calls")
            database.stop()
            time.sleep(1)  # the length of the outage
            assert writer.process.poll() is None
            database.start()
            before = database.execute(stored)[0][0]
            wait_until(
                lambda: database.execute(stored)[0][0] > before, DEADLINE_SECONDS, what="calls"
            )
            writer.signal(signal.SIGTERM)
            assert writer.wait() == 0, str(writer)
        put, longest, written, lost, failed, well = writer.out[-1].split()
        rows = database.execute(stored)[0][0]
    assert (lost, failed, well) == ("0", "0", "True"), str(writer)
    assert put == written == str(rows)
    assert int(longest) < 1000, "putting waits for no database"
    told = [line for line in writer.err if "The history of calls" in line]
    assert [("cannot be written" in line, "written again" in line) for line in told[:2]] == [
        (True, False),
        (False, True),
    ], str(writer)
