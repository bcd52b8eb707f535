"""Can the connected receivers ever be called?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (its name in Django)

from django_ami import conf, signals
from django_ami.core.catalog import EVENTS, event
from django_ami.core.config import did_you_mean
from django_ami.core.errors import ConfigurationError
from django_ami.core.receivers import dotted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["check_event_names"]


def check_event_names(**_: Any) -> list[CheckMessage]:
    """django_ami.W006 and W007: receivers of events that do not exist, or that no receiver ever gets."""
    try:
        custom = {name.lower() for name in conf.custom_events()}
    except ConfigurationError:
        return []  # E001 says it
    return [
        message
        for name, functions in signals.connected().items()
        if name is not None and name.lower() not in custom
        for message in _messages(name, functions)
    ]


def _messages(name: str, functions: list[Callable[..., Any]]) -> Iterator[CheckMessage]:
    info = event(name)
    if info is None:
        number, message, hint = "W006", f"Asterisk has no event {name!r}: {did_you_mean(name, EVENTS)}", _UNKNOWN
    elif not info.broadcast:
        answers = " or ".join(info.answers) or "an action"
        number, message = "W007", f"the event {info.name!r} only comes in the answer to {answers}: no receiver gets it."
        hint = f"Send {answers}, and read response.events."
    else:
        return
    for function in functions:
        yield Warning(message, hint=hint, obj=dotted_name(function), id=f"django_ami.{number}")


_UNKNOWN = (
    "A user event has the name 'UserEvent', and its own in event['UserEvent']. If a module of somebody else sends this "
    "one, name it in the setting AMI_CUSTOM_EVENTS."
)
