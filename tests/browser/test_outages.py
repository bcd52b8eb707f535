"""Parts of the site die under a page that stays open all day."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.browser.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones

#: The page says that a listener is gone within this time.
STALE_SECONDS = 5.0


#: In another tab, which has the cookies of this one.
LOG_OUT = """
const { csrf } = JSON.parse(document.getElementById("ami-config").textContent);
return fetch(arguments[0], {method: "POST", headers: {[csrf.header]: csrf.token}});
"""


def mark(board: Board) -> None:
    """A mark that a navigation would wipe out."""
    board.run("window.mark = true")


def assert_not_reloaded(board: Board) -> None:
    assert board.run(
        "return [window.mark, performance.getEntriesByType('navigation')[0].type]"
    ) == [
        True,
        "navigate",
    ]


def test_dead_listener_is_told_and_its_successor_brings_the_right_state(
    site: Site, board: Board, phones: Phones
) -> None:
    mark(board)
    phones.call("+4930301", "7103")
    call = board.wait_for_row("call-row", "+4930301", state="answered")["call"]
    board.wait_for_none("stale-banner")
    killed = time.monotonic()
    site.kill_listener()
    board.wait_for_row("stale-banner")
    assert time.monotonic() - killed < STALE_SECONDS
    board.wait_for_row("server-row", server="node_1", state="stale")
    phones.hang_up("PJSIP/trunk-.*")
    phones.call("+4930302", "7102")
    site.start_listener()
    board.wait_for_none("stale-banner")
    board.wait_for_row("server-row", server="node_1", state="ready")
    board.wait_for_row("call-row", "+4930302", state="answered")
    board.wait_for_none("call-row", call=call)
    assert_not_reloaded(board)


def test_page_goes_on_without_a_reload_when_the_web_server_is_restarted(
    site: Site, board: Board, phones: Phones
) -> None:
    mark(board)
    phones.call("+4930303", "7103")
    board.wait_for_row("call-row", "+4930303", state="answered")
    site.stop_web()
    board.wait_for_row("stale-banner")
    phones.hang_up("PJSIP/trunk-.*")
    phones.call("+4930304", "7102")
    site.start_web()
    board.wait_for_none("stale-banner")
    board.wait_for_row("call-row", "+4930304", state="answered")
    board.wait_for_none("call-row", "+4930303")
    assert_not_reloaded(board)


def test_page_says_so_when_its_visitor_has_logged_out(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, browse: Callable[..., Board]
) -> None:
    # The server asks whether the visitor is still allowed whenever a stream begins.
    with Site(tmp_path, database, asterisk, AMI_TEST_STREAM_MINUTES=0.05) as site:
        board = browse(site, "supervisor")
        board.wait_for_row("server-row", server="node_1", state="ready")
        board.wait_for(lambda: streams(site) > 2, "the next streams")
        # On a loaded machine a stream may begin so late that the page was silent meanwhile.
        board.wait_for_none("stale-banner")
        board.run(LOG_OUT, "/logout/")
        board.wait_for_row("stale-banner", "You are logged out")
        board.click("#stale-login")
        board.enter("supervisor")
        board.wait_for_row("server-row", server="node_1", state="ready")
        board.wait_for_none("stale-banner")


def test_page_begins_anew_when_its_visitor_has_other_rights(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, browse: Callable[..., Board]
) -> None:
    with Site(tmp_path, database, asterisk, AMI_TEST_STREAM_MINUTES=0.05) as site:
        board = browse(site, "supervisor")
        board.wait_for_row("server-row", server="node_1", state="ready")
        mark(board)
        site.take_away("pause_agents")
        board.wait_for(lambda: board.run("return window.mark") is None, "a page made anew")
        board.wait_for_row("server-row", server="node_1", state="ready")
        config = "return JSON.parse(document.getElementById('ami-config').textContent).may"
        assert "pause" not in board.run(config)


def test_page_shows_nothing_of_a_server_that_has_another_name_now(site: Site, board: Board) -> None:
    board.wait_for_row("server-row", server="node_1", state="ready")
    site.rename_server("vienna")
    board.wait_for_row("server-row", server="vienna", state="ready")
    board.wait_for_none("server-row", server="node_1")
    board.wait_for_none("stale-banner")


def streams(site: Site) -> int:
    """How many streams the web server has been asked for."""
    return sum("GET /wallboard/stream/" in line for line in site.web.out)
