"""docs/calls.md is true: its Python runs, its tables have what the code has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from django_ami.live.options import Options
from django_ami.live.snapshots import Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "calls.md").read_text()


def words(section: str) -> set[str]:
    """The words in code of the first column of a table, and of the sentence behind it."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    behind = re.findall(r"A leg may also be [^.]*\.", text)
    return set(re.findall(r"`(\w+)`", "\n".join([rows, *behind])))


def test_the_examples_run() -> None:
    namespace: dict[str, Any] = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "calls.md", "exec"), namespace)


def test_every_outcome_is_there() -> None:
    assert words("Outcomes") == {str(outcome) for outcome in Outcome}


def test_the_options_of_calls_are_there_with_their_defaults() -> None:
    known = {field.name: field for field in dataclasses.fields(Options)}
    told = words("Options")
    assert told == {"trunks", "trunk_contexts", "variables", "kept_seconds"}
    assert told <= set(known)
    assert known["kept_seconds"].default == 60
