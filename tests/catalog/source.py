"""Python source: literals that stay within a line, and the formatter."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

__all__ = ["formatted", "text", "texts"]

_WIDTH = 84


def text(value: str) -> str:
    """A literal of the text; a long one in several pieces, within parentheses."""
    lines = [
        line
        for paragraph in value.splitlines(keepends=True)
        for line in textwrap.wrap(paragraph.rstrip("\n"), _WIDTH, break_long_words=False, drop_whitespace=False)
        + ["\n"] * paragraph.endswith("\n")
    ]
    if len(lines) <= 1:
        return json.dumps(value, ensure_ascii=False)
    return f"({' '.join(json.dumps(line, ensure_ascii=False) for line in lines)})"


def texts(values: tuple[str, ...]) -> str:
    """A literal of a tuple of texts."""
    return f"({', '.join(map(text, values))}{',' * (len(values) == 1)})"


def formatted(source: str) -> str:
    """The source as ruff formats it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "generated.py", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
