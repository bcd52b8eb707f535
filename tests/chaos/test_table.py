"""The table of README.md: its commands run as they are printed, and each selects a test."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.running import PYTHON, ROOT, environment

TABLE = (
    Path(__file__)
    .with_name("README.md")
    .read_text()
    .partition("## Hostile and broken neighbours")[2]
)
COLUMN = re.findall(r"^\|.*\|(.*)\|$", TABLE, re.MULTILINE)
COMMANDS = sorted({command for cell in COLUMN for command in re.findall("`(.+?)`", cell)})


@pytest.mark.long
def test_each_command_selects_a_test() -> None:
    tests = [
        shlex.split(command.partition("python -m pytest ")[2])
        for command in COMMANDS
        if "pytest" in command
    ]
    files = sorted({word for words in tests for word in words if word.startswith("tests/")})
    collect = [*PYTHON, "-m", "pytest", "-q", "-n0", "--collect-only", *files]
    done = subprocess.run(
        collect, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    names = [line.partition("::") for line in done.stdout.splitlines() if "::" in line]
    for words in tests:
        wanted = words[words.index("-k") + 1] if "-k" in words else ""
        of_file = [name.lower() for file, _, name in names if file in words]
        assert any(_is_selected(name, wanted) for name in of_file), words


def _is_selected(name: str, wanted: str) -> bool:
    """Whether ``-k`` would select a name; knows no ``not`` and no brackets."""
    return not wanted or any(
        all(word in name for word in some.split(" and ")) for some in wanted.lower().split(" or ")
    )


def test_the_others_run_the_fuzzer() -> None:
    others = [command for command in COMMANDS if "pytest" not in command]
    assert others
    assert all(
        re.fullmatch(r"python -m tests\.fuzz --seconds \d+ --target \w+", command)
        for command in others
    )
