"""``AMI_DISPATCH``: which errors of a receiver are worth another attempt, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from django_ami.conf.reading import MOST_NAMES, imported, read_mapping
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import Retry

__all__ = ["read_retry", "retry_of"]

#: The errors that Django raises for a database that goes away, or is busy.
_RETRY_ERRORS: Final = ("django.db.OperationalError", "django.db.InterfaceError")


def read_retry() -> Retry:
    """``AMI_DISPATCH``: how to go on when a receiver raises. Raises ConfigurationError."""
    options = read_mapping("AMI_DISPATCH")
    try:
        return retry_of(options)
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_DISPATCH: {error.message}") from None


def retry_of(options: Mapping[str, Any]) -> Retry:
    """A policy from the options of ``AMI_DISPATCH``.

    Raises ConfigurationError for one that cannot be followed.
    """
    named = options.get("retry_errors", _RETRY_ERRORS)
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise ConfigurationError(
            f"option 'retry_errors' must be a list of exceptions, not {shown(named)}."
        )
    return Retry.from_mapping(
        {**options, "retry_errors": tuple(map(_exception, islice(named, MOST_NAMES)))}
    )


def _exception(named: object) -> type[Exception]:
    """An exception class, given itself or as its dotted path."""
    found = imported(named, "option 'retry_errors'") if isinstance(named, str) else named
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise ConfigurationError(
            "option 'retry_errors' must name exceptions, such as 'django.db.OperationalError', "
            f"not {shown(named)}."
        )
    return found
