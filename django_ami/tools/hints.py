"""Hints at the right name, for a name that the server does not know.

Rule: a hint refuses nothing, since modules of others have actions and events that are in no
catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami import conf
from django_ami.checks.receivers import unheard
from django_ami.core.arguments import did_you_mean
from django_ami.core.catalog import ACTIONS, action, event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.core.errors import ActionFailed

__all__ = ["about_action", "about_events"]

#: Asterisk's message about an action that it does not have (process_message in main/manager.c).
_UNKNOWN = "Invalid/unknown command"


def about_action(name: str, error: ActionFailed) -> str:
    """Why the server does not know an action; empty if it does, and the error is another one."""
    if not error.response.message.startswith(_UNKNOWN):
        return ""
    info = action(name)
    if info is None:
        return f"Asterisk has no action {name!r}: {did_you_mean(name, ACTIONS)}"
    if info.removed_in:
        return (
            f"{info.name} is of the module {info.module}, which Asterisk {info.removed_in} no "
            "longer has."
        )
    return f"{info.name} is of the module {info.module}: is it loaded?"


def about_events(names: Iterable[str]) -> Iterator[str]:
    """A line for each name of an event that never comes by itself.

    The catalogue and the settings tell which do.
    """
    custom = conf.custom_events()
    for name in names:
        found = unheard(name, custom)
        if found is not None and (info := event(name)) is not None:
            yield f"{info.name} only comes in the answer to {' or '.join(info.answers)}."
        elif found is not None:
            yield found.why
