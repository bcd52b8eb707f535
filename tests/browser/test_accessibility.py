"""People who see, hear or move less than others can use the page: axe-core finds no bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser.axe import findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.board import Board
    from tests.browser.phones import Phones
    from tests.browser.site import Site

#: The actions of a row, each of which opens a dialog, and the kind of the row.
ROWS = {"listen": "call", "transfer": "call", "hangup": "call", "pause": "agent"}
DARK = {"name": "prefers-color-scheme", "value": "dark"}


def test_axe_finds_a_fault(axe: str, board: Board) -> None:
    board.run("document.body.append(document.createElement('button'))")
    assert any("button-name" in one for one in findings(board, axe))


@pytest.mark.timeout(300)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_dialogs(
    scheme: str, axe: str, board: Board, phones: Phones
) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    board.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    phones.call("+4930404", "7102")
    phones.confer("+4930405", "300", "PJSIP/other")
    call = board.wait_for_row("call-row", "+4930404", state="answered")["call"]
    agent = board.wait_for_row("agent-row", state="available")["agent"]
    board.wait_for_row("conference-row")
    for action, kind in ROWS.items():
        board.click_action(f"{kind}-row", action, **{kind: call if kind == "call" else agent})
        board.wait_for_row(f"{action}-dialog")
        assert findings(board, axe) == []
        close(board)
    for name in ("options", "help"):
        board.click(f"[data-command={name}]")
        board.wait_for_row(name)
        assert findings(board, axe) == []
        close(board)
    for number, seen in (("7102&PJSIP/7103", "may not be called"), ("7103", "talking")):
        board.type('#call-box input[name="number"]', number)
        board.click("#call-box button")
        board.wait_for_row("call-dialog", seen)
        assert findings(board, axe) == []
        close(board)
        board.wait_for_none("call-dialog")


def close(board: Board) -> None:
    """Leave the dialog that is open."""
    ActionChains(board.driver).send_keys(Keys.ESCAPE).perform()
    board.wait_for(lambda: board.run("return !document.querySelector('dialog[open]')"), "no dialog")
