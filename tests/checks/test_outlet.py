"""``AMI_FORWARD`` and the outlet that it names: wrong options, and outlets that run nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import lines, messages

GOOD = {
    "redis": {"OUTLET": "redis", "URL": "redis://pbx", "SPOOL": None},
    "celery": {"OUTLET": "celery", "SPOOL": None, "OPTIONS": {"APP": "site"}},
    "tasks": {"OUTLET": "tasks", "SPOOL": None},
    "tests.forwarding.sink.SinkOutlet": {
        "OUTLET": "tests.forwarding.sink.SinkOutlet",
        "SPOOL": None,
    },
}


@pytest.mark.parametrize("outlet", ["redis", "celery", "tests.forwarding.sink.SinkOutlet"])
def test_outlet_whose_options_are_right_is_not_spoken_of(settings: Any, outlet: str) -> None:
    settings.AMI_FORWARD = GOOD[outlet]
    assert messages() == []


@pytest.mark.parametrize(
    ("outlet", "key", "near"),
    [
        ("redis", "REPLICSA", "did you mean 'replicas'?"),
        ("celery", "ATEMPTS", "did you mean 'ATTEMPTS'?"),
        ("tasks", "BACKND", "did you mean 'BACKEND'?"),
    ],
)
def test_option_that_no_outlet_has_is_an_error_with_the_nearest(
    settings: Any, outlet: str, key: str, near: str
) -> None:
    settings.AMI_FORWARD = {**GOOD[outlet], "OPTIONS": {key: 1}}
    (line,) = lines("E002")
    assert repr(key) in line
    assert line.endswith(near)


def test_option_with_a_wrong_value_is_an_error(settings: Any) -> None:
    settings.AMI_FORWARD = {**GOOD["redis"], "OPTIONS": {"ATTEMPTS": 0}}
    (line,) = lines("E001")
    assert "attempts" in line.lower()


def test_task_backend_that_is_not_there_is_an_error(settings: Any) -> None:
    settings.AMI_FORWARD = {**GOOD["tasks"], "OPTIONS": {"BACKEND": "far"}}
    (line,) = lines("E001")
    assert line.startswith("the setting TASKS: no backend 'far' (")


def test_task_backend_that_runs_in_no_other_process_is_warned_of(settings: Any) -> None:
    settings.AMI_FORWARD = GOOD["tasks"]  # without TASKS the framework takes its ImmediateBackend
    (message,) = messages()
    assert message.id == "django_ami.W011"
    assert "is ImmediateBackend, whose tasks run in no other process" in message.msg


def test_outlet_that_cannot_be_imported_is_warned_of(settings: Any) -> None:
    settings.AMI_FORWARD = {**GOOD["redis"], "OUTLET": "tests.nowhere.Outlet"}
    (message,) = messages()
    assert message.id == "django_ami.W011"
    assert "tests.nowhere" in message.msg
