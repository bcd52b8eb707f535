"""Python source: literals that stay within a line, and the formatter."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

__all__ = ["formatted", "text", "texts"]

_WIDTH = 66


def text(value: str) -> str:
    """A literal of the text; a long one in several pieces, within parentheses."""
    lines = [
        line + (" " if more else "\n\n")
        for paragraph in value.split("\n\n")
        for line, more in _wrapped(paragraph)
    ]
    lines[-1] = lines[-1].removesuffix("\n\n")
    pieces = [json.dumps(line, ensure_ascii=False) for line in lines]
    return pieces[0] if len(pieces) == 1 else f"({' '.join(pieces)})"


def _wrapped(paragraph: str) -> list[tuple[str, bool]]:
    """The lines of a paragraph, and of each whether more of the paragraph follows."""
    lines = textwrap.wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    return [(line, number < len(lines)) for number, line in enumerate(lines, 1)]


def texts(values: tuple[str, ...]) -> str:
    """A literal of a tuple of texts."""
    return f"({', '.join(map(text, values))}{',' * (len(values) == 1)})"


def formatted(source: str) -> str:
    """The source as ruff formats it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "generated.py", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
