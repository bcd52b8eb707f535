"""Names and values of channel variables, as the server wants them in an action."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django_ami.core.errors import InvalidAction

__all__ = ["Variables", "escape_variable", "variable_headers", "variable_name"]

#: Variables with their values; as pairs, if a name comes several times.
Variables = Mapping[str, str | int] | Sequence[tuple[str, str | int]]


def escape_variable(value: str) -> str:
    r"""Escape a value for ``Variable``: the server splits at commas and eats quotes and backslashes.

    A backslash is put before each of ``\ " , ( ) [ ]`` (man_do_variable_value in main/manager.c and
    __ast_app_separate_args in main/app.c).
    """
    return re.sub(r'([\\",()\[\]])', r"\\\1", value)


#: A variable, or a function of the dialplan with its arguments: the server splits at commas outside of parentheses.
_VARIABLE = re.compile(r'[^\s\0=,"\\()\[\]]+(?:\([^\r\n\0"\\()\[\]]*\))?')


def variable_name(action: str, name: str, *, forbidden: str = "") -> str:
    """The name of a variable. Raises InvalidAction for one that the server would take for something more."""
    name = str(name)
    if not _VARIABLE.fullmatch(name) or (forbidden and forbidden in name):
        raise InvalidAction(
            f"{action}: {name!r} is no name of a variable: no blanks, no quotes, no = and no comma; or a function, as "
            "in CHANNEL(language)."
        )
    return name


def variable_headers(action: str, variables: Variables | None) -> list[str]:
    """The values of the ``Variable`` headers that set these. Raises InvalidAction for a name that would set another."""
    pairs = variables.items() if isinstance(variables, Mapping) else variables or ()
    return [f"{variable_name(action, name, forbidden='=')}={escape_variable(str(value))}" for name, value in pairs]
