"""System checks of the app. ``docs/operations.md`` has a row for each id."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from django_ami.core.errors import ConfigurationError
from django_ami.operations import conf

__all__ = ["ALWAYS", "check_settings"]


def check_settings(**_: Any) -> list[CheckMessage]:
    """ami_operations.E001: AMI_OPERATIONS cannot be used."""
    try:
        conf.load()
    except ConfigurationError as error:
        return [Error(error.message, id="ami_operations.E001")]
    return []


ALWAYS = (check_settings,)
