"""A user's code under a type checker.

Everything is typed, no Any leaks, and a mistake is found where it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.running import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
from django_ami import actions
from django_ami.actions import Action, MuteAudio, Originate, PJSIPNotify, QueueReset, UpdateConfig
from django_ami.core.actions import Agents, FAXStats
from django_ami.core.catalog import ACTIONS, EVENTS, EventInfo, action, event

pending: list[Action] = [QueueReset(queue="x"), actions.QueueReset(), Agents(), FAXStats()]
pending.append(Originate(channel="a"))
pending.append(MuteAudio(channel="a", direction="in", state=True))
pending.append(PJSIPNotify(endpoint="a", variables={"Event": "x", "Number": 1}))
pending.append(PJSIPNotify(endpoint="a", variables=[("Content", "x"), ("Content", "y")]))
pending.append(
    UpdateConfig("a.conf", changes=[{"Action": "Append", "Cat": "a", "Var": "b", "Value": 1}])
)

hangup: EventInfo | None = event("Hangup")
names: list[str] = [parameter.name for parameter in EVENTS["Hangup"].parameters]
reset = action("QueueReset")
classes: tuple[str, ...] = reset.privileges if reset is not None else ACTIONS["Ping"].privileges
"""

BAD = """
from django_ami.actions import NoSuchAction  # attr-defined
from django_ami.core.actions import NoSuchAction as Other  # attr-defined
from django_ami import actions
from django_ami.actions import MuteAudio, QueueReset, UpdateConfig, VoicemailUserStatus

actions.QueueResett  # attr-defined
QueueReset(queu="x")  # call-arg
QueueReset("x")  # call-arg
QueueReset(queue=5)  # arg-type
VoicemailUserStatus(context="a")  # call-arg
MuteAudio(channel="a", direction="in", state=["on"])  # arg-type
UpdateConfig("a.conf", changes=[{"Action": "Appendix", "Cat": "a"}])  # typeddict-item
UpdateConfig("a.conf", changes=[{"Action": "Append"}])  # typeddict-item
"""


@pytest.mark.long
def test_a_users_code_is_checked(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--disallow-any-expr"]
    done = subprocess.run(
        [*command, f"--cache-dir={tmp_path / 'cache'}", "good.py", "bad.py"],
        cwd=tmp_path,
        env=environment(MYPYPATH=ROOT),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    errors = re.finditer(r"^(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    found = [error.groups() for error in errors]
    expected = [
        ("bad.py", str(number), line.partition("  # ")[2])
        for number, line in enumerate(BAD.splitlines(), 1)
        if "  # " in line
    ]
    assert found == expected, done.stdout + done.stderr
