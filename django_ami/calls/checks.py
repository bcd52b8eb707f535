"""System checks of the history. ``docs/history.md`` has a row for each id."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)

from django_ami.calls import conf
from django_ami.core.errors import ConfigurationError

__all__ = ["ALWAYS", "check_settings", "check_writer"]


def check_settings(**_: Any) -> list[CheckMessage]:
    """ami_calls.E001: AMI_CALLS cannot be used."""
    try:
        conf.load()
    except ConfigurationError as error:
        return [Error(error.message, id="ami_calls.E001")]
    return []


def check_writer(**_: Any) -> list[CheckMessage]:
    """ami_calls.W001: nothing writes into the tables."""
    if apps.is_installed("django_ami"):
        return []
    return [
        Warning(
            "django_ami.calls is installed without django_ami: no listener writes its calls.",
            hint="Add 'django_ami' to INSTALLED_APPS, and run ami_listen.",
            id="ami_calls.W001",
        )
    ]


ALWAYS = (check_settings, check_writer)
