"""Event filters: ``eventfilter=`` of a user and the Filter action.

Asterisk's filters are POSIX extended regular expressions over the whole event text; Python's stand
in for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["EventFilter", "FilterError", "let_through"]

_CRITERION = re.compile(r"\s*(\w+)\(([^()]*)\)\s*\Z")
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda value, wanted: wanted in value,
    "regex": lambda value, wanted: re.search(wanted, value, re.DOTALL) is not None,
}


class FilterError(Enum):
    """Why a filter was not taken: the server's own words."""

    COMPILE = "Filter did not compile.  Check the syntax of the filter given."
    FORMAT = "Filter was formatted incorrectly.  Check the syntax of the filter given."


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One filter: does it match an event, and does a match let the event in or keep it out?"""

    exclude: bool
    matches: Callable[[str, str], bool]
    """From the event's name and its whole text."""

    @classmethod
    def parse(cls, pattern: str, criteria: str = "") -> EventFilter | FilterError:
        """A filter from the text of manager.conf or of the Filter action."""
        return cls._advanced(pattern, criteria) if criteria else cls._regex(pattern)

    @classmethod
    def _regex(cls, pattern: str) -> EventFilter | FilterError:
        exclude = pattern.startswith("!")
        try:
            compiled = re.compile(pattern[1:] if exclude else pattern, re.DOTALL)
        except re.error:
            return FilterError.COMPILE
        return cls(exclude, lambda _name, text: compiled.search(text) is not None)

    @classmethod
    def _advanced(cls, pattern: str, criteria: str) -> EventFilter | FilterError:
        parts: dict[str, str] = {}
        for text in criteria.split(","):
            found = _CRITERION.match(text)
            if not found or found[1] not in {"action", "name", "header", "method"}:
                return FilterError.FORMAT
            parts[found[1]] = found[2]
        method = parts.get("method", "none")
        # Seen on 22.10: the parts that the documentation calls optional are wanted all the same.
        if parts.get("action") not in {"include", "exclude"} or "method" not in parts:
            return FilterError.FORMAT
        if method not in {*_METHODS, "none"} or (method == "none") != (not pattern):
            return FilterError.FORMAT
        if method == "regex" and isinstance(cls._regex(pattern), FilterError):
            return FilterError.COMPILE
        name, header = parts.get("name", ""), parts.get("header", "")
        return cls(
            parts["action"] == "exclude",
            lambda event, text: (
                (not name or event == name) and _value_matches(text, header, method, pattern)
            ),
        )


def _value_matches(text: str, header: str, method: str, pattern: str) -> bool:
    values = [text]
    if header:
        start = f"{header}:"
        values = [
            line[len(start) :].strip() for line in text.split("\r\n") if line.startswith(start)
        ]
    if method == "none":
        return bool(values)
    return any(_METHODS[method](value, pattern) for value in values)


def let_through(filters: Iterable[EventFilter], name: str, text: str) -> bool:
    """should_send_event(): any include must match if there are includes, and no exclude may."""
    included: bool | None = None
    for one in filters:
        if one.exclude:
            if one.matches(name, text):
                return False
        elif not included:
            included = one.matches(name, text)
    return included is not False
