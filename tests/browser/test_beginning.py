"""A page whose scripts or styles do not come says so, though no script of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.browser.board import Board
from tests.browser.site import ASGI, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

    from django_ami.testing import FakeAsterisk

#: A site that has forgotten its static files: 404 for each of them.
BARE = ("uvicorn", "django.core.asgi:get_asgi_application", "--factory", *ASGI[2:])


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Chrome]:
    driver = chromium.start(tmp_path / "profile")
    yield driver
    driver.quit()


def test_page_without_its_static_files_says_so_at_once(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, driver: Chrome
) -> None:
    with Site(tmp_path, database, asterisk, BARE) as site:
        board = Board(driver, site)
        board.log_in("viewer")
        board.wait_for_row("not-whole", "static files are not served")


def visit_without(file: str, site: Site, driver: Chrome) -> Board:
    """The page, as a supervisor sees it whose browser does not get this file."""
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [f"*/{file}"]})
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [still]})
    board = Board(driver, site)
    board.log_in("supervisor")
    return board


@pytest.mark.parametrize("file", ["main.js", "store.js", "actions.js", "dialogs.js"])
def test_page_without_one_of_its_scripts_says_so_after_a_while(
    site: Site, driver: Chrome, file: str
) -> None:
    board = visit_without(file, site, driver)
    assert board.rows("not-whole") == []
    board.wait_for_row("not-whole", "Load it again")


@pytest.mark.parametrize("file", ["wallboard.css", "calls.css"])
def test_page_without_one_of_its_styles_says_so(site: Site, driver: Chrome, file: str) -> None:
    board = visit_without(file, site, driver)
    board.wait_for_row("server-row", state="ready")
    board.wait_for_row("not-whole", "Load it again")


def test_page_that_is_whole_does_not_say_so(board: Board) -> None:
    board.wait_for_row("server-row", state="ready")
    gone = "return !document.getElementById('not-whole')"
    board.wait_for(lambda: board.run(gone), "no word of missing files")
