"""The page under the hands of a supervisor: its keys, and its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver import ActionChains, Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.board import Board
    from tests.browser.phones import Phones
    from tests.browser.site import Site

#: Counts the tones that the page plays.
COUNT_TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) { window.tones += 1; start.apply(this, at); };
"""
FOCUSED = "return document.activeElement.closest('[data-agent]')?.dataset.agent"
#: The names of the animations of the tile of a queue.
ANIMATIONS = """
return document.querySelector('[data-queue="rush"]').getAnimations({subtree: true})
  .map(({animationName}) => animationName);
"""


def press(board: Board, *keys: str) -> None:
    ActionChains(board.driver).send_keys(*keys).perform()


def agents(board: Board) -> list[str]:
    """The names of the agents in the order of the page."""
    return [row["text"].split("\n")[0] for row in board.rows("agent-row")]


def test_rows_are_filtered_sorted_and_walked_through_by_keys_alone(
    board: Board, phones: Phones
) -> None:
    phones.call("+4930101", "7102")
    phones.call("+4930102", "7103")
    board.wait_for_row("call-row", "+4930102")
    press(board, "/", "30101")
    board.wait_for_none("call-row", "+4930102")
    assert board.rows("call-row", "+4930101")
    press(board, Keys.ESCAPE, Keys.ESCAPE)
    board.wait_for_row("call-row", "+4930102")
    names = sorted(agents(board))
    press(board, "3", "r")
    board.wait_for(lambda: agents(board) == names[::-1], "the other way round")
    press(board, "r", "j")
    board.wait_for(lambda: agents(board) == names, "the first order")
    first = board.run(FOCUSED)
    press(board, "j")
    second = board.run(FOCUSED)
    press(board, "k")
    assert first
    assert board.run(FOCUSED) == first != second
    press(board, "s", "s")
    board.driver.refresh()
    board.wait_for_row("agent-row")
    sorted_by = "return document.getElementById('agents').dataset.sort"
    assert board.run(sorted_by) == "since", "the browser remembers it"


def test_queue_that_breaches_flashes_and_sounds_where_somebody_wants_that(
    site: Site, browse: Callable[..., Board], phones: Phones
) -> None:
    board = browse(site, "supervisor", script=COUNT_TONES)
    board.wait_for_row("server-row", state="ready")
    press(board, "m")
    assert board.run("return window.tones") == 2, "a person who tries it hears it"
    phones.call("+4930222", "rush")
    board.wait_for_row("queue-tile", queue="rush", state="critical")
    board.wait_for(lambda: board.run("return window.tones") == 4, "a sound")
    board.wait_for(lambda: board.run(ANIMATIONS) == ["flash"], "a flash")
    press(board, "m", "o")
    board.click("#options [name=flash]")
    press(board, Keys.ESCAPE)
    board.wait_for(lambda: board.run(ANIMATIONS) == [], "no flash")
    phones.hang_up("PJSIP/trunk-.*")
    board.wait_for_row("queue-tile", queue="rush", waiting="0", state="ok")
    phones.call("+4930223", "rush")
    board.wait_for_row("queue-tile", queue="rush", state="critical")
    said = "return document.getElementById('live-region').textContent"
    board.wait_for(lambda: "rush" in board.run(said), "a word for screen readers")
    assert board.run("return window.tones") == 4
    assert board.run(ANIMATIONS) == []


@pytest.mark.parametrize("hours", [-24, 24])
def test_times_are_those_of_the_server_whatever_the_clock_of_the_browser_says(
    site: Site, browse: Callable[..., Board], phones: Phones, hours: int
) -> None:
    wrong = f"""
      const Right = Date;
      const wrong = () => Right.now() + {hours} * 3600e3;
      window.Date = class extends Right {{
        constructor(...all) {{ all.length ? super(...all) : super(wrong()); }}
        static now() {{ return wrong(); }}
      }};
    """
    right, board = browse(site, "viewer"), browse(site, "supervisor", script=wrong)
    phones.call("+4930103", "7102")
    row = board.wait_for_row("call-row", "+4930103", "0:0", state="answered")
    board.wait_for_row("call-row", "0:03", call=row["call"])
    board.wait_for_none("stale-banner")
    shown = [one.rows("clock")[0]["text"][:5] for one in (right, board)]
    assert (minutes(shown[0]) - minutes(shown[1])) % (24 * 60) in {0, 1, 24 * 60 - 1}


def minutes(text: str) -> int:
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)
