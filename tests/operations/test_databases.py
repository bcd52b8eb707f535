"""The tables on each database: the statements, and real listeners whose holder or database fails.

Those with a server are a step of their own in ``.ci/run``: AMI_TEST_DATABASES has them run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.operations.databases import MISSING, Server
from tests.operations.support import SETTINGS, TIMEOUT_SECONDS, Counter, Site
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.testing import Simulator

#: With rights, whose tests need users.
APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django_ami", "django_ami.operations",
    "tests.operations.project",
]  # fmt: skip
#: Of the statements, the leases, the heartbeats, the limit of calls, the action log, the rights,
#: the probes, the admin.
TESTS = (
    "test_statements.py", "test_leases.py", "test_heartbeats.py", "test_throttle.py",
    "audit/test_entries.py", "test_acting.py", "test_probes.py", "admin/test_audit.py",
    "admin/test_servers.py",
)  # fmt: skip
#: The admin needs more than the listeners.
ADMIN_SETTINGS = "tests.operations.database_settings"

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=MISSING)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if not os.environ.get("AMI_TEST_DATABASES"):
        pytest.skip("AMI_TEST_DATABASES is not set")
    if why := MISSING[request.param]():
        pytest.skip(why)
    with Server(request.param) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, sim: Simulator, server: Server) -> Iterator[Site]:
    with closing(Site(tmp_path, [sim], server.setting)) as made:
        made.forget()
        yield made


@pytest.mark.parametrize("tests", TESTS)
def test_tables_are_used_on_each_database_as_on_sqlite(server: Server, tests: str) -> None:
    settings = ADMIN_SETTINGS if tests.startswith("admin/") else SETTINGS
    command = [
        *PYTHON, "-m", "pytest", f"tests/operations/{tests}", "-q", "-n0", "--reuse-db",
        "-p", "no:cacheprovider", f"--ds={settings}", "-m", "not (long or latency)",
    ]  # fmt: skip
    # One for each of the settings: the tables of the admin refer to those of users, so that a run
    # that does not know them could not empty these.
    database = {**server.setting, "TEST": {"NAME": f"test_{settings.rpartition('.')[2]}"}}
    env = {
        "AMI_TEST_DATABASE": json.dumps(database),
        "AMI_TEST_SETTINGS": json.dumps({"INSTALLED_APPS": APPS}),
        "DJANGO_SETTINGS_MODULE": settings,
    }
    with Program(command, **env) as program:
        wait_until(lambda: program.process.poll() is not None, 240, what=server.name)
        code = program.wait()
    assert code == 0, str(program)
    assert int(re.findall(r"(\d+) passed", program.out[-1])[0]) >= 5, str(program)


def test_killed_holder_is_replaced_on(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(5)
    site.wait_for("event", 5)
    killed = time.time()
    first.process.kill()
    site.wait_for("ready", pid=second.process.pid)
    counter.emit(5)
    site.wait_for("event", 10)
    assert site.numbers() == list(range(10))
    (gap,) = site.told("gap")
    assert gap["begin"] <= killed <= gap["end"]


def test_stopped_holder_delivers_nothing_more_on(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(150, Seconds=0.05)
    site.wait_for("event", 5)
    first.signal(signal.SIGSTOP)
    site.wait_for("ready", pid=second.process.pid)
    time.sleep(2 * TIMEOUT_SECONDS)  # three times the lease in all
    before = site.numbers(pid=first.process.pid)
    first.signal(signal.SIGCONT)
    site.wait_for("lease_lost", pid=first.process.pid)
    counter.emit(5)
    site.wait_for("event", 5, pid=second.process.pid)
    assert len(site.numbers(pid=first.process.pid)) <= len(before) + 1
    assert len(site.numbers()) == len(set(site.numbers()))


def test_database_that_is_down_stops_delivery_until_it_is_back_on(
    site: Site, sim: Simulator, server: Server
) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(5)
    site.wait_for("event", 5)
    server.stop()
    try:
        first.wait_for_err("its events wait")  # though none has come, and a question may hang
        counter.emit(5)
        time.sleep(TIMEOUT_SECONDS)
        assert site.numbers() == list(range(5))
    finally:
        server.start()
    wait_until(
        lambda: site.told("gap") or any("nobody else had it" in line for line in first.err),
        what=f"somebody delivers again: {site}",
    )
    counter.emit(1)
    site.wait_for("event", number=counter.sent - 1)
    numbers = site.numbers()
    assert len(numbers) == len(set(numbers))
    if not site.told("gap"):  # the holder was first, and nobody else had had the lease
        assert numbers == list(range(counter.sent))
        assert {note["pid"] for note in site.told("event")} == {first.process.pid}
    else:
        assert site.told("event")[-1]["pid"] == second.process.pid
