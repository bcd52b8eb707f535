"""The whole catalogue: what the documentation says, and in its place or besides, what ``gaps`` says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter
from tests.catalog import gaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.catalog.documentation import Documentation

__all__ = ["Contents"]

Info = TypeVar("Info", ActionInfo, EventInfo)

_PRIVILEGES = {name: tuple(classes.split()) for classes, names in gaps.PRIVILEGES.items() for name in names.split()}
_REMOVED = {name: module for module, names in gaps.REMOVED.items() for name in names.split()}


class _List:
    """What an action's list consists of, and what closes it."""

    def __init__(self, text: str) -> None:
        items, closing = text.split(";")
        self.items = tuple(items.split())
        self.closing, *more = closing.split()
        self.headers = tuple(map(Parameter, ("EventList", "ListItems", *more)))


_LISTS = {name: _List(text) for name, text in gaps.LISTS.items()}
_CLOSING = {answer.closing: answer.headers for answer in _LISTS.values()}


class Contents:
    """All ``actions`` and ``events`` of an Asterisk, and those of an older one that are gone, in order of names."""

    def __init__(self, current: Documentation, older: Documentation) -> None:
        self.actions = _sorted(map(_action, (older.actions | current.actions).values()))
        self._answers: dict[str, list[ActionInfo]] = {}
        for action in self.actions:
            for name in filter(None, (*action.items, action.final_event)):
                self._answers.setdefault(name, []).append(action)
        bare = {name: EventInfo(name, "", "") for name in self._answers}
        self.events = _sorted(map(self._event, (bare | older.events | current.events | gaps.EVENTS).values()))

    def _event(self, info: EventInfo) -> EventInfo:
        answers = self._answers.get(info.name, [])
        names = tuple(action.name for action in answers)
        broadcast = not answers or info.name in gaps.BROADCAST_TOO
        return replace(
            info,
            synopsis=info.synopsis or f"Completes the answer to {' and '.join(names)}.",
            module=_module(info) or answers[0].module,
            privileges=gaps.EVENT_PRIVILEGES.get(info.name, info.privileges) if broadcast else (),
            parameters=tuple(_event_parameters(info)),
            broadcast=broadcast,
            answers=names,
            removed_in=gaps.REMOVED_IN if info.name in _REMOVED else None,
        )


def _action(info: ActionInfo) -> ActionInfo:
    answer = _LISTS.get(info.name)
    return replace(
        info,
        module=_module(info),
        privileges=_PRIVILEGES.get(info.name, ()),
        parameters=tuple(_action_parameters(info)),
        description="\n\n".join(filter(None, (info.description, *_remarks(info.name)))),
        items=answer.items if answer else (),
        final_event=answer.closing if answer else gaps.ANSWERED_BY.get(info.name),
        removed_in=gaps.REMOVED_IN if info.name in _REMOVED else None,
    )


def _module(info: ActionInfo | EventInfo) -> str:
    return _REMOVED.get(info.name) or gaps.MODULES.get(info.module, info.module)


def _action_parameters(info: ActionInfo) -> Iterator[Parameter]:
    for parameter in info.parameters:
        place = info.name, parameter.name
        if place not in gaps.ACTION_PARAMETERS:
            yield replace(
                parameter,
                required=parameter.required or place in gaps.REQUIRED,
                repeatable=parameter.repeatable or place in gaps.REPEATABLE,
                choices=gaps.CHOICES.get(place, parameter.choices),
            )
    for (action, _), added in gaps.ACTION_PARAMETERS.items():
        if action == info.name and added is not None:
            yield added


def _remarks(name: str) -> Iterator[str]:
    if name in gaps.ERROR_IF_EMPTY.split():
        yield "An empty list is answered with an error."
    yield " ".join(gaps.REMARKS.get(name, "").split())


def _event_parameters(info: EventInfo) -> Iterable[Parameter]:
    more = gaps.EVENT_PARAMETERS.get(info.name, ())
    every = (*_CLOSING.get(info.name, ()), *info.parameters, *more)
    return {parameter.name: parameter for parameter in every}.values()


def _sorted(infos: Iterable[Info]) -> tuple[Info, ...]:
    return tuple(sorted((info for info in infos if info.name not in gaps.UNREAL), key=lambda info: info.name.lower()))
