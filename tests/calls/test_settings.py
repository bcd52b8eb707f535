"""The setting AMI_CALLS, and the checks."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import modify_settings, override_settings

from django_ami.calls.conf import CallsOptions, load
from django_ami.core.errors import ConfigurationError


def messages() -> list[tuple[str | None, str]]:
    return [
        (one.id, one.msg) for one in run_checks(tags=["ami"]) if str(one.id).startswith("ami_calls")
    ]


def test_settings_have_defaults() -> None:
    assert load() == CallsOptions()
    assert messages() == []


def test_options_are_read() -> None:
    given = {
        "mask": "builtins.str",
        "buffer_calls": 5,
        "flush_seconds": 1,
    }
    with override_settings(AMI_CALLS=given):
        options = load()
        assert messages() == []
    assert (options.mask, options.buffer_calls, options.flush_seconds) == (str, 5, 1.0)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"masks": None}, "unknown option 'masks'; did you mean 'mask'?"),
        ({"mask": "no.where"}, "option 'mask' names 'no.where', which cannot be imported"),
        ({"mask": 7}, "option 'mask' must be a function, or the dotted path of one, not 7."),
        ({"buffer_calls": 0}, "option 'buffer_calls' must be a whole number from 1 on, not 0."),
        ({"batch_calls": True}, "option 'batch_calls' must be a whole number from 1 on, not True."),
        ({"flush_seconds": -1}, "option 'flush_seconds' must be a number of seconds from 0 on"),
        ({"close_seconds": "5"}, "option 'close_seconds' must be a number of seconds, not '5'."),
        ({"close_seconds": float("inf")}, "option 'close_seconds' must be a number of seconds"),
        ({"close_seconds": 10**400}, "option 'close_seconds' must be a number of seconds"),
        ([1], "the setting AMI_CALLS must be a mapping, not list."),
    ],
)
def test_invalid_setting_is_refused_on_load_and_reported_by_the_check(
    given: Any, wrong: str
) -> None:
    with override_settings(AMI_CALLS=given):
        with pytest.raises(ConfigurationError) as raised:
            load()
        assert wrong in str(raised.value)
        ((number, told),) = messages()
        assert (number, wrong in told) == ("ami_calls.E001", True)


@modify_settings(INSTALLED_APPS={"remove": "django_ami"})
def test_a_history_that_nothing_writes_is_told() -> None:
    ((number, told),) = messages()
    assert number == "ami_calls.W001"
    assert "no listener writes its calls" in told
