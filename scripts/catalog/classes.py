"""Writes ``django_ami/core/actions/generated.py``.

It has a class for every action that has none written by hand.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from scripts.catalog.arguments import NUMBERED, arguments
from scripts.catalog.gaps.answers import ANSWERED_BY
from scripts.catalog.tables import GENERATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.core.catalog.info import ActionInfo
    from scripts.catalog.arguments import Argument

__all__ = ["classes_module"]

_WIDTH = 92
#: Of an action that this branch of Asterisk or an older one has, nothing is said of when it came.
_OLD = 16


def classes_module(actions: Iterable[ActionInfo], by_hand: set[str]) -> str:
    """The source of ``generated.py``; ``by_hand`` are the names of the actions to leave out."""
    wanted = [info for info in actions if info.name not in by_hand and info.removed_in is None]
    names = ", ".join(f'"{info.name}"' for info in sorted(wanted, key=lambda info: info.name))
    return f'''"""A class for each action that has none written by hand.

{GENERATED}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.actions.base import BareAction, TypedAction
from django_ami.core.actions.values import numbered, spelled
from django_ami.core.actions.variables import variable_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.actions.variables import Variables

__all__ = [{names}]


{"".join(map(_class, wanted))}'''


def _class(info: ActionInfo) -> str:
    made = arguments(info)
    final_event = f'final_event = "{info.final_event}"\n\n' if info.name in ANSWERED_BY else ""
    init = (
        f"def __init__({_signature(made)}) -> None:\n    super().__init__({_headers(info, made)})\n"
    )
    body = f"{_docstring(info, made)}\n\n{final_event}{init if made else _name(info)}"
    base = "TypedAction" if made else "BareAction"
    return f"class {info.name}({base}):\n{textwrap.indent(body, '    ')}\n\n"


def _name(info: ActionInfo) -> str:
    return f'name = "{info.name}"\n'


def _signature(made: list[Argument]) -> str:
    given = [
        f"{one.name}: {one.annotation}{'' if one.required else ' | None = None'}" for one in made
    ]
    return ", ".join(["self", *["*"][: len(given)], *given])


def _headers(info: ActionInfo, made: list[Argument]) -> str:
    """The arguments of the base class; headers that are no names in Python are in a mapping."""
    mapping: list[str] = []
    plain: list[str] = []
    for one in made:
        if one.parameter.name in NUMBERED:
            mapping.append(f"**{one.expression}")
        elif one.parameter.name.isidentifier():
            plain.append(f"{one.parameter.name}={one.expression}")
        else:
            mapping.append(f'"{one.parameter.name}": {one.expression}')
    return ", ".join(
        [f'"{info.name}"', *([f"{{{', '.join(mapping)}}}"] if mapping else []), *plain]
    )


def _docstring(info: ActionInfo, made: list[Argument]) -> str:
    paragraphs = [
        info.synopsis,
        *map(_about, made),
        " ".join(_facts(info)),
        *info.description.split("\n\n"),
    ]
    text = "\n\n".join(_filled(paragraph) for paragraph in paragraphs if paragraph)
    quote = 'r"""' if "\\" in text else '"""'
    return f'{quote}{text}\n"""'


def _filled(paragraph: str) -> str:
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _about(argument: Argument) -> str:
    """An argument in a line: its meaning, its values, whether it is required."""
    parameter = argument.parameter
    choices = (
        ""
        if argument.annotation == "bool"
        else ", ".join(f"``{choice}``" for choice in parameter.choices)
    )
    known = (
        parameter.description,
        f"one of {choices}" if choices else "",
        f"by default ``{parameter.default}``" if parameter.default else "",
        "required" if parameter.required else "",
    )
    return f"``{argument.name}``: {'; '.join(filter(None, known))}." if any(known) else ""


def _facts(info: ActionInfo) -> Iterator[str]:
    classes = " or ".join(f"``{name}``" for name in info.privileges)
    yield (
        f"Needs the class {classes}."
        if classes
        else "Needs no class: everybody who is logged in may send it."
    )
    if info.items:
        items = ", ".join(f"``{name}``" for name in info.items)
        yield f"Answered with a list of {items}, closed by ``{info.final_event}``."
    elif info.final_event:
        yield f"Answered with one event, ``{info.final_event}``, which is ``response.final_event``."
    else:
        yield "Complete with its response."
    if info.since and all(int(version.partition(".")[0]) > _OLD for version in info.since):
        yield f"Since Asterisk {', '.join(info.since)}."
