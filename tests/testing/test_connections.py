"""No test dials unless it asks for it: a project's tests beside an exchange that counts."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import PYTHON, ROOT, Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["pytester"]

PROJECT = ROOT / "tests/forgetful_project"
TESTS = (PROJECT / "shop/tests.py").read_text().count("def test_")
#: Those of ``AllowedTest``, each of which logs in once.
ALLOWED = 3
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "shop/tests.py")


@pytest.fixture
def exchange() -> Iterator[FakeAsterisk]:
    """A telephone exchange, in another process than those that are looked at."""
    with FakeAsterisk() as server:
        yield server


class Project:
    """The project, somewhere of its own."""

    def __init__(self, exchange: FakeAsterisk, directory: Path) -> None:
        self.exchange = exchange
        self.directory = directory
        shutil.copytree(PROJECT, directory, dirs_exist_ok=True)
        (directory / "pytest.ini").write_text("[pytest]\n")

    def run(self, *arguments: str, **env: str) -> Program:
        where = {
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.directory}",
        }
        command = [*PYTHON, *arguments]
        with Program(
            command, cwd=self.directory, EXCHANGE=self.exchange.url, **where, **env
        ) as program:
            program.wait()
        return program


@pytest.fixture
def project(exchange: FakeAsterisk, tmp_path: Path) -> Project:
    return Project(exchange, tmp_path)


def nobody_dialled(exchange: FakeAsterisk, program: Program) -> None:
    assert program.process.returncode == 0, str(program)
    assert (exchange.logins, exchange.connections) == (ALLOWED, ALLOWED)
    assert {action.name for action in exchange.received}.isdisjoint({"Originate"})


@pytest.mark.slow
def test_djangos_runner(project: Project, exchange: FakeAsterisk) -> None:
    program = project.run("manage.py", "test", "shop")
    assert any(f"Ran {TESTS} tests" in line for line in program.err), str(program)
    nobody_dialled(exchange, program)


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.long)])
def test_djangos_runner_in_parallel(project: Project, exchange: FakeAsterisk, method: str) -> None:
    source = (
        "import multiprocessing, sys\n"
        "from django.core.management import execute_from_command_line\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    execute_from_command_line(sys.argv)\n"
    )
    (project.directory / "manage.py").write_text(source)
    which = [
        f"shop.tests.{name}" for name in ("ForgottenTest.test_a_view", "KitTest", "AllowedTest")
    ]
    program = project.run("manage.py", "test", *which, "--parallel=2")
    assert any("Ran 5 tests" in line for line in program.err), str(program)
    nobody_dialled(exchange, program)


@pytest.mark.long
def test_pytest(project: Project, exchange: FakeAsterisk) -> None:
    program = project.run(*PYTEST, "-p", "no:randomly")
    assert f"{TESTS} passed" in program.out[-1], str(program)
    nobody_dialled(exchange, program)


@pytest.mark.long
def test_pytest_in_parallel_and_in_any_order(project: Project, exchange: FakeAsterisk) -> None:
    program = project.run(*PYTEST, "-n2")
    assert f"{TESTS} passed" in program.out[-1], str(program)
    nobody_dialled(exchange, program)


@pytest.mark.slow
def test_a_whole_run_may_be_allowed(project: Project, exchange: FakeAsterisk) -> None:
    """And these tests would dial if nobody forbade it."""
    program = project.run(
        "manage.py", "test", "shop.tests.ForgottenTest.test_a_view", DJANGO_AMI_CONNECTIONS="allow"
    )
    assert program.process.returncode == 1
    exchange.assert_action_sent("Originate", count=1)


def test_command_outside_tests_may_connect(project: Project, exchange: FakeAsterisk) -> None:
    program = project.run("manage.py", "ami_send", "Ping")
    assert program.process.returncode == 0, str(program)
    exchange.assert_action_sent("Ping")


PYTEST_ALONE = """
import pytest
from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Ping
from django_ami.errors import ConnectionForbidden

def ping():
    client = Client([ServerConfig.from_url("pbx", "{url}")], role="caller")
    client.start()
    try:
        return client.send(Ping()).result(timeout=5)
    finally:
        client.close()

def test_forgotten():
    with pytest.raises(ConnectionForbidden, match="pbx: tests may not connect to"):
        ping()

def test_allowed(allow_ami_connections):
    assert ping().ok

@pytest.mark.usefixtures("allow_ami_connections")
def test_marked():
    assert ping().ok

def test_simulated(ami_client):
    assert ami_client.send(Ping()).result(timeout=5).ok
"""


@pytest.mark.slow
def test_pytest_without_django(
    pytester: pytest.Pytester, exchange: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in [key for key in os.environ if key.startswith(("DJANGO_", "PYTEST_"))]:
        monkeypatch.delenv(key)
    pytester.makepyfile(PYTEST_ALONE.replace("{url}", exchange.url))
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
    ]
    pytester.run(*command, timeout=60).assert_outcomes(passed=4)
    assert exchange.logins == 2


CORE_ALONE = """
import os
import sys
import threading
import unittest
from unittest.mock import patch

from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Ping
from django_ami.errors import ConnectionForbidden

def ping(start=True):
    client = Client([ServerConfig.from_url("pbx", "{url}")], role="caller")
    if start:
        client.start()
    try:
        return client.send(Ping()).exception(timeout=5)
    finally:
        client.close()

def late():
    threading.main_thread().join()  # the test run is over; no thread can be started now
    print("late:", type(ping(start=False)).__name__, file=sys.stderr)

class CoreTest(unittest.TestCase):
    def test_forgotten(self):
        self.assertIsInstance(ping(), ConnectionForbidden)

    @patch.dict(os.environ, {}, clear=True)
    def test_an_empty_environment(self):
        self.assertIsInstance(ping(), ConnectionForbidden)

    def test_a_thread_that_outlives_it(self):
        threading.Thread(target=late).start()

if __name__ == "__main__":
    unittest.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runner", "env"),
    [
        pytest.param(("-m", "unittest"), {}, id="unittest"),
        pytest.param((), {}, id="unittest.main()"),
        pytest.param(("-m", "pytest", "-p", "no:django"), {}, id="pytest"),
        pytest.param(
            ("-m", "pytest"), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, id="pytest without plugins"
        ),
    ],
)
def test_without_django(
    exchange: FakeAsterisk, tmp_path: Path, runner: tuple[str, ...], env: dict[str, str]
) -> None:
    (tmp_path / "test_core.py").write_text(CORE_ALONE.replace("{url}", exchange.url))
    with Program([*PYTHON, *runner, "test_core.py"], cwd=tmp_path, **env) as program:
        program.wait()
    assert program.process.returncode == 0, str(program)
    assert "late: ConnectionForbidden" in program.err, str(program)
    assert exchange.connections == 0


OWN_RUNNER = """
import os
import sys

import django

if __name__ == "__main__":
    django.setup()
    from django.test.runner import DiscoverRunner

    sys.exit(DiscoverRunner().run_tests(["shop.children"]))
"""

CHILDREN = """
import sys
import threading

from django.test import SimpleTestCase

from django_ami import ami
from django_ami.actions import Ping
from shop.tests import CURE, manage

def late():
    threading.main_thread().join()
    print("late:", type(ami.send(Ping()).exception(timeout=5)).__name__, file=sys.stderr)

class ChildTest(SimpleTestCase):
    def test_a_view(self):
        self.assertIn(CURE, self.client.post("/call/").json()["error"])

    def test_a_child_process(self):
        self.assertIn(CURE, manage("ami_send", "Ping")[2])

    def test_a_thread_that_outlives_it(self):
        threading.Thread(target=late).start()
"""


@pytest.mark.slow
def test_a_program_of_ones_own_that_runs_djangos_tests(
    project: Project, exchange: FakeAsterisk
) -> None:
    (project.directory / "runtests.py").write_text(OWN_RUNNER)
    (project.directory / "shop/children.py").write_text(CHILDREN)
    program = project.run("runtests.py")
    assert program.process.returncode == 0, str(program)
    assert "late: ConnectionForbidden" in program.err, str(program)
    assert [action.name for action in exchange.received][-2:] == ["Ping", "Logoff"]
    assert exchange.connections == 1  # of the app that sends when it is ready, before any test
