"""Names and values of channel variables, as the server wants them in an action."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from django_ami.core.actions.values import as_text, listed, named
from django_ami.core.arguments import shown
from django_ami.core.errors import InvalidAction

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "VariableValue",
    "Variables",
    "escape_variable",
    "variable_headers",
    "variable_name",
    "variable_text",
]

#: A value of a variable: a text or a number. None leaves the variable out.
VariableValue = str | int | float | None
#: Variables with their values; as pairs, if a name comes several times.
Variables = Mapping[str, VariableValue] | Sequence[tuple[str, VariableValue]]


def escape_variable(value: str) -> str:
    r"""Escape a value for ``Variable``.

    The server splits at commas and removes quotes and backslashes.

    A backslash is put before each of ``\ " , ( ) [ ]`` (man_do_variable_value in main/manager.c and
    __ast_app_separate_args in main/app.c).
    """
    return re.sub(r'([\\",()\[\]])', r"\\\1", value)


#: A variable, or a function of the dialplan with its arguments: the server splits at commas outside
#: of parentheses.
_VARIABLE = re.compile(r'[^\s\0=,"\\()\[\]]+(?:\([^\r\n\0"\\()\[\]]*\))?')


def variable_name(action: str, name: object, *, forbidden: str = "") -> str:
    """The name of a variable.

    Raises InvalidAction for one that the server would take for something more.
    """
    name = named(f"{action}: the name of a variable", name)
    if not _VARIABLE.fullmatch(name) or (forbidden and forbidden in name):
        raise InvalidAction(
            f"{action}: {name!r} cannot be the name of a variable: remove blanks, quotes, = and "
            "commas, or give a function, as CHANNEL(language)."
        )
    return name


def variable_text(action: str, name: str, value: str | float) -> str:
    """A value as it is sent. Raises InvalidAction for True and False.

    A dialplan takes every text for true, "false" as well (pbx_checkcondition in main/pbx.c).
    """
    if isinstance(value, bool):
        raise InvalidAction(
            f"{action}: the variable {name} is {value}, but a dialplan takes every text for true: "
            "give 1 or 0."
        )
    return as_text(action, f"the variable {name}", value)


def variable_headers(action: str, variables: Variables | None) -> list[str]:
    """The values of the ``Variable`` headers that set these; one that is None is left out.

    Raises InvalidAction for a name that would set another one, too, and for True and False.
    """
    return [
        variable_name(action, name, forbidden="=")
        + "="
        + escape_variable(variable_text(action, name, value))
        for name, value in _pairs(action, variables)
        if value is not None
    ]


def _pairs(action: str, variables: Variables | None) -> Iterable[tuple[str, VariableValue]]:
    if isinstance(variables, Mapping):
        return variables.items()
    pairs = () if variables is None else listed(action, "what it sets, the variables,", variables)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InvalidAction(
                f"{action}: a variable must be a pair of its name and its value, not {shown(pair)}."
            )
    return cast("Iterable[tuple[str, VariableValue]]", pairs)
