"""The setting AMI_OPERATIONS: one line names what is wrong with it, and the cure."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_ami.core.errors import ConfigurationError
from django_ami.operations.conf import OperationsOptions, options_of


def test_defaults_are_those_of_the_documentation() -> None:
    options = OperationsOptions()
    assert (options.lease_timeout, options.standby_interval, options.standby_login) == (
        10.0,
        0.5,
        True,
    )


def test_margin_and_renewal_follow_the_timeout_unless_they_are_given() -> None:
    options = options_of({"lease_timeout": 6})
    assert (options.lease_margin, options.renew_interval) == (2.0, 2.0)
    assert options_of({"lease_timeout": 6, "lease_margin": 1}).lease_margin == 1.0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"lease_timeuot": 1}, "unknown option 'lease_timeuot'"),
        ({"lease_timeout": 0.1}, "a number of seconds from 0.5 to 3600, not 0.1"),
        ({"lease_timeout": True}, "a number of seconds"),
        ({"lease_timeout": float("nan")}, "a number of seconds"),
        ({"lease_timeout": 10**400}, "a number of seconds from 0.5 to 3600"),
        ({"renew_interval": "1"}, "a number of seconds"),
        ({"standby_login": 1}, "True or False"),
        ({"database": "nowhere"}, "a name of DATABASES"),
        ({"heartbeat_file": "beat.json"}, "an absolute path, or empty for no file"),
        ({"lease_margin": 8, "renew_interval": 3}, "8 s are not less than 10 s"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_reason(
    given: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_of(given)
    assert text in str(caught.value)
    assert "AMI_OPERATIONS" in str(caught.value)


def test_check_tells_of_an_option_that_cannot_be() -> None:
    with override_settings(AMI_OPERATIONS={"lease_timeout": -1}):
        (found,) = [one for one in run_checks(tags=["ami"]) if one.id == "ami_operations.E001"]
    assert "lease_timeout" in found.msg
