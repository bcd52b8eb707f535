"""The tests of the history and of the feed on each database that Django and they know.

They have settings of their own.
Those with a server are a step of their own in ``.ci/run``: AMI_TEST_DATABASES has them run.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from tests.running import PYTHON, Program, wait_until
from tests.servers import mariadb, postgresql

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

#: For all tests on one database, on a machine that does other things.
SECONDS = 100.0
#: The feed of the live pictures has tables, too.
FEED = "tests/live/feed/test_database.py"
SERVERS: dict[str, tuple[Any, str]] = {
    "sqlite": (nullcontext, ""),
    "postgresql": (postgresql.PostgreSQL, postgresql.missing()),
    "mariadb": (mariadb.MariaDB, mariadb.missing()),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SERVERS)
def test_the_history_on(name: str) -> None:
    server, missing = SERVERS[name]
    if server is not nullcontext and not os.environ.get("AMI_TEST_DATABASES"):
        pytest.skip("AMI_TEST_DATABASES is not set")
    if missing:
        pytest.skip(missing)
    command = [
        *PYTHON, "-m", "pytest", "tests/calls", FEED, "-q", "-n0", "-p", "no:cacheprovider",
        "--ds=tests.calls.settings",
    ]  # fmt: skip
    running: AbstractContextManager[Any] = server()
    with running as database:
        setting = {} if database is None else database.setting()
        env = {"AMI_TEST_DATABASE": json.dumps(setting)}
        with Program(command, DJANGO_SETTINGS_MODULE="tests.calls.settings", **env) as tests:
            wait_until(lambda: tests.process.poll() is not None, SECONDS, what=name)
            code = tests.wait()
    assert code == 0, str(tests)
    assert int(re.findall(r"(\d+) passed", tests.out[-1])[0]) > 30, str(tests)
