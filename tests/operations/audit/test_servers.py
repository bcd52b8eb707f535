"""Under real web servers and a worker of Celery: each action is a row, also of processes that end.

On SQLite, and with AMI_TEST_DATABASES on each database server.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.testing import FakeAsterisk
from tests.operations.audit.test_processes import APPS, BEGIN, SHOWS
from tests.operations.databases import MISSING, Server
from tests.operations.support import SETTINGS, sqlite
from tests.running import PYTHON, Program, free_port, wait_until
from tests.servers.matrix import ask
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SITE = "tests.operations.audit.site"
#: In ``site.py``: nobody else sends that.
ACTION = "CoreStatus"
REQUESTS = 20
#: A database, a broker and all their processes start beside other tests.
LONGEST_SECONDS = 120.0
GUNICORN = (
    "gunicorn",
    f"{SITE}:application",
    "--workers=2",
    "--bind=127.0.0.1:PORT",
    "--no-control-socket",
)
UVICORN = ("uvicorn", f"{SITE}:asgi", "--port=PORT", "--no-access-log")
CELERY = (
    "celery",
    "-A",
    SITE,
    "worker",
    "--loglevel=WARNING",
    "--concurrency=2",
    "--max-tasks-per-child=8",
)
#: By name: the program, and the path of its view.
WEB = {
    "gunicorn, preloaded": ((*GUNICORN, "--preload", "--threads=4", "--max-requests=7"), "/view/"),
    "uvicorn": ((*UVICORN, "--workers=2"), "/async/"),
}
FORGETS = """
from django_ami.operations.models import ActionLog
ActionLog.objects.all().delete()
"""
GIVES_TASKS = f"""
from {SITE} import task
print([result.get(timeout=120) for result in [task.delay() for _ in range({REQUESTS})]])
"""


class Place:
    """A database, and a simulated Asterisk, for the programs of a test."""

    def __init__(self, database: dict[str, object], sim: FakeAsterisk) -> None:
        settings = {"INSTALLED_APPS": APPS, "ROOT_URLCONF": SITE, "ALLOWED_HOSTS": ["*"]}
        self.env: dict[str, Any] = {
            "AMI_TEST_DATABASE": json.dumps(database),
            "AMI_TEST_SETTINGS": json.dumps(settings),
            "AMI_NODE1_URL": sim.url,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
        }
        self.sim = sim
        self.run("-m", "django", "migrate", "--verbosity=0")
        self.run("-c", BEGIN + FORGETS)

    def run(self, *arguments: str, beside: Program | None = None) -> list[str]:
        """Run a program to its end; a failure tells what the one ``beside`` it has said, too."""
        with Program([*PYTHON, *arguments], **self.env) as program:
            ended = program.process
            try:
                wait_until(lambda: ended.poll() is not None, LONGEST_SECONDS)
            except TimeoutError as error:
                raise TimeoutError(f"{error}: {program}, beside {beside}") from None
            assert program.wait() == 0, f"{program}, beside {beside}"
            return program.out

    def start(self, *arguments: str, **env: Any) -> Program:
        return Program([sys.executable, "-m", *arguments], **{**self.env, **env})

    def stop(self, program: Program) -> None:
        """As a deployment does it: right after the last answer."""
        program.signal(signal.SIGTERM)
        assert program.wait() in {0, -signal.SIGTERM}, str(program)

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("-c", BEGIN + SHOWS)[-1])
        return found

    @property
    def sent(self) -> list[str]:
        """The ids of the actions that the server has received."""
        return sorted(action.action_id for action in self.sim.received if action.name == ACTION)


@pytest.fixture(scope="module", params=["sqlite", *MISSING])
def database(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[dict[str, object]]:
    if request.param == "sqlite":
        yield sqlite(tmp_path_factory.mktemp("database"))
        return
    if not os.environ.get("AMI_TEST_DATABASES"):
        pytest.skip("AMI_TEST_DATABASES is not set")
    if why := MISSING[request.param]():
        pytest.skip(why)
    with Server(request.param) as server:
        yield server.setting


@pytest.fixture
def place(database: dict[str, object], sim: FakeAsterisk) -> Place:
    return Place(database, sim)


def skip_without(*packages: str) -> None:
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")


def is_up(port: int) -> bool:
    try:
        return ask(port, "/")[0] == 404
    except OSError:
        return False


@pytest.mark.parametrize("name", WEB)
def test_each_action_of_a_view_is_one_row(name: str, place: Place) -> None:
    command, path = WEB[name]
    skip_without(command[0])
    port = free_port()
    command = tuple(argument.replace("PORT", str(port)) for argument in command)
    first = {"SITE_SENDS_FIRST": 1} if "--preload" in command else {}
    with place.start(*command, **first) as server, ThreadPoolExecutor(4) as pool:
        wait_until(lambda: is_up(port), LONGEST_SECONDS, what=str(server))
        statuses = list(pool.map(lambda _: ask(port, path)[0], range(REQUESTS)))
        place.stop(server)
    assert set(statuses) == {200}
    assert sorted(row["action_id"] for row in place.rows) == place.sent
    assert len(place.sent) == REQUESTS + len(first)


def test_each_action_of_a_task_is_one_row(place: Place, tmp_path: Path) -> None:
    skip_without("celery", "redis")
    with ExitStack() as stack:
        place.env["BROKER"] = stack.enter_context(redis_server(tmp_path))
        worker = stack.enter_context(place.start(*CELERY, SITE_SENDS_FIRST=1))
        place.run("-c", GIVES_TASKS, beside=worker)
        place.stop(worker)
        del place.env["BROKER"]
    rows = place.rows
    assert sorted(row["action_id"] for row in rows) == place.sent
    assert sorted(row["via"] for row in rows) == ["import"] + REQUESTS * ["send"]
