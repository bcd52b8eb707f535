"""Under real web servers.

One login per process, every answer to its own request, and a logoff in the end.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import DEADLINE_SECONDS, PYTHON, Program, run_python
from tests.servers.matrix import CELERY, WEB, Row, redis, run, run_celery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import ReceivedAction, Simulator

pytestmark = pytest.mark.long

REQUESTS = 500
PROGRAMS = Path(sys.executable).parent
THREADS = 16
#: Somebody is logged in; says the key of the session.
LOG_IN = """
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
browser = Client()
browser.force_login(User.objects.create_user("ann"))
print(browser.cookies["sessionid"].value)
"""


#: Says how many actions the action log has, by outcome.
RECORDED = """
import django, json
django.setup()
from collections import Counter
from django_ami.operations.models import ActionLog
rows = ActionLog.objects.filter(who="ann", action="Originate", via="click to call")
print(json.dumps(Counter(rows.values_list("outcome", flat=True))))
"""


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def env(tmp_path: Path, sim: Simulator) -> dict[str, object]:
    """The demo's environment, its database made."""
    env: dict[str, object] = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "AMI_NODE1_HOST": sim.host,
        "AMI_NODE1_PORT": sim.port,
        "AMI_LOG_LEVEL": "WARNING",
        "DEMO_CALLS_PER_MINUTE": 1000,
    }
    with Program([*PYTHON, "manage.py", "migrate", "--verbosity=0"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    return env


def ask(
    port: int, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, bytes, str]:
    """One request over a connection of its own: status, body and cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        connection.request(method, path, body, {"Connection": "close", **headers})
        response = connection.getresponse()
        return (
            response.status,
            response.read(),
            (response.getheader("Set-Cookie") or "").split(";")[0],
        )
    finally:
        connection.close()


def test_gunicorn_with_threads(sim: Simulator, env: dict[str, object]) -> None:
    # An answer that says whose it is, and answers that overtake one another.
    def answer(action: ReceivedAction) -> bytes:
        message = (
            f"Response: Error\r\nActionID: {action.action_id}\r\nMessage: No call to "
            f"{action.get('Exten')}\r\n\r\n"
        )
        return message.encode()

    sim.on("Originate").raw(answer).after(lambda action: int(action.get("Exten")) % 7 / 1000)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--threads=8",
        "--workers=2",
        "--bind=127.0.0.1:0",
        "--no-control-socket",
    ]
    with Program([*command, "demo_project.wsgi"], **env) as server:
        port = int(
            server.wait_for_err("Listening at: http://127.0.0.1:").split("127.0.0.1:")[1].split()[0]
        )

        def call(number: int) -> tuple[int, str]:
            status, body, _ = ask(
                port,
                "POST",
                "/originate/",
                urlencode({"extension": "501", "number": number}),
                **{
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Cookie": f"{session}; {cookie}",
                    "X-CSRFToken": cookie.removeprefix("csrftoken="),
                },
            )
            return status, json.loads(body)["error"]

        session = (
            f"sessionid={run_python(LOG_IN, DJANGO_SETTINGS_MODULE='demo_project.settings', **env)}"
        )
        status, _, cookie = ask(port, "GET", "/", Cookie=session)
        assert status == 200
        assert cookie.startswith("csrftoken=")
        assert ask(port, "POST", "/originate/", "extension=501&number=1")[0] == 403
        numbers = range(100_000, 100_000 + REQUESTS)
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(call, numbers))
        refused = "node_1: Originate refused: No call to"
        assert answers == [(502, f"{refused} {number}") for number in numbers]
        received = Counter(
            action.get("Exten") for action in sim.received if action.name == "Originate"
        )
        assert received == Counter(map(str, numbers))
        assert 1 <= sim.logins <= 2
        assert sim.connections == sim.login_attempts == sim.logins
        server.signal(signal.SIGTERM)
        assert server.wait() == 0, str(server)
        sim.wait_for(lambda: sim.logoffs == sim.logins)
        recorded = run_python(RECORDED, DJANGO_SETTINGS_MODULE="demo_project.settings", **env)
        assert json.loads(recorded) == {"failed": REQUESTS}
        assert not any(
            word in line for line in server.err for word in ("ERROR", "Traceback", "WARNING")
        ), str(server)


def test_uvicorn(sim: Simulator, env: dict[str, object]) -> None:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--port=0",
        "--no-access-log",
        "demo_project.asgi:application",
    ]
    with Program(command, **env) as server:
        port = int(
            server.wait_for_err("Uvicorn running on http://127.0.0.1:")
            .split("127.0.0.1:")[1]
            .split()[0]
        )
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(lambda _: ask(port, "GET", "/queues/")[:2], range(REQUESTS)))
        assert {status for status, _ in answers} == {200}
        expected = {
            "queues": {
                "support": {"calls": 0, "members": ["Alice", "Bob"], "callers": []},
                "sales": {"calls": 0, "members": ["Zoë Müller", "Never There"], "callers": []},
            }
        }
        assert all(json.loads(body) == expected for _, body in answers)
        assert sum(action.name == "QueueStatus" for action in sim.received) == REQUESTS
        assert (sim.logins, sim.connections) == (1, 1)
        server.signal(signal.SIGTERM)
        # Having stopped in good order, uvicorn ends itself by the signal that stopped it.
        assert server.wait() in (0, -signal.SIGTERM), str(server)
        assert any("Finished server process" in line for line in server.err)
        sim.wait_for(lambda: sim.logoffs == 1)
        assert not any(
            word in line for line in server.err for word in ("ERROR", "Traceback", "WARNING")
        ), str(server)


# --- the matrix of scripts/servers, as far as its servers are installed here, and quick ---

QUICK = [
    row for row in WEB if "--preload" in row.arguments or row.arguments[0] in ("uvicorn", "uwsgi")
]


def skip_without(*packages: str) -> None:
    missing = [name for name in packages if not find_spec(name)]
    if missing:
        pytest.skip(
            f"not installed: {', '.join(missing)}; scripts/servers installs and tries all of them"
        )


@pytest.mark.parametrize("row", QUICK, ids=lambda row: row.name)
def test_one_login_for_each_process_that_sends(row: Row, tmp_path: Path) -> None:
    skip_without(*(["gevent"] if "gevent" in row.name else []))
    if not (PROGRAMS / row.arguments[0]).exists():
        pytest.skip(
            f"not installed: {row.arguments[0]}; scripts/servers installs and tries all of them"
        )
    outcome = run(row, PROGRAMS, tmp_path / "log", requests=60)
    assert outcome.good, f"{outcome}\n{(tmp_path / 'log').read_text()}"


@pytest.mark.parametrize("row", CELERY, ids=lambda row: row.name)
def test_celery(row: Row, tmp_path: Path) -> None:
    skip_without("celery", "redis", *(["gevent"] if "gevent" in row.name else []))
    with redis(tmp_path) as broker:
        if broker is None:
            pytest.skip("there is no redis-server")
        outcome = run_celery(row, PROGRAMS, tmp_path / "log", broker, requests=60)
    assert outcome.good, f"{outcome}\n{(tmp_path / 'log').read_text()}"


GREENLETS = """
import gevent.monkey
gevent.monkey.patch_all()
from tests.servers import site
import gevent, time
from django_ami.actions import Action
begun = time.monotonic()
jobs = [gevent.spawn(lambda: site.pbx.send(Action("Slow")).result(20).ok) for _ in range(40)]
gevent.joinall(jobs, raise_error=True)
print(sum(job.value for job in jobs), time.monotonic() - begun < 10)
answers = []
pending = site.pbx.send(Action("Slow"))
pending.on_complete(lambda error, response: answers.append(response.ok))
pending.result(20)
while not answers:
    gevent.sleep(0.01)
print(gevent.get_hub().threadpool.apply(lambda: site.pbx.send(Action("Slow")).result(20).ok))
"""


def test_greenlets_wait_at_the_same_time(sim: Simulator) -> None:
    """Patched before it is used, the client waits as gevent does.

    Forty answers of half a second take no twenty.
    """
    skip_without("gevent")
    sim.on("Slow").reply().after(0.5)
    assert run_python(GREENLETS, AMI_NODE1_URL=sim.url).split("\n") == ["40 True", "True"]
    assert (sim.logins, sim.connections) == (1, 1)
    sim.wait_for(lambda: sim.logoffs == 1)


LATE = """
import os
import django
from django.conf import settings
servers = {"node_1": {"URL": os.environ["AMI_NODE1_URL"]}}
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS=servers)
django.setup()
from django_ami import ami
from django_ami.actions import Ping
import gevent.monkey
gevent.monkey.patch_all()
import gevent
jobs = [gevent.spawn(lambda: ami.send(Ping()).result(20).ok) for _ in range(20)]
gevent.joinall(jobs, raise_error=True)
print(sum(job.value for job in jobs))
"""


def test_greenlets_that_race_for_the_first_use_share_one_login(sim: Simulator) -> None:
    """With gunicorn's --preload ``ami`` is there, and has been used, before gevent patches the
    worker.
    """
    skip_without("gevent")
    assert run_python(LATE, AMI_NODE1_URL=sim.url) == "20"
    assert (sim.logins, sim.connections) == (1, 1)
