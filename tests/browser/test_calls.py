"""A call, from its first ring to its end, as those see it who look on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.testing import scenarios
from tests.browser.phones import Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.site import Site

CALLER, CALLEE, TARGET = "+4930111", "7102", "7103"


@pytest.fixture
def story(asterisk: FakeAsterisk) -> Story:
    """A call that its callee sends on to somebody else."""
    return Story(asterisk, scenarios.blind_transfer(CALLER, CALLEE, TARGET))


def test_call_appears_is_answered_transferred_and_ends(board: Board, story: Story) -> None:
    story.until("DialState")
    row = board.wait_for_row("call-row", CALLER, CALLEE, state="ringing")
    story.until("BridgeEnter", Uniqueid=row["call"])
    board.wait_for_row("call-row", CALLER, CALLEE, call=row["call"], state="answered")
    story.until("BlindTransfer")
    story.until("DialState")
    board.wait_for_row("call-row", CALLER, call=row["call"], state="ringing")
    story.until("BridgeEnter", Uniqueid=row["call"])
    board.wait_for_row("call-row", CALLER, TARGET, call=row["call"], state="answered")
    story.to_the_end()
    board.wait_for_row("call-row", CALLER, call=row["call"], state="ended")
    board.wait_for_none("call-row", call=row["call"])


def test_timer_of_a_call_goes_on_by_itself(board: Board, story: Story) -> None:
    story.until("BridgeEnter", Uniqueid=board_id(board, story))
    first = board.wait_for_row("call-row", "0:01", state="answered")
    board.wait_for_row("call-row", "0:03", call=first["call"])


def board_id(board: Board, story: Story) -> str:
    """The id of the call, once it rings."""
    story.until("DialState")
    return board.wait_for_row("call-row", CALLER)["call"]


def test_two_browsers_agree(
    site: Site, board: Board, browse: Callable[..., Board], story: Story
) -> None:
    other = browse(site, "viewer")
    story.until("DialState")
    rows = [one.wait_for_row("call-row", CALLER, state="ringing") for one in (board, other)]
    assert rows[0]["call"] == rows[1]["call"]
    story.until("BridgeEnter", Uniqueid=rows[0]["call"])
    for one in (board, other):
        one.wait_for_row("call-row", CALLER, call=rows[0]["call"], state="answered")
    story.to_the_end()
    for one in (board, other):
        one.wait_for_row("call-row", CALLER, call=rows[0]["call"], state="ended")
