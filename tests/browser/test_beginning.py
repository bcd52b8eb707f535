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
        board.wait_for_row("not-begun", "static files are not served")


@pytest.mark.parametrize("name", ["main.js", "store.js"])
def test_page_without_one_of_its_scripts_says_so_after_a_while(
    site: Site, driver: Chrome, name: str
) -> None:
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [f"*/{name}"]})
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [still]})
    board = Board(driver, site)
    board.log_in("viewer")
    assert board.rows("not-begun") == []
    board.wait_for_row("not-begun", "Load it again")


def test_page_that_has_begun_does_not_say_so(board: Board) -> None:
    board.wait_for_row("server-row", state="ready")
    assert board.run("return document.getElementById('not-begun')") is None
