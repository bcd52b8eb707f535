"""The headers of a message: how its bytes are split into keys and values."""

from __future__ import annotations

from itertools import repeat
from typing import Final

from django_ami.core.layouts import fit_layout, learn_layout

__all__ = ["DECODING", "split", "split_header"]

#: No charset is declared. This loses nothing, and never fails later in JSON or a database.
DECODING: Final = ("utf-8", "backslashreplace")


def split_header(line: str) -> tuple[str, str]:
    """One header line into key and value: at the first colon, one space stripped.

    ``ChanVariable(<channel>): name=value`` (append_channel_vars in main/manager.c) is the
    exception: the name of a channel may contain colons. A line without a colon has the empty key.
    """
    key, colon, value = line.partition(":")
    if not colon:
        return "", line
    if "(" in key and not key.endswith(")"):
        head, closing, tail = line.partition("): ")
        if closing:
            return head + ")", tail
    return key, value.removeprefix(" ")


def split(raw: bytes) -> tuple[dict[str, str], tuple[tuple[str, str], ...] | None]:
    """The first value of each key; and every header in order, unless that is the same."""
    text = raw.decode("utf-8", "backslashreplace")
    found = fit_layout(text)
    if found is not None:
        return dict(zip(*found, strict=True)), None
    lines = text.split("\r\n")
    try:
        # Ordinary lines, in C all the way.
        exact = dict(map(str.split, lines, repeat(": "), repeat(1)))
        if len(exact) == len(lines) and ":" not in "".join(exact):
            learn_layout(text, tuple(exact))
            return exact, None
    except ValueError:
        pass
    # A key that is repeated, a line without a colon, or without a blank behind it.
    headers = tuple(map(split_header, lines))
    return dict(reversed(headers)), headers
