"""The README is true: its snippets make a project, and that project works."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from django_ami.testing import Simulator
from django_ami.tools.exits import Exit
from tests.running import environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
#: The commands of the quick start, line by line.
COMMANDS = [
    line
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if line.startswith(("django-admin ", "python manage.py ", "export "))
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project with the README's blocks pasted in, each where its first line says."""
    for command in COMMANDS[:2]:
        program, *words = shlex.split(command)
        arguments = ["-m", "django", *words] if program == "django-admin" else words
        subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment(), timeout=60, check=True
        )
    for language, text in BLOCKS:
        if language == "python":
            name, at_the_end, _ = text.splitlines()[0].removeprefix("# ").partition(", at the end")
            path = tmp_path / name
            path.write_text(f"{path.read_text()}\n{text}" if at_the_end else text)
    return tmp_path


def run(project: Path, server: Simulator, *arguments: str) -> str:
    """Run python in the project. Returns its output, both streams."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=project,
        env={
            **environment(),
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
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


@pytest.mark.slow
def test_the_users_own_tests_pass(project: Path) -> None:
    with Simulator() as server:
        assert "Ran 2 tests" in run(project, server, "manage.py", "test")
        assert server.connections == 0


@pytest.mark.long
def test_the_worker_delivers_to_the_receiver_and_every_line_has_a_time(project: Path) -> None:
    exported, *commands = COMMANDS[2:]
    assert exported == "export AMI_NODE1_SECRET=amp111"  # as ``run`` does
    with Simulator() as server:
        server.run_traffic(20)
        for command in commands:
            words = shlex.split(command)[1:]
            output = run(
                project, server, *words, *(["--run-for=3"] if "ami_listen" in words else [])
            )
    time = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO "
    assert re.search(
        rf"{time}node_1: ready, 127.0.0.1:{server.port}, Asterisk", output, re.MULTILINE
    ), output
    assert re.search(rf"{time}\S+ on node_1: \w+", output, re.MULTILINE), output
    assert re.search(rf"{time}Stopped: [1-9]", output, re.MULTILINE), output
    assert all(re.match(time, line) for line in output.splitlines()), output


@pytest.mark.long
def test_the_views_and_the_task(project: Path) -> None:
    script = (
        "import asyncio, django; django.setup()\n"
        "from django.contrib.auth.models import User\n"
        "from django.test import AsyncClient, Client\n"
        "from shop import tasks\n"
        "from django.conf import settings\n"
        "settings.ALLOWED_HOSTS += ['testserver']\n"
        "site, later = Client(), AsyncClient()\n"
        "print([site.get('/call/').status_code, site.post('/call/').url])\n"
        "print(Client(enforce_csrf_checks=True).post('/call/').status_code)\n"
        "ann = User.objects.create_user('ann')\n"
        "site.force_login(ann); later.force_login(ann)\n"
        "print(site.post('/call/').json())\n"
        "print(asyncio.run(later.get('/queues/')).content.decode())\n"
        "print(*[tasks.dial(number)['result'] for number in ('500', 'busy')])"
    )
    with Simulator() as server:
        run(project, server, "manage.py", "migrate")
        lines = run(project, server, "-c", script).splitlines()
        assert server.logins == 1
    assert lines[0] == "[405, '/admin/login/?next=/call/']"
    assert lines[1] == "403"
    assert re.fullmatch(r"\{'call': '\S+', 'result': 'answered'\}", lines[2])
    assert re.fullmatch(r'\{"\w+": "0".*\}', lines[3])
    assert lines[4] == "answered busy"


@pytest.mark.slow
def test_the_receiver_of_the_first_screen_rings_the_desk(project: Path) -> None:
    script = (
        "import django; django.setup()\n"
        "from django_ami.testing import events, override_ami\n"
        "with override_ami() as outbox:\n"
        "    outbox.emit(events.queue_caller_abandon(Queue='support'))\n"
        "    call = outbox.assert_action_sent('Originate')\nprint(call['Channel'], "
        "call['Application'])"
    )
    with Simulator() as server:
        lines = run(project, server, "-c", script).splitlines()
        assert server.connections == 0
    assert lines == ["Local/500@default Playback"]


def test_the_first_screen_has_the_package_the_example_and_the_set_up_commands() -> None:
    first = README.partition("\n## ")[0]
    kinds = [
        language
        for language, _ in re.findall(r"^```(\w+)\n(.*?)^```$", first, re.DOTALL | re.MULTILINE)
    ]
    assert kinds == ["sh", "python", "sh", "sh"]
    assert "pip install django-ami\n" in first
    assert len(first.splitlines()) <= 50


@pytest.mark.slow
def test_without_django(project: Path) -> None:
    with Simulator() as server:
        assert run(project, server, "alone.py", server.url) == "0 channels\n"


def test_the_supervisor_snippet_and_the_exit_codes_agree_with_the_worker() -> None:
    (text,) = (text for language, text in BLOCKS if language == "ini")
    parser = configparser.ConfigParser()
    parser.read_string(text)
    program = parser["program:ami_listen_node_1"]
    assert program["stopsignal"] == "TERM"
    assert program["command"].startswith(
        f"{program['directory']}/"
    )  # supervisor starts it there, and not at home
    assert program.getint("stopwaitsecs") > 10
    assert program["exitcodes"] == f"0,{Exit.CONFIGURATION},{Exit.REFUSED}"
    assert (
        f"Exit codes: 0 stopped, {Exit.CONFIGURATION} configuration, {Exit.REFUSED} "
        f"authentication refused, {Exit.INCOMPLETE} not all that was read" in README
    )


def test_there_are_exactly_two_set_up_commands_and_they_name_what_exists() -> None:
    commands = [
        line
        for language, text in BLOCKS
        if language == "sh"
        for line in text.splitlines()
        if "venv" in line
    ]
    assert len(commands) == 2
    assert commands[0].endswith("manage.py demo")
    assert commands[1].endswith("-m pytest -n auto")
    assert (ROOT / "demo_project/calls/management/commands/demo.py").exists()


def test_every_file_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
