"""The whole catalogue: the documentation's facts, ``gaps`` in their place, and our ``words``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter
from scripts.catalog.gaps import answers, events, parameters, privileges, removed
from scripts.catalog.words.actions import ACTIONS
from scripts.catalog.words.events import EVENTS
from scripts.catalog.words.parameters import meaning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scripts.catalog.documentation import Documentation

__all__ = ["Contents"]

Info = TypeVar("Info", ActionInfo, EventInfo)

_PRIVILEGES = {
    name: tuple(classes.split())
    for classes, names in privileges.PRIVILEGES.items()
    for name in names.split()
}


class _List:
    """The items of an action's list, and the event that closes it."""

    def __init__(self, text: str) -> None:
        items, closing = text.split(";")
        self.items = tuple(items.split())
        self.closing, *more = closing.split()
        self.headers = tuple(map(Parameter, ("EventList", "ListItems", *more)))


_LISTS = {name: _List(text) for name, text in answers.LISTS.items()}
_CLOSING = {answer.closing: answer.headers for answer in _LISTS.values()}


class Contents:
    """All ``actions`` and ``events``, in the order of their names.

    Those of Asterisk 16 that are gone are among them.
    """

    def __init__(self, documentation: Documentation) -> None:
        self.actions = _sorted(map(_action, (removed.ACTIONS | documentation.actions).values()))
        self._answers: dict[str, list[ActionInfo]] = {}
        for action in self.actions:
            for name in filter(None, (*action.items, action.final_event)):
                self._answers.setdefault(name, []).append(action)
        known = {name: EventInfo(name, "", "") for name in self._answers}
        known |= removed.EVENTS | documentation.events | events.EVENTS
        self.events = _sorted(
            self._event(info) for name, info in known.items() if name not in events.UNREAL
        )

    def _event(self, info: EventInfo) -> EventInfo:
        asked = self._answers.get(info.name, [])
        names = tuple(action.name for action in asked)
        broadcast = not asked or info.name in answers.BROADCAST_TOO
        gone = info.name in removed.EVENTS or (
            not broadcast and all(action.removed_in for action in asked)
        )
        return replace(
            info,
            synopsis=info.synopsis
            or EVENTS.get(info.name)
            or f"Completes the answer to {' and '.join(names)}.",
            module=_module(info) or asked[0].module,
            privileges=events.PRIVILEGES.get(info.name, info.privileges) if broadcast else (),
            parameters=tuple(_event_parameters(info)),
            broadcast=broadcast,
            answers=names,
            removed_in=removed.REMOVED_IN if gone else None,
        )


def _action(info: ActionInfo) -> ActionInfo:
    answer = _LISTS.get(info.name)
    return replace(
        info,
        synopsis=info.synopsis or ACTIONS.get(info.name, ""),
        module=_module(info),
        privileges=_PRIVILEGES[info.name],
        parameters=tuple(_action_parameters(info)),
        description="\n\n".join(filter(None, _remarks(info.name))),
        items=answer.items if answer else (),
        final_event=answer.closing if answer else answers.ANSWERED_BY.get(info.name),
        removed_in=removed.REMOVED_IN if info.name in removed.ACTIONS else None,
    )


def _module(info: ActionInfo | EventInfo) -> str:
    return parameters.MODULES.get(info.module, info.module)


def _action_parameters(info: ActionInfo) -> Iterator[Parameter]:
    for parameter in info.parameters:
        place = info.name, parameter.name
        if place not in parameters.PARAMETERS:
            yield replace(
                parameter,
                description=meaning(*place),
                required=parameter.required or place in parameters.REQUIRED,
                repeatable=parameter.repeatable or place in parameters.REPEATABLE,
                choices=parameters.CHOICES.get(place, parameter.choices),
            )
    for (action, _), added in parameters.PARAMETERS.items():
        if action == info.name and added is not None:
            yield replace(added, description=meaning(info.name, added.name))


def _remarks(name: str) -> Iterator[str]:
    if name in answers.ERROR_IF_EMPTY.split():
        yield "An empty list is answered with an error."
    yield " ".join(answers.REMARKS.get(name, "").split())


def _event_parameters(info: EventInfo) -> Iterable[Parameter]:
    more = events.PARAMETERS.get(info.name, ())
    spelt = (
        replace(parameter, name=events.SPELLED.get((info.name, parameter.name), parameter.name))
        for parameter in info.parameters
    )
    every = (*_CLOSING.get(info.name, ()), *spelt, *more)
    return {parameter.name: parameter for parameter in every}.values()


def _sorted(infos: Iterable[Info]) -> tuple[Info, ...]:
    return tuple(sorted(infos, key=lambda info: info.name.lower()))
