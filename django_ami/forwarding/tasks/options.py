"""The options of the outlet ``tasks``, and where Django's tasks are."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from django_ami.conf.reading import check_known
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError
from django_ami.forwarding.attempts import TRIES

if TYPE_CHECKING:
    from types import ModuleType

    from django_ami.conf.forward import Forward

__all__ = ["Options", "backend_of", "read_options", "task_framework", "why_unfit"]

_KEYS: Final = ("BACKEND", "QUEUE_NAME", "ATTEMPTS")
_DEFAULT: Final = "default"
_MOST_ATTEMPTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """``OPTIONS`` of the outlet ``tasks``.

    ``backend`` is a key of the setting ``TASKS``, ``queue_name`` one of its queues, and
    ``attempts`` says how often a receiver is called for an event before its task fails.
    """

    backend: str = _DEFAULT
    queue_name: str = _DEFAULT
    attempts: int = TRIES


def read_options(forward: Forward) -> Options:
    """The options of the setting ``AMI_FORWARD``. Raises ConfigurationError for a wrong one."""
    given = forward.options
    try:
        for key in given:
            check_known("option of the outlet tasks", key, _KEYS)
        for key in ("BACKEND", "QUEUE_NAME"):
            if not isinstance(given.get(key, _DEFAULT), str):
                raise ConfigurationError(f"{key!r} must be a text, not {shown(given[key])}.")
        attempts = given.get("ATTEMPTS", TRIES)
        if (
            isinstance(attempts, bool)
            or not isinstance(attempts, int)
            or not 1 <= attempts <= _MOST_ATTEMPTS
        ):
            raise ConfigurationError(
                f"'ATTEMPTS' must be a whole number from 1 to {_MOST_ATTEMPTS}, not "
                f"{shown(attempts)}."
            )
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_FORWARD: its OPTIONS: {error.message}") from None
    return Options(given.get("BACKEND", _DEFAULT), given.get("QUEUE_NAME", _DEFAULT), attempts)


def task_framework() -> ModuleType:
    """Django's tasks (Django 6.0 or later), or the package ``django-tasks`` of Django 5.2.

    They have the same names. Raises ConfigurationError if there are neither.
    """
    for name in ("django.tasks", "django_tasks"):
        try:
            return import_module(name)
        except ImportError as error:
            if not name.startswith(error.name or "?"):
                raise
    raise ConfigurationError(
        "the setting AMI_FORWARD: the outlet tasks needs Django 6.0 or later, or the package "
        "django-tasks: pip install 'django-ami[tasks]'."
    )


def backend_of(options: Options) -> Any:
    """The backend that the options name. Raises ConfigurationError if there is none."""
    framework = task_framework()
    try:
        return framework.task_backends[options.backend]
    except Exception as error:  # noqa: BLE001  (whatever somebody's backend raises; it is told)
        raise ConfigurationError(
            f"the setting TASKS: no backend {options.backend!r} ({error}): add it, or name another "
            "as 'BACKEND' in the OPTIONS of AMI_FORWARD."
        ) from None


def why_unfit(options: Options) -> str:
    """Why the backend runs no task in another process, in words; empty if it does.

    Raises ConfigurationError if there is none.
    """
    backend = backend_of(options)
    for module in ("immediate", "dummy"):
        if type(backend).__module__ == f"{task_framework().__name__}.backends.{module}":
            return (
                f"the setting TASKS: the backend {options.backend!r} is {type(backend).__name__}, "
                "whose tasks run in no other process: set one whose workers run them, such as that "
                "of django-tasks-db."
            )
    return ""
