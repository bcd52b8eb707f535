"""How messages are laid out: those of one first line mostly have the same keys, in the same order.

Rule: a layout is a guess that is checked. Either it fits a whole text, and gives what splitting
every line at its first colon would, or it gives nothing. So one expression finds all values at a
time, and no line is split.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fit_layout", "learn_layout"]

#: How many messages in a row must be laid out alike, to be worth half a millisecond of compilation.
ENOUGH_MESSAGES: Final = 50
_MAX_LINES: Final = 200
#: How many layouts are known, and of how many characters each: first lines and keys come off the
#: wire. Those of Asterisk have a tenth of it.
_MAX_LAYOUTS: Final = 512
_LONGEST_CHARACTERS: Final = 4096


class _Layout(NamedTuple):
    keys: tuple[str, ...]
    fullmatch: Callable[[str], re.Match[str] | None]


_layouts: dict[str, _Layout] = {}
_candidates: dict[str, tuple[tuple[str, ...], int]] = {}


def fit_layout(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The keys and values of a message whose layout was seen before with this first line."""
    layout = _layouts.get(text[: text.find("\r\n")])
    if layout is None:
        return None
    found = layout.fullmatch(text)
    return None if found is None else (layout.keys, found.groups())


def learn_layout(text: str, keys: tuple[str, ...]) -> None:
    """A message that no layout fits has these keys.

    None is there twice or has a colon, and each has a blank behind its own colon.
    """
    first_line = text[: text.find("\r\n")]
    if len(keys) > _MAX_LINES or len(first_line) + sum(map(len, keys)) > _LONGEST_CHARACTERS:
        return
    before, times = _candidates.get(first_line, (keys, 0))
    if keys != before:
        times = 0
    if len(_candidates) >= _MAX_LAYOUTS:
        _candidates.clear()
        _layouts.clear()
    _candidates[first_line] = keys, times + 1
    if times + 1 == ENOUGH_MESSAGES and "(" not in "".join(keys):
        # Possessive: a value that goes on to the next CR has no other end to be tried, and none is
        # remembered.
        pattern = "\r\n".join([f"{re.escape(key)}: ([^\r]*+)" for key in keys])
        _layouts[first_line] = _Layout(keys, re.compile(pattern).fullmatch)
