"""The answers to probes: by HTTP, by the command, and by django-health-check; alive and not."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client, override_settings
from django.urls import include, path
from health_check.views import HealthCheckView

from django_ami.operations import enquiry
from django_ami.operations.clock import ago
from django_ami.operations.heartbeat_file import read
from django_ami.operations.models import Listener
from django_ami.testing import FakeAsterisk
from tests.operations.support import SETTINGS, hanging
from tests.running import DEADLINE_SECONDS, PYTHON, ROOT, environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.operations.support import Site

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CHECK = "django_ami.contrib.health_check.AsteriskListeners"
urlpatterns = [
    path("ami/", include("django_ami.operations.urls")),
    path("health/", login_not_required(HealthCheckView.as_view(checks=[CHECK]))),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    enquiry._enquiry.begin()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE):
        yield
    wait_until(lambda: enquiry._enquiry._question is None or enquiry._enquiry._question.is_over)


def row(role: str = "active", state: str = "ready", age: float = 0.0, **more: Any) -> Listener:
    seen = ago(age)
    values = {"process": f"p{Listener.objects.count()}", "server": "node_1", "host": "pbx-a"}
    return Listener.objects.create(
        **{**values, **more}, account="10.0.0.5 5038 site", pid=4711, version="0.1.0", role=role,
        state=state, started_at=seen, state_since=seen, seen_at=seen, last_error="of 'site'",
    )  # fmt: skip


def get(url: str) -> tuple[int, Any]:
    """The answer of a view, asked anew until SQLite in memory lets its thread read."""
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        answer = Client().get(url)
        if b"OperationalError" not in answer.content or time.monotonic() > end:
            return answer.status_code, answer.json()
        enquiry._enquiry.begin()


def test_server_whose_listener_delivers_is_ready() -> None:
    row()
    row("standby")
    code, said = get("/ami/health/ready")
    assert (code, said["ok"], said["role"], said["error"]) == (200, True, "active", "")
    assert said["servers"]["node_1"]["standbys"] == 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no listener"),
        ([{"age": 16.0}], "not heard of for"),
        ([{"role": "standby"}], "nobody delivers"),
        ([{"state": "waiting"}], "not logged in: waiting"),
    ],
)
def test_server_to_which_nobody_listens_is_not_ready(
    rows: list[dict[str, Any]], reason: str
) -> None:
    for one in rows:
        row(**one)
    code, said = get("/ami/health/ready")
    assert (code, said["ok"]) == (503, False)
    assert said["servers"]["node_1"]["reason"].startswith(reason)


def test_probe_may_ask_for_some_servers() -> None:
    row()
    servers = {name: {"URL": "ami://me:amp111@127.0.0.1:1"} for name in ("node_1", "node_2")}
    with override_settings(AMI_SERVERS=servers):
        assert get("/ami/health/ready")[0] == 503
        assert get("/ami/health/ready?server=node_1")[0] == 200
        assert get("/ami/health/ready?server=node_1&server=node_2")[0] == 503
        code, said = get("/ami/health/ready?server=nowhere")
    assert (code, said["error"]) == (503, "AMI_SERVERS has no server 'nowhere'")


def test_live_asks_nobody_and_ready_has_one_answer_for_many_probes() -> None:
    row()
    assert get("/ami/health/live") == (200, {"ok": True})
    assert enquiry._enquiry._question is None
    assert get("/ami/health/ready")[0] == 200
    Listener.objects.all().delete()
    assert get("/ami/health/ready")[0] == 200  # within a second the answer is the same
    wait_until(lambda: get("/ami/health/ready")[0] == 503)


def test_probe_causes_no_login_no_session_and_no_cached_answer(
    django_assert_num_queries: Any,
) -> None:
    row()
    with FakeAsterisk() as sim, override_settings(AMI_SERVERS={"node_1": {"URL": sim.url}}):
        for name in ("live", "ready"):
            with django_assert_num_queries(0):
                answer = Client().get(f"/ami/health/{name}")
            assert answer.status_code == 200, answer.content
            assert not answer.cookies
            assert "no-store" in answer["Cache-Control"]
            assert Client().head(f"/ami/health/{name}").status_code == 200
            assert Client().post(f"/ami/health/{name}").status_code == 405
        assert sim.logins == 0


def test_answer_tells_nothing_secret() -> None:
    row(state="refused")
    answer = Client().get("/ami/health/ready")
    text = answer.content.decode()
    assert '"reason"' in text
    for secret in ("pbx-a", "4711", "10.0.0.5", "site"):
        assert secret not in text


def test_table_that_is_missing_is_told_without_the_words_of_the_driver(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_listener RENAME TO elsewhere")
    try:
        answer = Client().get("/ami/health/ready")
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_listener")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert re.fullmatch(r"the database refuses to tell \((Operational|Programming)Error\)", error)


def test_check_of_django_health_check_answers_500_when_nobody_delivers() -> None:
    """It is 503 with our own views, and 500 with this library: docs/health.md says so."""
    row("standby")
    answer = Client().get("/health/?format=json")
    assert answer.status_code == 500
    (text,) = answer.json().values()
    assert text == "Unavailable: node_1: nobody delivers, though there is a standby"
    row()
    enquiry._enquiry.begin()
    answer = Client().get("/health/?format=json")
    assert (answer.status_code, list(answer.json().values())) == (200, ["OK"])


# --- the command ---


def test_command_says_whether_the_events_of_each_server_are_delivered(capsys: Any) -> None:
    row()
    call_command("ami_health", timeout=DEADLINE_SECONDS)
    assert capsys.readouterr().out == "node_1: well, active, ready\n"
    with pytest.raises(SystemExit) as ended:
        call_command("ami_health", server=["nowhere"], json=True, timeout=DEADLINE_SECONDS)
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["error"] == "AMI_SERVERS has no server 'nowhere'"


def test_command_says_what_is_wrong_with_its_settings(capsys: Any) -> None:
    for options in ({"live": True}, {}):
        wrong = {} if options else {"heartbeat_file": "relative"}
        with override_settings(AMI_OPERATIONS=wrong), pytest.raises(SystemExit) as ended:
            call_command("ami_health", **options)
        assert ended.value.code == 1
        assert "heartbeat_file" in capsys.readouterr().out
    with pytest.raises(CommandError, match="unrecognized"):
        call_command("ami_health", "--nonsense")


# --- a database that hangs: it takes connections, and says nothing ---


def run(*arguments: str, **env: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, *arguments], env=environment(DJANGO_SETTINGS_MODULE=SETTINGS, **env), cwd=ROOT,
        capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip


_ASK_TWICE = """
import json, time, django
from django.test import Client
django.setup()
answers = []
for _ in range(2):
    begun = time.monotonic()
    answer = Client().get("/ami/health/ready")
    answers.append([answer.status_code, answer.json()["error"], time.monotonic() - begun])
print(json.dumps([*answers, Client().get("/ami/health/live").status_code]))
"""


def test_database_that_hangs_is_told_in_time_and_the_second_time_at_once() -> None:
    with hanging() as database:
        done = run(
            "-c", _ASK_TWICE, AMI_TEST_DATABASE=json.dumps(database),
            AMI_TEST_SETTINGS=json.dumps({"ROOT_URLCONF": "tests.operations.urls"}),
        )  # fmt: skip
    first, second, live = json.loads(done.stdout)
    assert first[:2] == second[:2] == [503, "the database does not answer"]
    assert second[2] < enquiry.ANSWER_SECONDS / 2
    assert live == 200
    assert "secret-user" not in done.stdout


def test_command_does_not_wait_for_a_database_that_hangs() -> None:
    with hanging() as database:
        done = run("-m", "django", "ami_health", AMI_TEST_DATABASE=json.dumps(database))
    assert (done.returncode, done.stdout) == (1, "the database does not answer\n"), done.stderr


@pytest.mark.latency
def test_command_costs_little_more_than_the_start_of_django_while_the_database_hangs(
    tmp_path: Path,
) -> None:
    """Beside it waits for ``--timeout``, a quarter of a second."""
    with hanging() as database:
        env = {"AMI_TEST_DATABASE": json.dumps(database)}
        file = {"AMI_TEST_OPERATIONS": json.dumps({"heartbeat_file": str(tmp_path / "beat.json")})}
        start = processor_seconds("-c", "import django; django.setup()", **env)
        assert processor_seconds("-m", "django", "ami_health", **env) < 1.5 * start
        assert processor_seconds("-m", "django", "ami_health", **env, **file) < 1.5 * start
    program = "django_ami.operations.heartbeat_file"
    assert processor_seconds("-m", program, str(tmp_path / "beat.json")) < start / 2


def processor_seconds(*arguments: str, **env: object) -> float:
    """How much of a processor a program takes: the least of a few runs."""
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*arguments, **env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


# --- a real listener ---


@pytest.mark.long
@pytest.mark.timeout(300)  # each question is a process
def test_real_listeners_are_known_by_their_file_and_their_rows(
    tmp_path: Path, site: Site, sim: FakeAsterisk
) -> None:
    files = [tmp_path / "first.json", tmp_path / "second.json"]

    def health(file: Path | None, *arguments: str) -> tuple[int, Any]:
        options = {**site.options, **({"heartbeat_file": str(file)} if file else {})}
        done = run(
            "-m", "django", "ami_health", "--json", "--timeout=20", *arguments,
            AMI_TEST_DATABASE=json.dumps(site.database), AMI_TEST_OPERATIONS=json.dumps(options),
            AMI_NODE1_URL=sim.url,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    site.options["heartbeat_file"] = str(files[0])
    first = site.active()
    site.options["heartbeat_file"] = str(files[1])
    site.standby()
    del site.options["heartbeat_file"]
    wait_until(lambda: files[0].exists() and read(str(files[0]))[0].role == "active")
    assert health(files[0])[1]["role"] == "active"
    wait_until(lambda: health(files[1])[0] == 0)
    assert health(files[1])[1]["role"] == "standby"
    wait_until(lambda: health(None)[0] == 0)
    first.process.kill()
    wait_until(lambda: read(str(files[1]))[0].role == "active")
    assert health(files[0], "--live")[0] == 1  # its file is there, and stale
    assert health(None)[0] == 0
    sim.stop()
    wait_until(lambda: read(str(files[1]))[0].state != "ready")
    assert health(files[1])[0] == 1
    assert health(files[1], "--live")[0] == 0
    wait_until(lambda: health(None)[0] == 1)
