"""Seven tabs of one browser: it opens six connections to a server, and the page keeps one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import chromium

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.board import Board
    from tests.browser.phones import Phones
    from tests.browser.site import Site

TABS = 7


def open_tab(board: Board) -> str:
    board.driver.switch_to.new_window("tab")
    chromium.listen(board.driver)
    board.driver.get(board.site.url)
    return board.driver.current_window_handle


def streams(site: Site) -> int:
    """How many streams the web server has been asked for."""
    return sum("GET /wallboard/stream/" in line for line in site.web.out)


def test_seven_tabs_share_one_stream(site: Site, board: Board, phones: Phones) -> None:
    board.wait_for_row("server-row", state="ready")
    first = board.driver.current_window_handle
    tabs = [first, *(open_tab(board) for _ in range(TABS - 1))]
    phones.call("+4930501", "7102")
    for tab in tabs:
        board.driver.switch_to.window(tab)
        board.wait_for_row("call-row", "+4930501", state="answered")
        assert board.rows("stale-banner") == []
    assert streams(site) == 1


def test_tab_that_can_share_with_no_other_names_the_six_connections_of_a_browser(
    site: Site, browse: Callable[..., Board]
) -> None:
    board = browse(site, "supervisor", script="delete window.BroadcastChannel;")
    board.wait_for_row("server-row", state="ready")
    site.stop_web()
    try:
        board.wait_for_row("stale-banner", "A browser opens six connections to a server")
    finally:
        site.start_web()
    board.wait_for_none("stale-banner")


def test_another_tab_takes_over_when_the_one_with_the_stream_is_closed(
    site: Site, board: Board, phones: Phones
) -> None:
    board.wait_for_row("server-row", state="ready")
    first, second = board.driver.current_window_handle, open_tab(board)
    board.wait_for_row("server-row", state="ready")
    assert streams(site) == 1
    board.driver.switch_to.window(first)
    board.driver.close()
    board.driver.switch_to.window(second)
    phones.call("+4930502", "7102")
    board.wait_for_row("call-row", "+4930502", state="answered")
    board.wait_for_none("stale-banner")
    assert streams(site) == 2
