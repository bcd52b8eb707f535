"""Clicks that do something at the telephones, and show what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser.people import TELEPHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones
    from tests.browser.site import Site

STATUS = "dialog ami-call-status"


def call(board: Board, number: str) -> None:
    board.click('#call-box input[name="number"]')
    board.type('#call-box input[name="number"]', number)
    board.click("#call-box button")


def wait_for_status(board: Board, state: str, **data: str) -> str:
    """The words of the dialog about the call, once it is in that state."""
    selector = STATUS + "".join(
        f'[data-{name}="{value}"]' for name, value in {"state": state, **data}.items()
    )
    look = "return document.querySelector(arguments[0])?.innerText"
    board.wait_for(lambda: board.run(look, selector), selector)
    return str(board.run(look, selector))


def test_click_to_call_is_followed_through_ringing_to_answered_and_its_end(
    board: Board, asterisk: FakeAsterisk
) -> None:
    call(board, "7102")
    wait_for_status(board, "ringing")
    asterisk.wait_for_action("Originate", Channel=TELEPHONE, Exten="7102")
    wait_for_status(board, "ringing second")
    wait_for_status(board, "answered")
    board.wait_for_row("call-row", "7102", state="answered")
    board.click(f"{STATUS} .ami-hangup")
    assert "talked" in wait_for_status(board, "ended", outcome="answered")


def test_click_to_call_says_that_the_other_one_is_busy(board: Board) -> None:
    call(board, "busy")
    assert wait_for_status(board, "ended", outcome="busy") == "busy"


def test_click_to_call_refuses_what_is_no_number(board: Board, asterisk: FakeAsterisk) -> None:
    call(board, "7102&PJSIP/7103")
    board.wait_for_row("call-dialog", "7102&PJSIP/7103", "may not be called")
    asterisk.assert_action_not_sent("Originate")


def test_visitor_who_may_only_look_has_no_buttons_and_is_refused(
    site: Site, browse: Callable[..., Board], phones: Phones, asterisk: FakeAsterisk
) -> None:
    board = browse(site, "viewer")
    phones.call("+4930700", "7102")
    board.wait_for_row("call-row", "+4930700", state="answered")
    assert board.run("return document.querySelectorAll('[data-action], form').length") == 0
    assert board.run(POST, f"{site.url}calls/", {"number": "7103"}) == 403
    asterisk.assert_action_not_sent("Originate", Channel=TELEPHONE)


def test_click_of_a_visitor_whose_permission_was_taken_away_is_refused_and_says_so(
    site: Site, board: Board, asterisk: FakeAsterisk
) -> None:
    board.wait_for_row("server-row", state="ready")
    site.take_away("place_calls")
    call(board, "7102")
    board.wait_for_row("call-dialog", "You may not do this: ask for the permission.")
    asterisk.assert_action_not_sent("Originate", Channel=TELEPHONE)


#: As a script of somebody's own would.
POST = """
const { csrf } = JSON.parse(document.getElementById("ami-config").textContent);
return fetch(arguments[0], {method: "POST", body: new URLSearchParams(arguments[1]),
  headers: {[csrf.header]: csrf.token}}).then((answer) => answer.status);
"""


def test_agent_is_paused_by_a_click_and_comes_back(board: Board, asterisk: FakeAsterisk) -> None:
    bob = {"agent": "PJSIP/102"}
    board.wait_for_row("agent-row", state="available", **bob)
    board.click_action("agent-row", "pause", **bob)
    board.type('dialog [name="reason"]', "Lunch")
    board.click("dialog .ami-primary")
    board.wait_for_row("agent-row", "Lunch", state="paused", **bob)
    asterisk.assert_action_sent("QueuePause", Interface="PJSIP/102", Reason="Lunch")
    board.click_action("agent-row", "pause", **bob)
    board.click("dialog .ami-primary")
    board.wait_for_row("agent-row", state="available", **bob)


def test_call_is_hung_up_by_a_click(board: Board, phones: Phones) -> None:
    phones.call("+4930701", "7102")
    row = board.wait_for_row("call-row", "+4930701", state="answered")
    board.click_action("call-row", "hangup", call=row["call"])
    board.click("dialog .ami-danger")
    board.wait_for_row("call-row", call=row["call"], state="ended")


def test_party_of_a_call_is_sent_on_by_a_click(board: Board, phones: Phones) -> None:
    phones.call("+4930702", "7102")
    row = board.wait_for_row("call-row", "+4930702", state="answered")
    board.click_action("call-row", "transfer", call=row["call"])
    board.choose('dialog [name="party"]', "caller")
    board.type('dialog [name="to"]', "7103")
    board.click("dialog .ami-primary")
    board.wait_for_row("call-row", "+4930702", "7103", call=row["call"], state="answered")


@pytest.mark.parametrize(("mode", "options"), [("spy", "quE"), ("whisper", "quEw")])
def test_call_is_heard_as_its_visitor_has_chosen(
    board: Board, phones: Phones, asterisk: FakeAsterisk, mode: str, options: str
) -> None:
    phones.call("+4930704", "7102")
    row = board.wait_for_row("call-row", "+4930704", state="answered")
    board.click_action("call-row", "listen", call=row["call"])
    board.choose('dialog [name="mode"]', mode)
    board.choose('dialog [name="party"]', "caller")
    board.click("dialog .ami-primary")
    assert wait_for_status(board, "picked up").startswith("You hear the call.")
    data = f"{row['call']},{options}"
    asterisk.assert_action_sent("Originate", Channel=TELEPHONE, Application="ChanSpy", Data=data)
    board.click(f"{STATUS} .ami-hangup")
    wait_for_status(board, "ended")
    assert board.rows("call-row", call=row["call"])[0]["state"] == "answered"


def test_dialog_is_left_by_the_escape_key_with_nothing_done(board: Board, phones: Phones) -> None:
    phones.call("+4930703", "7102")
    row = board.wait_for_row("call-row", "+4930703", state="answered")
    for action in ("hangup", "transfer", "listen"):
        board.click_action("call-row", action, call=row["call"])
        board.wait_for_row(f"{action}-dialog")
        ActionChains(board.driver).send_keys(Keys.ESCAPE).perform()
        board.wait_for_none(f"{action}-dialog")
    assert board.rows("call-row", call=row["call"])[0]["state"] == "answered"
