"""docs/history.md is true: its Python runs, its tables agree with the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_ami.calls import checks
from django_ami.calls.conf import CallsOptions, load
from django_ami.calls.management.commands.ami_prune_calls import Command
from django_ami.calls.models import PARTS, Call, MergedCall, Origination
from django_ami.calls.reports import QueueVisitQuerySet
from django_ami.testing.override import override_ami

PAGE = (Path(__file__).parents[2] / "docs" / "history.md").read_text()


@pytest.mark.django_db(transaction=True)
def test_snippets_of_the_page_run() -> None:
    namespace: dict[str, Any] = {"__name__": "history"}
    with override_ami("node_1"):
        run_snippets(namespace)
    assert Call.objects.count() == 1
    assert namespace["level"] == 1.0
    with override_settings(AMI_CALLS=namespace["AMI_CALLS"]):
        assert load().buffer_calls == 60_000


def run_snippets(namespace: dict[str, Any]) -> None:
    for snippet in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(snippet, "history.md", "exec"), namespace)


def test_every_option_has_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", PAGE, re.MULTILINE))
    for option in fields(CallsOptions):
        default = option.default
        assert rows[option.name] == (str(default) if default is None else f"{default:.10g}"), (
            option.name
        )


def test_every_model_and_every_check_has_a_row() -> None:
    for model in (Call, MergedCall, Origination, *PARTS):
        assert f"| `{model.__name__}` |" in PAGE
    ids = {
        found
        for check in checks.ALWAYS
        for found in re.findall(r"ami_calls\.\w+", check.__doc__ or "")
    }
    assert ids == set(re.findall(r"^\| `(ami_calls\.\w+)` \|", PAGE, re.MULTILINE))


def test_every_state_of_a_stored_call_has_a_row() -> None:
    for state in Origination.State:
        assert f"| `{state.value}` |" in PAGE


def test_every_figure_and_every_option_of_the_command_is_named() -> None:
    for name in vars(QueueVisitQuerySet):
        assert name.startswith("_") or name == "of_day" or f"`{name}`" in PAGE, name
    parser = Command().create_parser("manage.py", "ami_prune_calls")
    for option in ("--older-than", "--server", "--chunk", "--dry-run", "--json"):
        assert any(option in action.option_strings for action in parser._actions)
        assert option in PAGE
    for code in Command.exits:
        assert f" {code:d} " in PAGE
