"""The lint of the words finds clauses without an actor.

``scripts/words`` counts those of the tree.
"""

from __future__ import annotations

import pytest

from tests import words


def lines_found(source: str) -> list[int]:
    return [clause.line for clause in words.headless_clauses(words.in_source(source))]


@pytest.mark.parametrize(
    "comment",
    [
        "#: So long, in seconds, who waits for an answer looks for it.",
        "# Whoever leads looks at the sockets, and has closed its eyes.",
        "# The same, for who connects by himself.",
        "# A leader leaves, and who comes next takes the loop.",
        "# Nothing is sent: what has left is not known.",
        "# So many replies are awaited on that socket.",
        "# Called for whoever asks.",
        "# (what it wrote is lost)",
    ],
)
def test_lint_finds_comment_whose_clause_has_no_actor(comment: str) -> None:
    assert set(lines_found(f"x = 1\n{comment}\n")) == {2}


@pytest.mark.parametrize(
    "comment",
    [
        "#: How long a waiting thread polls before it sleeps.",
        "# The leader, who polls the sockets, mutes the outer epoll.",
        "# It reads the same socket, the same way.",
        "# Who is it?",
        "# The message says what to do.",
        "# A caller who waits has its reply.",
    ],
)
def test_lint_accepts_comment_whose_clauses_name_their_actor(comment: str) -> None:
    assert lines_found(f"x = 1\n{comment}\n") == []


def test_lint_names_line_of_clause_inside_docstring() -> None:
    assert lines_found(
        'def f():\n    """Send it.\n\n    It returns at once;\n    what fails is raised.\n    """\n'
    ) == [5]


def test_lint_joins_lines_of_one_comment() -> None:
    assert lines_found("# The socket is closed. The\n# same for the timer.\n") == [1]


def test_lint_reads_no_code_and_no_heading_of_document() -> None:
    document = "# What it costs\n\n```\nwhat = 1; what\n```\n\nNothing. What is sent is kept.\n"
    assert [clause.line for clause in words.headless_clauses(words.in_document(document))] == [7]
