"""Was an action sent?

A failure shows all actions that were sent, and the differences of the nearest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django_ami.simulator.arguments import checked
from django_ami.simulator.requests import ReceivedAction, split_variables

__all__ = ["Expectation", "Expected", "Sent"]

#: The values that a header may be expected to have: a bool is ``true`` or ``false``, None means
#: that it is not there, a list is all values of a header that is repeated, a pattern is searched
#: for, and a mapping is variables (of ``Variable``), which must be among those that were sent.
Expected = str | int | float | bool | None | Sequence[str] | re.Pattern[str] | Mapping[str, object]

_SHOWN_ACTIONS: Final = 20


class Expectation:
    """An action of this name with at least these headers.

    Names are compared without case, values exactly.
    """

    def __init__(self, action: str, headers: Mapping[str, Expected]) -> None:
        self.name = checked(action, str, "the name of an action")
        self.headers = dict(headers)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in self.headers.items())
        return f"{self.name} with {shown}" if shown else self.name

    def fits(self, action: ReceivedAction) -> bool:
        """Is this the one?"""
        return self.has_name_of(action) and not self.differences(action)

    def has_name_of(self, action: ReceivedAction) -> bool:
        """Is it an action of the right name, at least?"""
        return action.name.lower() == self.name.lower()

    def differences(self, action: ReceivedAction) -> list[str]:
        """The differences of its headers, a line each."""
        return [
            line
            for key, value in self.headers.items()
            if (line := _difference(key, value, action.get_all(key)))
        ]


class Sent:
    """Actions that were sent, and assertions about them.

    A subclass says which ones, and where they are from.
    """

    #: How a reader is told where they were looked for.
    where: str = "sent"

    def _actions(self) -> Iterable[ReceivedAction]:
        raise NotImplementedError

    def find(
        self, action: str, headers: Mapping[str, Expected] | None = None, /, **more: Expected
    ) -> list[ReceivedAction]:
        """The actions of this name that have these headers, in the order of their sending."""
        expectation = Expectation(action, {**(headers or {}), **more})
        return [one for one in self._actions() if expectation.fits(one)]

    def assert_action_sent(
        self,
        action: str,
        headers: Mapping[str, Expected] | None = None,
        /,
        *,
        count: int | None = None,
        **more: Expected,
    ) -> ReceivedAction:
        """Claim that an action of this name with these headers was sent.

        With ``count``, so many times. Gives the first one, to look at further. A mapping is for
        headers whose names are none in Python. Raises AssertionError, which shows what was sent
        instead.
        """
        expectation = Expectation(action, {**(headers or {}), **more})
        actions = list(self._actions())
        found = [one for one in actions if expectation.fits(one)]
        if not found or (count is not None and len(found) != count):
            raise AssertionError(self._explain(expectation, actions, found, count))
        return found[0]

    def assert_action_not_sent(
        self, action: str, headers: Mapping[str, Expected] | None = None, /, **more: Expected
    ) -> None:
        """Claim that no action of this name with these headers was sent.

        Raises AssertionError, which shows them.
        """
        found = self.find(action, headers, **more)
        if found:
            expectation = Expectation(action, {**(headers or {}), **more})
            raise AssertionError(f"{expectation} was {self.where} all the same:\n{_listing(found)}")

    def _explain(
        self,
        expectation: Expectation,
        actions: list[ReceivedAction],
        found: list[ReceivedAction],
        count: int | None,
    ) -> str:
        if found:
            return (
                f"{expectation} was {self.where} {len(found)} times, not {count}:\n"
                f"{_listing(found)}"
            )
        if not actions:
            return f"{expectation} was not {self.where}: no action was."
        total = f"{len(actions)} action{'s were' if len(actions) > 1 else ' was'}"
        return f"{expectation} was not {self.where}. {total}:\n{_listing(actions, expectation)}"


def _listing(actions: list[ReceivedAction], expectation: Expectation | None = None) -> str:
    """The actions, one in a line; those of the right name with what is wrong about them."""
    lines = (
        [f"  … and {len(actions) - _SHOWN_ACTIONS} before these"]
        if len(actions) > _SHOWN_ACTIONS
        else []
    )
    for action in actions[-_SHOWN_ACTIONS:]:
        shown = ", ".join(
            f"{key}={value!r}"
            for key, value in action.shown
            if key.lower() not in ("action", "actionid")
        )
        to = f" to {action.server}" if action.server else ""
        lines.append(
            f"  {action.name or 'an action without a name'}{to}{': ' * bool(shown)}{shown}"
        )
        if expectation is not None and expectation.has_name_of(action):
            lines += [f"      {line}" for line in expectation.differences(action)]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"/{value.pattern}/" if isinstance(value, re.Pattern) else repr(value)


def _difference(key: str, expected: Expected, values: tuple[str, ...]) -> str:
    """How the values of a header differ from what is expected; empty if they do not."""
    match expected:
        case None:
            return f"{key} is {_values(values)}, but should not be there" if values else ""
        case re.Pattern():
            fits = any(expected.search(value) for value in values)
        case Mapping():
            sent = dict(pair for value in values for pair in split_variables(value))
            wanted = {name: _as_sent(value) for name, value in expected.items()}
            return "" if wanted.items() <= sent.items() else f"{key} has {sent!r}, not {wanted!r}"
        case list() | tuple():
            fits = values == tuple(_as_sent(value) for value in expected)
        case _:
            fits = _as_sent(expected) in values
    if fits:
        return ""
    return f"{key} is {_values(values)}, not {_shown(expected)}" if values else f"{key} is missing"


def _values(values: tuple[str, ...]) -> str:
    return repr(values[0]) if len(values) == 1 else repr(list(values))


def _as_sent(value: Any) -> str:
    """As an action writes a value."""
    return str(value).lower() if isinstance(value, bool) else str(value)
