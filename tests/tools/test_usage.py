"""The actions of a project's source: those that are found, and those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps

from django_ami.tools.usage import scan_project, scan_source


def found(source: str) -> dict[str, list[str]]:
    return scan_source(source, "x.py").places


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from django_ami.actions import Originate\nOriginate(channel='x')", ["Originate"]),
        (
            (
                "from django_ami.actions import Originate as Call\ndef f():\n    return "
                "Call(channel='x')"
            ),
            ["Originate"],
        ),
        (
            "from django_ami.core.actions import GetVar, SetVar\nGetVar('x'); SetVar('x', 1)",
            ["Getvar", "Setvar"],
        ),
        ("from django_ami import actions\nactions.Hangup('x')", ["Hangup"]),
        (
            "from django_ami import actions as a, ami\nami.send(a.QueuePause('x', paused=True))",
            ["QueuePause"],
        ),
        ("import django_ami.actions\ndjango_ami.actions.Ping()", ["Ping"]),
        ("import django_ami.actions as doing\ndoing.Ping()", ["Ping"]),
        (
            "from django_ami.actions import Action\nAction('queuesummary', Queue='x')",
            ["QueueSummary"],
        ),
        ("from django_ami import actions\nactions.Action('DongleSendSMS')", ["DongleSendSMS"]),
        ("ami.originate(to='x', application='Wait')", ["Originate", "Status", "Hangup"]),
        ("pbx.originate(work)\noriginate(to='x')", []),
        ("from django_ami.actions import Originate", []),
        ("from django_ami.actions import Action\nAction(name)", []),
        ("from django_ami.actions import Action\nAction(f'Queue{x}')", []),
        ("from somewhere.actions import Originate\nOriginate()", []),
        ("class Hangup: ...\nHangup()", []),
        ("def Originate(): ...\nself.Originate()", []),
        ("this is no Python", []),
        ("\0", []),
        ("(" * 100_000, []),
        ("-" * 100_000 + "1", []),
        ("x = " + "9" * 5000, []),
    ],
)
def test_scan_finds_actions_that_are_spelled_out(source: str, names: list[str]) -> None:
    assert list(found(source)) == names


def test_where() -> None:
    source = "from django_ami.actions import Ping\n\nPing()\nif x:\n    Ping()\n"
    assert found(source) == {"Ping": ["x.py:3", "x.py:5"]}


@pytest.mark.parametrize(
    ("call", "waits"),
    [
        ("Originate(channel='x')", False),
        ("Originate(channel='x', wait=False)", False),
        ("Originate(channel='x', wait=True)", True),
        ("Originate(channel='x', wait=wanted)", True),
        ("Hangup('x', wait=True)", False),
    ],
)
def test_wait_for_the_outcome_of_a_call(call: str, waits: bool) -> None:
    assert (
        scan_source(f"from django_ami.actions import Hangup, Originate\n{call}", "x.py").outcomes
        is waits
    )


def test_the_project_itself() -> None:
    usage = scan_project()
    assert {"Originate", "Ping", "QueueStatus"} <= set(usage.places)
    assert usage.outcomes
    (path, line) = usage.places["Ping"][0].rsplit(":", 1)
    text = Path(path).read_text().splitlines()[int(line) - 1]
    assert "Ping(" in text


def test_neither_tests_nor_installed_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from django_ami.actions import Hangup, Ping, Park\n"
    for name, call in (
        ("app/views.py", "Ping()"),
        ("app/inner/tasks.py", "Park('x')"),
        ("app/tests/test_views.py", "Hangup('x')"),
        ("app/test_more.py", "Hangup('x')"),
        ("app/tests.py", "Hangup('x')"),
        ("app/migrations/0001.py", "Hangup('x')"),
        ("site-packages/other/views.py", "Hangup('x')"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source + call)

    class Config:
        def __init__(self, name: str, path: Path) -> None:
            self.name, self.path = name, str(path)

    ours, theirs = (
        Config("app", tmp_path / "app"),
        Config("other", tmp_path / "site-packages/other"),
    )
    monkeypatch.setattr(apps, "get_app_configs", lambda: [ours, theirs])
    monkeypatch.chdir(tmp_path)
    assert scan_project().places == {"Park": ["app/inner/tasks.py:2"], "Ping": ["app/views.py:2"]}


def test_a_call_that_is_followed_wants_its_outcome() -> None:
    assert scan_source("ami.server('x').originate(to='PJSIP/1')", "x.py").outcomes
    assert not scan_source("ami.originate(number)", "x.py").outcomes
