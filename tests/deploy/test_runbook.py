"""docs/runbook.md is complete: all warnings and errors of the source, all alerts and exit codes."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
import yaml

from django_ami.contrib.supervisor import Watch
from django_ami.tools.exits import Exit
from tests.deploy.supervisord import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"

#: Lines whose words come from elsewhere, and their entries in the runbook.
COMPOSED = {
    ("core/cluster/announcements.py", "…"): ("Authentication failed for user …",),
    ("core/cluster/announcements.py", "…: …"): (
        "…: ready",
        "…: connection lost: … Trying again in … s.",
        "…: not connected: …",
    ),
    ("contrib/supervisor.py", "…"): ("is FATAL: it ended too soon",),
    ("live/feed/publisher.py", "…"): ("…: the live picture is not published: …",),
}
#: A simulated server is for tests and demos, and has no operator.
LEFT_OUT = ("simulator/", "testing/")

LEVELS = {"warning", "error", "exception", "critical", "log"}


def text_of(node: ast.expr) -> str:
    """The words of a message, with … for what differs."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[-0-9.]*[a-zA-Z]", "…", text)
        case ast.JoinedStr(values=values):
            return "".join(map(text_of, values))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
    return "…"


@cache
def lines_of_the_source() -> list[tuple[str, str]]:
    """The module and the message of each call of a logger that is worth an operator's look."""
    return list(_lines())


def _lines() -> Iterator[tuple[str, str]]:
    package = ROOT / "django_ami"
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).as_posix()
        text = path.read_text()
        if module.startswith(LEFT_OUT) or "logger." not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger"), attr=attr), args=[*args]
                ) if attr in LEVELS:
                    yield module, text_of(args[1 if attr == "log" else 0])


#: The code in the first column of each table below "Log lines".
ENTRIES = [
    entry
    for row in re.findall(
        r"(?m)^\| (`.*?) \| (?:warning|error) \|", RUNBOOK.partition("## Log lines")[2]
    )
    for entry in re.findall(r"`([^`]+)`", row)
]


def is_in(entry: str, line: str) -> bool:
    """Whether an entry is the beginning of a line, or a part of one that begins with a value."""
    parts = [re.escape(part) for part in entry.split("…")]
    return re.search(".*?".join(parts).strip(), line) is not None


def test_line_of_the_source_is_in_the_runbook() -> None:
    lines = lines_of_the_source()
    assert len(lines) > 50
    missing = [
        f"{module}: {line}"
        for module, line in lines
        if not any(is_in(entry, line) for entry in ENTRIES)
        and not all(f"`{entry}`" in RUNBOOK for entry in COMPOSED.get((module, line), ("no",)))
    ]
    assert missing == []


def test_entry_of_the_runbook_is_a_line_of_the_source() -> None:
    lines = [line for _, line in lines_of_the_source()]
    composed = {entry for entries in COMPOSED.values() for entry in entries}
    assert len(ENTRIES) > 50
    assert [entry for entry in ENTRIES if len(re.sub("[…: .]", "", entry)) < 5] == []
    stale = [
        entry
        for entry in ENTRIES
        if entry not in composed and not any(is_in(entry, line) for line in lines)
    ]
    assert stale == []


def test_exit_codes_are_all_there() -> None:
    section = RUNBOOK.partition("## Exit codes")[2].partition("\n## ")[0]
    codes = {
        int(code) for row in re.findall(r"(?m)^\| ([\d, ]+) \|", section) for code in row.split(",")
    }
    assert {*map(int, Exit), 1} <= codes


@pytest.mark.parametrize(
    ("event", "expected", "times"),
    [
        ("PROCESS_STATE_FATAL", "0", 1),
        ("PROCESS_STATE_EXITED", "1", 1),
        ("PROCESS_STATE_EXITED", "0", 5),
    ],
)
def test_alerts_of_supervisor_are_all_there(event: str, expected: str, times: int) -> None:
    section = RUNBOOK.partition("### Alerts of supervisor")[2].partition("\n### ")[0]
    facts = {"groupname": "ami", "processname": "node_1", "expected": expected}
    watch = Watch("ami", "here")
    alert = [watch.alert(event, facts, float(number)) for number in range(times)][-1]
    assert alert is not None
    entries = re.findall(r"(?m)^\| `([^`]+)`", section)
    assert sum(is_in(entry, alert) for entry in entries) == 1


def test_alerts_of_prometheus_are_all_there() -> None:
    rules = yaml.safe_load(ALERTS.read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    headings = set(re.findall(r"(?m)^### (Ami\w+)$", RUNBOOK))
    assert headings == alerts
