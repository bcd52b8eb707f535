"""The page of leases is true: its Python, its table of options, and the lines of the log."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from django_ami.operations.checks import ALWAYS
from django_ami.operations.conf import OperationsOptions

PAGE = (Path(__file__).parent.parent.parent / "docs" / "operations.md").read_text()
RIGHTS = (Path(__file__).parent.parent.parent / "docs" / "rights.md").read_text()
PACKAGE = Path(__file__).parent.parent.parent / "django_ami" / "operations"


@pytest.mark.django_db
def test_snippets_run() -> None:
    namespace: dict[str, Any] = {"__name__": "operations"}
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(snippets) > 1
    for snippet in snippets:
        exec(compile(snippet, "operations.md", "exec"), namespace)


def test_every_option_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", PAGE, re.MULTILINE))
    for option in fields(OperationsOptions):
        default = option.default
        if option.name in {"lease_margin", "renew_interval"}:
            assert default == OperationsOptions().lease_timeout / 3
            wanted = "a third of it"
        elif isinstance(default, str):
            wanted = f'"{default}"'
        else:
            wanted = f"{default:g}" if isinstance(default, float) else str(default)
        assert rows[option.name] == wanted, option.name


def test_every_check_is_documented() -> None:
    ids = {re.findall(r"ami_operations\.\w+", check.__doc__ or "")[0] for check in ALWAYS}
    pages = PAGE + RIGHTS
    assert set(re.findall(r"`(ami_operations\.[EW]\d+)`", pages)) == ids


def test_every_line_of_the_log_that_the_page_names_is_said_somewhere() -> None:
    section = PAGE.partition("## What the log says")[2].partition("## ")[0]
    code = "".join(path.read_text() for path in PACKAGE.glob("*.py"))
    said = re.sub(r"\s+", " ", re.sub(r'"\s+"', "", code))
    lines = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(lines) == 9
    for line in lines:
        for part in re.split(r"…|\(…\)", line):
            assert part.strip(" (),;") in said, part
