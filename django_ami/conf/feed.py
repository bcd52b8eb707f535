"""``AMI_FEED``: where live pictures are published for the other processes of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.live.feed.backend import Backend

__all__ = ["read_feed"]

#: The app with the tables of the database feed.
_APP: Final = "django_ami.live.feed"
#: The backends by their short names.
_BACKENDS: Final = {
    "memory": f"{_APP}.memory.MemoryBackend",
    "database": f"{_APP}.database.DatabaseBackend",
    "redis": f"{_APP}.redis.RedisBackend",
}


def read_feed() -> Backend | None:
    """The backend of ``AMI_FEED``; None if nothing is published.

    It is a short name, a dotted path, or a mapping with BACKEND and the arguments of the backend in
    capitals. By default it is ``"database"`` if the app ``django_ami.live.feed`` is installed.
    Raises ConfigurationError.
    """
    value = getattr(settings, "AMI_FEED", "database" if apps.is_installed(_APP) else None)
    if value is None:
        return None
    from django_ami.live.feed.backend import Backend  # most projects never need it

    name, arguments = _split(value)
    if name == "database" and not apps.is_installed(_APP):
        raise ConfigurationError(
            f"the setting AMI_FEED: add {_APP!r} to INSTALLED_APPS and run migrate, or set "
            "AMI_FEED to another backend."
        )
    try:
        backend = import_string(_BACKENDS.get(name, name))(**arguments)
    except (ImportError, TypeError, ValueError) as error:
        cure = _cure(name, error)
        raise ConfigurationError(
            f"the setting AMI_FEED: {shown(name)} cannot be used: {error}{cure}"
        ) from None
    if not isinstance(backend, Backend):
        raise ConfigurationError(f"the setting AMI_FEED: {shown(name)} is no backend of a feed.")
    return backend


def _cure(name: str, error: Exception) -> str:
    """The end of the message: what to do about a backend that could not be made."""
    if name not in _BACKENDS:
        return f". {did_you_mean(name, _BACKENDS)}"
    if isinstance(error, ModuleNotFoundError):
        return f": pip install 'django-ami[{name}]'."
    return "."


def _split(value: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and isinstance(value.get("BACKEND"), str):
        arguments = {str(key).lower(): each for key, each in value.items() if key != "BACKEND"}
        return value["BACKEND"], arguments
    raise ConfigurationError(
        "the setting AMI_FEED must be the name of a backend, or a mapping with BACKEND and its "
        f"arguments, not {shown(value)}."
    )
