"""Frames as Asterisk writes them: ``Key: value`` lines, CR LF, an empty line at the end.

Text is kept as ``str`` with *surrogateescape*, so bytes that are not UTF-8 go in and out unchanged,
as in Asterisk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from django_ami.simulator.arguments import checked

__all__ = ["command_follows", "decode", "encode", "escape_c", "flatten", "render"]

Headers = Sequence[tuple[str, str]]
"""Ordered headers; a key may come more than once."""

#: More headers than any message has: an iterable that goes on is not gone through to its end.
_MOST_HEADERS: Final = 10_000

_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "'": "\\'",
    "?": "\\?",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def encode(text: str) -> bytes:
    """Text to bytes, undoing :func:`decode`."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Bytes to text; bytes that are not UTF-8 survive the round trip."""
    return data.decode("utf-8", "surrogateescape")


def escape_c(text: str) -> str:
    """C-style escapes, as ast_escape_c() makes them.

    Caller names, VarSet values and ChanVariable have them.
    """
    return "".join(_ESCAPES.get(character, character) for character in text)


def flatten(headers: Iterable[tuple[str, object]] | Mapping[str, object]) -> list[tuple[str, str]]:
    """Headers as pairs of text; a list or tuple as value repeats its header.

    Raises TypeError for what are none.
    """
    pairs: list[tuple[str, str]] = []
    given = list(
        islice(headers.items() if isinstance(headers, Mapping) else headers, _MOST_HEADERS + 1)
    )
    if len(given) > _MOST_HEADERS:
        raise ValueError(f"more than {_MOST_HEADERS} headers are given: no message has as many.")
    for key, value in given:
        checked(key, str, "the name of a header")
        if isinstance(value, list | tuple):
            pairs.extend((key, str(one)) for one in value)
        else:
            pairs.append((key, str(value)))
    return pairs


def render(headers: Iterable[tuple[str, str]]) -> bytes:
    """One frame. A value is written as it is: Asterisk does not escape here either."""
    return encode("".join(f"{key}: {value}\r\n" for key, value in headers) + "\r\n")


def command_follows(output: str, action_id: str | None) -> bytes:
    """The answer to Command up to Asterisk 13: free text between a head and ``--END COMMAND--``."""
    head = "Response: Follows\r\nPrivilege: Command\r\n"
    if action_id:
        head += f"ActionID: {action_id}\r\n"
    return encode(f"{head}{output}--END COMMAND--\r\n\r\n")
