"""The page in German, and in a language that is written from right to left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.board import Board
    from tests.browser.site import Site

#: Where the first and the last column of the agents are.
PLACES = """
const cells = [...document.querySelectorAll('[data-testid="agent-row"] [role=cell]')];
return [cells[0], cells.at(-1)].map((cell) => cell.getBoundingClientRect().left);
"""


def test_page_is_german_for_a_visitor_who_reads_german(
    site: Site, browse: Callable[..., Board]
) -> None:
    board = browse(site, "viewer", "--accept-lang=de-DE,de")
    board.wait_for_row("agent-row", "Bob", "frei", state="available")
    board.wait_for_row("server-row", "bereit")
    assert board.run("return document.documentElement.lang") == "de"
    assert board.run("return document.documentElement.dir") == "ltr"


def test_page_runs_from_right_to_left_for_a_visitor_who_reads_arabic(
    site: Site, browse: Callable[..., Board]
) -> None:
    board = browse(site, "viewer", "--accept-lang=ar")
    board.wait_for_row("agent-row", "Bob", state="available")
    assert board.run("return document.documentElement.dir") == "rtl"
    name, actions = board.run(PLACES)
    assert name > actions, "the first column is the rightmost one"
    assert board.run("return document.documentElement.scrollWidth <= innerWidth")
