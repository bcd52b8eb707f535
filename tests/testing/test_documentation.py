"""The tests in docs/testing.md are tests: they pass in a project."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from django_ami.simulator import Rule
from django_ami.testing import FakeAsterisk, events, locmem, scenarios
from tests.running import ROOT, environment

pytest_plugins = ["pytester"]

PAGE = (ROOT / "docs" / "testing.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_tests_of_the_page_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_documented="\n".join(SNIPPETS))
    command = [
        "env",
        *(
            f"{key}={value}"
            for key, value in environment(DJANGO_SETTINGS_MODULE="tests.settings").items()
        ),
    ]
    arguments = [
        "-m",
        "pytest",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "--ds=tests.settings",
    ]
    result = pytester.run(*command, sys.executable, "-W", "error", *arguments, timeout=100)
    skipped = sum(snippet.count("@skipUnless") for snippet in SNIPPETS)
    result.assert_outcomes(
        passed=sum(snippet.count("def test_") for snippet in SNIPPETS) - skipped, skipped=skipped
    )


@pytest.mark.parametrize("tool", ["ami_record", "ami_replay"])
def test_every_option_of_a_tool_is_documented(tool: str) -> None:
    parser = load_command_class("django_ami", tool).create_parser("manage.py", tool)
    of_all = BaseCommand().create_parser("manage.py", tool)
    known = {option for action in of_all._actions for option in action.option_strings}
    for option in (option for action in parser._actions for option in action.option_strings):
        assert option in known or option in PAGE, option


def test_page_names_only_methods_that_exist() -> None:
    for name in re.findall(r"`\.(\w+)\(", PAGE):
        assert hasattr(Rule, name), name
    for name in re.findall(
        r"`(\w+)\((?:[^`]*)\)`", PAGE.partition("| it can be made to |")[2].partition("\n\n")[0]
    ):
        assert hasattr(FakeAsterisk, name) or hasattr(Rule, name), name
    for name in scenarios.__all__:
        assert f"`{name}`" in PAGE
    for name in re.findall(r"events\.(\w+)\(", PAGE):
        assert hasattr(events, name), name
    assert f"{locmem.outbox._content.sent.maxlen:,}" in PAGE
    assert Path(ROOT / "docs" / "testing.md").exists()
