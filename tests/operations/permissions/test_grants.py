"""The setting AMI_PERMISSIONS: one line names the fault and the cure, and a check has it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from django_ami.core.errors import ConfigurationError
from django_ami.operations import checks
from django_ami.operations.permissions.grants import load


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"group": {}}, "unknown key 'group'; did you mean 'groups'"),
        ({"groups": []}, "groups must be a mapping"),
        ({"superusers": 1}, "superusers must be True or False"),
        ({"users": {"": {}}}, "users must be made of names"),
        ({"everybody": ["Ping"]}, "everybody must be a mapping"),
        ({"everybody": {"action": []}}, "in everybody: 'action'; did you mean 'actions'"),
        ({"everybody": {"actions": "Ping"}}, "a list of names"),
        ({"everybody": {"actions": ["Pong"]}}, "no action 'Pong'; did you mean 'Ping'"),
        ({"everybody": {"actions": {"Command": {"Comand": "x"}}}}, "did you mean 'Command'"),
        ({"everybody": {"actions": {"Command": {"Command": "("}}}}, "no regular expression"),
        ({"everybody": {"actions": {"Command": "x"}}}, "Command must be a mapping"),
        ({"everybody": {"classes": ["report"]}}, "did you mean 'reporting'"),
        ({"everybody": {"contexts": "x"}}, "a list of names"),
        ({"everybody": {"numbers": 1}}, "a regular expression"),
        ({"everybody": {"devices": "["}}, "no regular expression"),
        ({"everybody": {"calls_per_minute": -1}}, "a whole number from 0 to 1000"),
        ({"everybody": {"calls_per_minute": True}}, "a whole number from 0 to 1000"),
    ],
)  # fmt: skip
def test_fault_of_the_setting_is_told_in_a_line_with_the_cure(
    settings: Any, given: Any, text: str
) -> None:
    settings.AMI_PERMISSIONS = given
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert text in str(caught.value)
    assert "AMI_PERMISSIONS" in str(caught.value)
    (found,) = [one for one in run_checks(tags=["ami"]) if one.id == "ami_operations.E002"]
    assert found.msg == str(caught.value)


def found(kind: str) -> list[str]:
    return [one.msg for one in run_checks(tags=["ami"]) if one.id == f"ami_operations.{kind}"]


def test_pattern_that_allows_everything_is_warned_of(settings: Any) -> None:
    settings.AMI_PERMISSIONS = {
        "everybody": {"actions": {"Command": {"Command": ".*"}}},
        "groups": {"a": {"numbers": ".+"}, "b": {"numbers": "[0-9]+"}},
    }
    told = found("W002")
    assert len(told) == 2
    assert any("command of command" in one for one in told)
    assert any("groups['a']" in one for one in told)


def test_setting_without_users_is_warned_of(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AMI_PERMISSIONS = {}
    assert not found("W001")
    monkeypatch.setattr(checks.apps, "is_installed", lambda name: False)
    assert [one.id for one in checks.check_users()] == ["ami_operations.W001"]
    del settings.AMI_PERMISSIONS
    assert not checks.check_users()
