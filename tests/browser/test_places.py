"""Where calls are: their places in queues, parking spaces and conferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.simulator.dialplan import PARK_EXTEN
from django_ami.simulator.queues import Queue
from tests.browser import chromium
from tests.browser.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones

#: The texts of rows that do not fit into their cells.
CUT = """
const cells = ".row:not(.head) :is(.who, .who bdi, .queue, .state, .time)";
return [...document.querySelectorAll(cells)]
  .filter((cell) => getComputedStyle(cell).display !== "inline")
  .filter((cell) => cell.scrollWidth > cell.clientWidth)
  .map((cell) => cell.innerText);
"""

#: The figures and labels of tiles that do not fit into their places.
CUT_IN_TILES = """
return [...document.querySelectorAll(".tile :is(b, .label)")]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
  .map((one) => one.innerText);
"""


def test_callers_of_a_queue_have_their_places_and_move_up(board: Board, phones: Phones) -> None:
    phones.call("+4930801", "rush", "PJSIP/one")
    board.wait_for_row("call-row", "+4930801", "rush no. 1", state="queued")
    phones.call("+4930802", "rush", "PJSIP/two")
    board.wait_for_row("call-row", "+4930802", "rush no. 2", state="queued")
    phones.hang_up("PJSIP/one-.*")
    board.wait_for_row("call-row", "+4930802", "rush no. 1", state="queued")
    board.wait_for_none("call-row", "+4930801", "no. 1")


def test_parked_caller_is_listed_until_somebody_takes_him(board: Board, phones: Phones) -> None:
    assert board.rows("parked-row") == []
    phones.call("+4930803", PARK_EXTEN)
    row = board.wait_for_row("parked-row", "+4930803", "701")
    board.wait_for_row("call-row", "+4930803", "701", call=row["parked"], state="parked")
    phones.hang_up("PJSIP/trunk-.*")
    board.wait_for_none("parked-row")


def test_conference_is_listed_with_the_number_of_its_people(board: Board, phones: Phones) -> None:
    phones.confer("+4930804", "300")
    board.wait_for_row("conference-row", "300", "1", conference="300")
    phones.confer("+4930805", "300")
    board.wait_for_row("conference-row", "300", "2", conference="300")
    phones.hang_up("PJSIP/trunk-.*")
    board.wait_for_none("conference-row")


def test_no_name_or_number_is_cut_on_a_screen_of_1400_pixels(
    site: Site, browse: Callable[..., Board], phones: Phones
) -> None:
    board = browse(site, "supervisor", size=(1400, 860))
    phones.call('"Praxis Dr. Weiss" <+49301234567>', "support")
    phones.call('"Hannah O\'Neill" <+49301234568>', "rush")
    board.wait_for_row("agent-row", "Praxis Dr. Weiss", "+49301234567", "support", state="talking")
    board.wait_for_row("call-row", "Hannah O'Neill", "+49301234568", "rush no. 1")
    assert board.run(CUT) == []


@pytest.mark.parametrize("size", [(1366, 768), (1600, 900), (1920, 1080)])
def test_no_figure_is_cut_on_a_tv(
    site: Site, browse: Callable[..., Board], phones: Phones, size: tuple[int, int]
) -> None:
    board = browse(site, "supervisor", size=size)
    phones.call("+4930808", "support")
    phones.call("+4930809", "rush")
    board.wait_for_row("queue-tile", "100%", queue="support")
    board.wait_for_row("queue-tile", queue="rush", state="critical")
    board.click("[data-command=tv]")
    board.wait_for(lambda: board.run("return location.hash") == "#tv", "the TV")
    assert board.run(CUT_IN_TILES) == []
    assert board.run(TOTALS_BEYOND) == []


def test_curve_of_the_day_is_in_sight_on_a_tv_beside_a_parked_caller(
    site: Site, browse: Callable[..., Board], phones: Phones
) -> None:
    board = browse(site, "supervisor", size=(1366, 768))
    board.click("[data-command=tv]")
    phones.call("+4930806", PARK_EXTEN)
    board.wait_for_row("parked-row", "+4930806", "701")
    assert board.run("return document.querySelector('.curve-panel').offsetHeight") > 100


#: The totals that are beyond an edge of the screen.
TOTALS_BEYOND = """
return [...document.querySelectorAll(".totals :is(b, .label, li, .crew-bar)")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.innerText || one.className);
"""
#: The figures of tiles that are beyond an edge of the screen.
BEYOND = """
return [...document.querySelectorAll(".tile b")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.innerText);
"""
LONG = "Donaudampfschifffahrtsgesellschaft, the desk for all that is very urgent "


def test_figures_of_a_queue_with_a_long_name_are_in_sight_on_a_phone(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, browse: Callable[..., Board]
) -> None:
    asterisk.pbx.queues[LONG] = Queue(LONG)
    with Site(tmp_path, database, asterisk) as site:
        board = browse(site, "supervisor", size=(390, 844))
        board.wait_for_row("queue-tile", LONG.strip())
        assert board.run(BEYOND) == []


def test_tv_that_begins_with_more_queues_than_fit_shows_as_many_as_fit(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, browse: Callable[..., Board]
) -> None:
    asterisk.pbx.queues.update({f"queue {n}": Queue(f"queue {n}") for n in range(40)})
    with Site(tmp_path, database, asterisk) as site:
        board = browse(site, "supervisor", size=(1600, 900))
        board.driver.switch_to.new_window("tab")
        chromium.listen(board.driver)
        board.driver.get(f"{site.url}#tv")
        board.wait_for_row("queue-tile")
        assert board.run("return document.getElementById('pages').innerText").startswith("1 /")
        assert board.run(CUT_IN_TILES) == []
