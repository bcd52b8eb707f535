"""Counts the clauses without an actor in comments, docstrings and documents.

The lint behind ``scripts/words``.

A clause that opens with "who", "whoever", "what", "so long", "so many" or "the same", and has no
noun before it, makes the reader guess who acts or what is meant. The lint prints each one and fails
above the committed number ``MOST``. Allowed are questions, relative clauses ("the leader, which
..."), a noun behind the word ("the same socket"), an infinitive ("what to do") and headings.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Clause", "Text", "headless_clauses", "in_document", "in_source", "main"]

ROOT: Final = Path(__file__).resolve().parents[1]
#: How many such clauses the tree may have: a few, for sentences that are better with one.
MOST: Final = 10
#: Folders with Python source, and the documents.
_SOURCE: Final = ("django_ami", "scripts", "tests")
_DOCUMENTS: Final = ("*.md", "docs/*.md")

#: The text before a clause: the begin of all text, the end of a sentence or clause, a conjunction.
_OPENING: Final = r"""(?:
    \A \s* ["'*_]*
  | (?: [.!?;:] | [(\[] | \s-+ ) ["'*_]* \s*
  | , \s+ (?: and | but | or | nor | so | yet ) \s+
)"""
#: Words behind which "who" and "whoever" have no noun before them either.
_BEFORE_WHO: Final = r"""(?: \b (?:
    about | after | and | are | as | at | because | before | but | by | for | from | if | in | is
  | of | on | or | than | that | to | unless | until | when | where | while | with
) \s+ )"""
#: "The same" is headless before the end of its clause, and before one of these words.
_THE_SAME: Final = r"""the\s+same (?= \s* (?: [.,;:)] | \Z ) | \s+ (?:
    as | at | behind | but | by | for | from | goes | happens | has | holds | if | in | is | of
  | on | once | over | through | to | when | where | with | without
) \b )"""
_HEADLESS: Final = re.compile(
    rf"""
      {_OPENING}
        (?P<first> who(?:ever)? | what(?:ever)? | so\s+(?:long|many|much|often|few) | {_THE_SAME} )
        \b (?!\s+to\b)
    | {_BEFORE_WHO} (?P<then> who(?:ever)? ) \b (?!\s+to\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: A question may begin so: "Who is it?"
_QUESTION: Final = re.compile(r"[^.;:!]*\?")
_MARKDOWN_NOISE: Final = re.compile(
    r"```.*?```|~~~.*?~~~|<!--.*?-->|^\#+\s[^\n]*|^\|[^\n]*(?=\n\|[\s:|-]+$)",
    re.DOTALL | re.MULTILINE,
)
_BLOCK_START: Final = re.compile(r"\s*(?:[-*+]\s|\d+\.\s|\||#|>|$)")


class Text(NamedTuple):
    """A paragraph, and the line on which it begins."""

    line: int
    text: str


class Clause(NamedTuple):
    """A clause without an actor: its line, and its beginning."""

    line: int
    text: str


def in_source(source: str) -> Iterator[Text]:
    """The paragraphs of all comments and docstrings of a Python file."""
    yield from _comments(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and (ast.get_docstring(node, clean=False) is not None):
                yield from _paragraphs(ast.literal_eval(first.value).splitlines(), first.lineno)


def in_document(document: str) -> Iterator[Text]:
    """The paragraphs of a Markdown file, without its code, its headings and those of its tables."""
    blank = _MARKDOWN_NOISE.sub(lambda found: "\n" * found[0].count("\n"), document)
    for line, text in _paragraphs(blank.splitlines(), 1):
        cells = re.split(r"(?<!\\)\|", text) if text.lstrip().startswith("|") else [text]
        for cell in cells:
            yield Text(line, re.sub(r"^\s*(?:[-*+]|\d+\.|#+|>)\s", "", cell))


def headless_clauses(texts: Iterator[Text]) -> Iterator[Clause]:
    """Each clause of these paragraphs that opens without an actor or a noun."""
    for line, text in texts:
        for found in _HEADLESS.finditer(text):
            start = found.start(found.lastgroup or 0)
            if not _QUESTION.match(text, start):
                yield Clause(line + text.count("\n", 0, start), " ".join(text[start:].split())[:60])


def _comments(source: str) -> Iterator[Text]:
    lines: list[str] = []
    begin = previous = 0
    place = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        if row != previous + 1 or column != place:
            yield from _paragraphs(lines, begin)
            lines, begin = [], row
        lines.append(re.sub(r"#+:?\s?(?:noqa.*|type: ignore\S*|---+)?", "", token.string))
        previous, place = row, column
    yield from _paragraphs(lines, begin)


def _paragraphs(lines: list[str], begin: int) -> Iterator[Text]:
    block: list[str] = []
    for number, line in enumerate(lines, begin):
        if block and _BLOCK_START.match(line):
            yield Text(number - len(block), "\n".join(block))
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield Text(begin + len(lines) - len(block), "\n".join(block))


def _tree() -> Iterator[tuple[Path, list[Clause]]]:
    for folder in _SOURCE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, list(headless_clauses(in_source(path.read_text(encoding="utf-8"))))
    for pattern in _DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            yield path, list(headless_clauses(in_document(path.read_text(encoding="utf-8"))))


def main() -> int:
    """Print each clause of the tree that has no actor, and their number. 1 if there are more than
    ``MOST``.
    """
    count = 0
    for path, clauses in _tree():
        for clause in sorted(clauses):
            print(f"{path.relative_to(ROOT)}:{clause.line}: {clause.text}")
            count += 1
    print(f"{count} clauses without an actor, at most {MOST} are allowed")
    return int(count > MOST)


if __name__ == "__main__":
    sys.exit(main())
