"""Entries of processes that end, fork, or are commands: real ones, on a database of their own."""

from __future__ import annotations

import json
import os
import pwd
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.support import SETTINGS, sqlite
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from pathlib import Path

    from django_ami.testing import FakeAsterisk

pytestmark = pytest.mark.slow

APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_ami",
    "django_ami.operations",
]
#: The beginning of every program here.
BEGIN = """
import multiprocessing, os, sys
import django
django.setup()
from django.contrib.auth.models import User
from django_ami import ami
from django_ami.actions import Ping
root = User.objects.get_or_create(username="root", is_superuser=True)[0]
"""
ENDS_AT_ONCE = "ami.as_user(root, view='script').send(Ping()).result(10)"
ENDS_BEFORE_THE_ANSWER = """
pending = ami.as_user(root).send(Ping())
while not pending.sent:
    pass
"""
FORKS = """
ami.as_user(root, view="parent").send(Ping()).result(10)
def work():
    ami.as_user(root, view="child").send(Ping()).result(10)
children = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
for child in children:
    child.start()
for child in children:
    child.join(30)
    assert child.exitcode == 0
"""
SHOWS = """
import json
from django_ami.operations.models import ActionLog
print(json.dumps(list(ActionLog.objects.order_by("id").values()), default=str))
"""


class Scripts:
    """Programs with the settings of a site."""

    def __init__(self, folder: Path, server: FakeAsterisk) -> None:
        self._env = {
            "AMI_TEST_DATABASE": json.dumps(sqlite(folder)),
            "AMI_TEST_SETTINGS": json.dumps({"INSTALLED_APPS": APPS}),
            "AMI_NODE1_URL": server.url,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
        }
        self.run("-m", "django", "migrate", "--verbosity=0")

    def run(self, *arguments: str) -> list[str]:
        with Program([*PYTHON, *arguments], **self._env) as program:
            assert program.wait() == 0, str(program)
            return program.out

    def script(self, text: str) -> None:
        self.run("-c", BEGIN + text)

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("-c", BEGIN + SHOWS)[-1])
        return found


@pytest.fixture
def scripts(tmp_path: Path, sim: FakeAsterisk) -> Scripts:
    return Scripts(tmp_path, sim)


def test_row_is_there_after_a_process_that_ends_at_once(scripts: Scripts) -> None:
    scripts.script(ENDS_AT_ONCE)
    (row,) = scripts.rows
    assert (row["who"], row["via"], row["outcome"]) == ("root", "script", "success")


def test_row_is_there_after_a_process_that_ends_before_the_answer(
    scripts: Scripts, sim: FakeAsterisk
) -> None:
    sim.on("Ping").hang()
    scripts.script(ENDS_BEFORE_THE_ANSWER)
    (row,) = scripts.rows
    assert (row["outcome"], row["sent"]) in {("lost", True), ("unknown", True)}


def test_each_child_that_is_forked_writes_its_own_rows(scripts: Scripts) -> None:
    scripts.script(FORKS)
    rows = scripts.rows
    assert sorted(row["via"] for row in rows) == ["child", "child", "parent"]
    assert len({row["pid"] for row in rows}) == 3


def test_command_records_the_user_of_the_system(scripts: Scripts) -> None:
    scripts.run("-m", "django", "ami_send", "Ping")
    (row,) = scripts.rows
    name = pwd.getpwuid(os.getuid()).pw_name
    assert (row["kind"], row["via"], row["action"]) == ("system", "ami_send", "Ping")
    assert row["who"].startswith(name)
    assert row["outcome"] == "success"


def test_old_rows_are_deleted_by_a_command(scripts: Scripts) -> None:
    scripts.script(ENDS_AT_ONCE)
    scripts.script(
        "from datetime import timedelta\n"
        "from django.utils import timezone\n"
        "from django_ami.operations.models import ActionLog\n"
        "ActionLog.objects.update(at=timezone.now() - timedelta(days=3))\n" + ENDS_AT_ONCE
    )
    prune = ("-m", "django", "ami_prune_actions", "--older-than=2d")
    assert scripts.run(*prune, "--dry-run") == ["1 entry would be deleted."]
    assert json.loads(scripts.run(*prune, "--json")[-1]) == {"entries": 1, "deleted": True}
    assert len(scripts.rows) == 1
