"""People who see, hear or move less than others can use the page: axe-core finds no bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.axe import findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.board import Board
    from tests.browser.phones import Phones
    from tests.browser.site import Site

DARK = {"name": "prefers-color-scheme", "value": "dark"}


def test_axe_finds_a_fault(axe: str, board: Board) -> None:
    board.run("document.body.append(document.createElement('button'))")
    assert any("button-name" in one for one in findings(board, axe))


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_axe_finds_nothing_serious(
    size: tuple[int, int], axe: str, site: Site, browse: Callable[..., Board], phones: Phones
) -> None:
    board = browse(site, "supervisor", size=size)
    phones.call("+4930401", "support")
    phones.call("+4930402", "7102")
    phones.call("+4930403", "rush")
    board.wait_for_row("queue-tile", queue="rush", state="critical")
    for section in ("agents", "servers", "calls"):  # of which a phone shows one
        board.run("document.querySelector(`[data-tab=${arguments[0]}]`).click()", section)
        assert findings(board, axe) == []
    board.wait_for_row("call-row", "+4930402")
    assert findings(board, axe) == []
    board.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [DARK]})
    assert findings(board, axe) == []
    site.kill_listener()
    board.wait_for_row("stale-banner")
    assert findings(board, axe) == []
