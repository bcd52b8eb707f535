"""Queues and their agents on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.board import Board
    from tests.browser.phones import Phones


def test_queue_fills_and_breaches_its_threshold(board: Board, phones: Phones) -> None:
    assert board.wait_for_row("queue-tile", queue="rush")["state"] == "ok"
    phones.call("+4930222", "rush")
    board.wait_for_row("queue-tile", queue="rush", waiting="1", state="ok")
    phones.call("+4930223", "rush")
    board.wait_for_row("queue-tile", queue="rush", waiting="2")
    board.wait_for_row("queue-tile", queue="rush", state="warning")
    board.wait_for_row("queue-tile", queue="rush", state="critical")
    phones.hang_up("PJSIP/trunk-.*")
    board.wait_for_row("queue-tile", queue="rush", waiting="0", state="ok")


def test_call_of_a_queue_is_at_its_agent(board: Board, phones: Phones) -> None:
    phones.call("+4930224", "support")
    board.wait_for_row("agent-row", agent="PJSIP/101", state="ringing")
    board.wait_for_row("agent-row", "+4930224", agent="PJSIP/101", state="talking")
    board.wait_for_row("call-row", "+4930224", "support", state="answered")
