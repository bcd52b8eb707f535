"""The page of health is true: its JSON, its commands and its probes are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.urls import resolve

from django_ami.operations.health import Health, ServerHealth

PAGE = (Path(__file__).parent.parent.parent / "docs" / "health.md").read_text()
COMMANDS = re.findall(
    r"(?:^|\")(?:python|manage\.py)[\" ,]+.*ami_health\b[^#\n]*", PAGE, re.MULTILINE
)


def test_answer_is_as_shown() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    server = ServerHealth("node_1", ok=True, role="active", state="ready", age=2.09, standbys=1)
    assert json.loads(shown) == Health(ok=True, servers=(server,)).as_dict()


def test_commands_are_understood() -> None:
    command = load_command_class("django_ami.operations", "ami_health")
    parser = command.create_parser("manage.py", "ami_health")
    assert len(COMMANDS) >= 7
    for line in COMMANDS:
        words = re.findall(r"[^\s\",\[\]{}]+", line.partition("ami_health")[2])
        parser.parse_args(words)
    for option in ("--server", "--live", "--timeout", "--json"):
        assert f"`{option}`" in PAGE or f" {option}" in PAGE


@pytest.mark.parametrize("url", sorted(set(re.findall(r"/ami/health/\w+", PAGE))))
def test_urls_are_there(url: str) -> None:
    assert resolve(url, urlconf="tests.operations.urls").app_name == "ami_operations"
