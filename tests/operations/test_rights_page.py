"""The page of rights is true: its example, its tables, and its checks."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from django.test import RequestFactory

from django_ami.operations.checks import ALWAYS
from django_ami.operations.models import ActionLog, RecentCalls
from django_ami.operations.permissions.grants import Grant, Permissions
from django_ami.operations.permissions.risks import DANGERS
from django_ami.testing import FakeAsterisk
from tests.running import ROOT

PAGE = (ROOT / "docs" / "rights.md").read_text()


def test_example_runs(server: FakeAsterisk, settings: Any) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    namespace: dict[str, Any] = {"__name__": "rights"}
    assert len(snippets) == 4
    for snippet in snippets:
        exec(compile(snippet, "rights.md", "exec"), namespace)
        settings.AMI_PERMISSIONS = namespace["AMI_PERMISSIONS"]
    ask_view_of_the_page(namespace)


def ask_view_of_the_page(namespace: dict[str, Any]) -> None:
    """It answers with the refusals, and 429 says when to come again: ann has placed five calls."""
    request = RequestFactory().post("/")
    request.user = namespace["sue"]
    answer = namespace["dial"](request, "102")
    assert answer.status_code == 403
    assert b"sue may not send this Originate" in answer.content
    request.user = namespace["ann"]
    answer = namespace["dial"](request, "102")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    RecentCalls.objects.all().delete()
    answer = namespace["dial"](request, "102")
    assert answer.status_code == 201
    namespace["ami"].close()
    namespace["close"]()


@pytest.mark.parametrize("kind", [Grant, Permissions])
def test_every_key_is_documented(kind: type) -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {field.name for field in fields(kind)} <= rows


def test_every_column_and_outcome_is_documented() -> None:
    section = PAGE.partition("## The action log")[2]
    words = set(re.findall(r"`(\w+)`", section))
    assert {one.name for one in ActionLog._meta.fields} - {"id"} <= words
    assert set(ActionLog.Outcome.values) <= words


def test_dangerous_actions_of_the_page_are_dangerous() -> None:
    section = PAGE.partition("## Dangerous actions")[2].partition("\n## ")[0]
    named = [
        name
        for cell in re.findall(r"^\| ([A-Z][^|]*) \|", section, re.MULTILINE)
        for name in re.findall(r"[A-Za-z]+", cell)
    ]
    assert len(named) > 30
    assert not [name for name in named if name.lower() not in DANGERS]


def test_every_check_is_documented() -> None:
    ids = {re.findall(r"ami_operations\.\w+", check.__doc__ or "")[0] for check in ALWAYS}
    assert set(re.findall(r"`(ami_operations\.[EW]\d+)`", PAGE)) == ids - {"ami_operations.E001"}
