"""Does ``AMI_FORWARD`` fit the outlet that it names?"""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)

from django_ami.conf.forward import read_forward
from django_ami.core.errors import ConfigurationError

__all__ = ["check_outlet"]


def check_outlet(**_: Any) -> list[CheckMessage]:
    """django_ami.E001, E002 and W011: wrong options, and an outlet with which nothing starts.

    A warning keeps no other program from running: tests have a task backend that runs nothing, and
    a web server may lack the package of an engine.
    """
    try:
        forward = read_forward()
    except ConfigurationError:
        return []  # told by the check of the setting
    if forward is None:
        return []
    try:
        outlet = forward.outlet_class
    except ConfigurationError as error:
        return [_warning(error.message)]
    if not hasattr(outlet, "check"):
        return []
    try:
        unfit = outlet.check(forward)
    except ConfigurationError as error:
        number = "E002" if "unknown option" in error.message else "E001"
        return [Error(error.message, obj="AMI_FORWARD", id=f"django_ami.{number}")]
    return [_warning(unfit)] if unfit else []


def _warning(message: str) -> CheckMessage:
    return Warning(
        message,
        hint="Without that no ami_listen starts with these settings.",
        obj="AMI_FORWARD",
        id="django_ami.W011",
    )
