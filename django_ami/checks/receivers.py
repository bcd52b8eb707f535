"""Can the connected receivers ever be called?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.core.checks import CheckMessage, Warning  # noqa: A004  (its name in Django)

from django_ami import conf, signals
from django_ami.conf.forward import EVERY_EVENT, read_forward
from django_ami.core.arguments import did_you_mean
from django_ami.core.catalog import EVENTS, event
from django_ami.core.catalog.renamed import predecessor, successors
from django_ami.core.errors import ConfigurationError
from django_ami.core.naming import dotted_name

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Unheard", "check_event_names", "unheard"]


class Unheard(NamedTuple):
    """Why a receiver of an event is never called, and what to do.

    ``sure`` is False if a module may yet send it.
    """

    number: str
    why: str
    cure: str
    sure: bool


def unheard(name: str, custom: Collection[str] = (), *, before_12: bool = False) -> Unheard | None:
    """Why no receiver ever gets the event of this name, as far as is known; None if one may.

    ``custom`` has the names of AMI_CUSTOM_EVENTS. ``before_12``: the server is an Asterisk 11 or
    earlier.
    """
    if name.lower() in {one.lower() for one in custom}:
        return None
    info, old = event(name), predecessor(name) if before_12 else None
    if info is None:
        return None if before_12 and successors(name) is not None else _unknown(name)
    if not info.broadcast:
        answers = " or ".join(info.answers) or "an action"
        why = f"the event {info.name!r} only comes in the answer to {answers}: no receiver gets it."
        return Unheard("W007", why, f"Send {answers}, and read response.events.", sure=True)
    if old is not None:
        why = f"Asterisk 11 and earlier have no event {info.name!r}: receive {old!r} instead."
        return Unheard("W006", why, _NAME_IT, sure=True)
    return None


def _unknown(name: str) -> Unheard:
    new = successors(name)
    if new is None:
        return Unheard(
            "W006",
            f"Asterisk has no event {name!r}: {did_you_mean(name, EVENTS)}",
            _UNKNOWN,
            sure=False,
        )
    instead = (
        f": receive {' or '.join(map(repr, new))} instead."
        if new
        else ", and nothing in its place."
    )
    return Unheard(
        "W006", f"Asterisk has no event {name!r} since version 12{instead}", _NAME_IT, sure=True
    )


def check_event_names(**_: Any) -> list[CheckMessage]:
    """django_ami.W006 and W007: events that do not exist, or never come.

    Those that have receivers, and those that ``AMI_FORWARD`` names.
    """
    try:
        custom = conf.custom_events()
    except ConfigurationError:
        return []  # E001 says it
    wanted = [
        (name, dotted_name(function))
        for name, functions in signals.connected().items()
        if name is not None
        for function in functions
    ]
    wanted += [(name, "EVENTS of AMI_FORWARD") for name in _forwarded()]
    return [
        Warning(found.why, hint=found.cure, obj=place, id=f"django_ami.{found.number}")
        for name, place in wanted
        if (found := unheard(name, custom)) is not None
    ]


def _forwarded() -> list[str]:
    """The names of AMI_FORWARD, if it can be read and has some."""
    try:
        forward = read_forward()
    except ConfigurationError:
        return []  # E001 says it
    return sorted(((forward and forward.events) or frozenset()) - {EVERY_EVENT})


_UNKNOWN: Final = (
    "A user event has the name 'UserEvent', and its own in event['UserEvent']. If a module of "
    "somebody else sends this one, name it in the setting AMI_CUSTOM_EVENTS."
)
_NAME_IT: Final = (
    "If a server of yours sends it all the same, name it in the setting AMI_CUSTOM_EVENTS."
)
