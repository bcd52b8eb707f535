r"""Text from the wire, made safe for a screen, a log and the message of an error.

Rule: anybody who can call a telephone can choose text that a server sends. So a character that is
no letter, sign or blank becomes an escape, as ``\x1b`` or ``\u202e``: control characters, line
ends, overrides of the direction, surrogates. Errors (``core.errors``), log lines (``core.log``) and
the commands' output all go through ``printable``.
"""

from __future__ import annotations

import re
import traceback
from typing import Final

from django_ami.core.redaction import without_secrets

__all__ = ["printable", "printable_traceback", "quoted"]

#: The words of a server that a message of ours repeats are cut here.
_LONGEST_QUOTATION_CHARACTERS: Final = 500
_ASCII_SIGNS: Final = re.compile(r"[ -~]*+")


def printable(text: str, encoding: str | None = None) -> str:
    """The text in one line, with escapes for terminal controls and for unencodable characters.

    A text that was escaped before stays as it is.
    """
    if _ASCII_SIGNS.fullmatch(text):
        return text
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
        )
    return text if encoding is None else text.encode(encoding, "backslashreplace").decode(encoding)


def quoted(text: str, most: int = _LONGEST_QUOTATION_CHARACTERS) -> str:
    """Foreign words for a message of ours: no secret, and at most so many characters."""
    text = text.strip()
    clean = printable(without_secrets(text[: 2 * most]))
    return clean if len(clean) <= most and len(text) <= 2 * most else f"{clean[: most - 1]}…"


def printable_traceback(error: BaseException) -> str:
    """A traceback as Python writes it, with escapes.

    The further lines of a message are indented: none of them can be taken for a line of the log.
    """
    lines: list[str] = []
    for piece in traceback.TracebackException.from_exception(error).format():
        first, *rest = piece.removesuffix("\n").split("\n")
        # Python's own pieces of several lines begin with a blank, or with an empty line.
        indent = "" if first[:1] in ("", " ") else "    "
        lines += [printable(first), *(indent + printable(one) for one in rest)]
    return "\n".join(lines)
