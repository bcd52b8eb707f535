"""The README is true: its snippets make a project, and that project works."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from django_ami.management.commands import ami_listen
from django_ami.testing import Simulator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)

#: What the README leaves out, since every Django project has it.
REST_OF_SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""
URLS = """
from django.urls import path
from shop import views
urlpatterns = [path("call/", views.call), path("queues/", views.queues)]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The README's files, under the names in their first lines."""
    for language, text in BLOCKS:
        if language == "python":
            path = tmp_path / text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/urls.py").write_text(URLS)
    with (tmp_path / "settings.py").open("a") as settings:
        settings.write(REST_OF_SETTINGS)
    return tmp_path


def run(project: Path, server: Simulator, *arguments: str) -> str:
    """Run python in the project; what it printed, both streams."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=project,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{project}{os.pathsep}{ROOT}",
            "AMI_NODE1_PORT": str(server.port),
            "AMI_NODE1_SECRET": "amp111",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_users_own_test_passes(project: Path) -> None:
    with Simulator() as server:
        assert "Ran 1 test" in run(project, server, "-m", "django", "test")


def test_the_worker_delivers_to_the_receiver(project: Path) -> None:
    with Simulator() as server:
        server.run_traffic(20)
        output = run(project, server, "-m", "django", "ami_listen", "--server=node_1", "--run-for=3")
    assert "node_1: ready" in output
    assert re.search(r"^\S+ on node_1: \w+", output, re.MULTILINE)


def test_the_async_view_and_the_task(project: Path) -> None:
    script = (
        "import asyncio, django; django.setup()\n"
        "from shop import tasks, views\n"
        "said = [tasks.dial(number)['result'] for number in ('500', 'busy')]\n"
        "print(asyncio.run(views.queues(None)).content.decode(), *said)"
    )
    with Simulator() as server:
        output = run(project, server, "-c", script)
        assert server.logins == 1
    assert re.fullmatch(r'\{"\w+": "0".*\} answered busy\n', output)


def test_without_django(project: Path) -> None:
    with Simulator() as server:
        assert run(project, server, "alone.py", server.url) == "0 channels\n"


def test_the_supervisor_snippet_and_the_exit_codes_agree_with_the_worker() -> None:
    (text,) = (text for language, text in BLOCKS if language == "ini")
    parser = configparser.ConfigParser()
    parser.read_string(text)
    program = parser["program:ami_listen_node_1"]
    assert program["stopsignal"] == "TERM"
    assert program.getint("stopwaitsecs") > 10
    assert program["exitcodes"] == f"0,{ami_listen.EXIT_CONFIGURATION},{ami_listen.EXIT_REFUSED}"
    assert (
        f"Exit codes: 0 stopped, {ami_listen.EXIT_CONFIGURATION} configuration, {ami_listen.EXIT_REFUSED} "
        f"authentication refused, {ami_listen.EXIT_INCOMPLETE} not all that was read" in README
    )


def test_there_are_exactly_two_set_up_commands_and_they_name_what_exists() -> None:
    commands = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if "venv" in line]
    assert len(commands) == 2
    assert commands[0].endswith("manage.py demo")
    assert commands[1].endswith("-m pytest")
    assert (ROOT / "demo_project/calls/management/commands/demo.py").exists()


def test_every_file_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
