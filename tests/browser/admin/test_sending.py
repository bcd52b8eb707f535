"""The form of an action in a browser: by keyboard, and however often somebody clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from django_ami.testing import FakeAsterisk
    from tests.browser.admin.desk import Desk


def sent(asterisk: FakeAsterisk, action: str) -> int:
    """How many of these came from the form, which fills in the first header."""
    return sum(one.name == action and len(one.headers) > 2 for one in asterisk.received)


def test_action_is_chosen_filled_in_and_sent_by_keyboard(
    desk: Desk, asterisk: FakeAsterisk
) -> None:
    desk.open()
    desk.tab_to('a[href$="lease/send/"]')
    desk.press(Keys.ENTER)
    desk.wait_for_text("#content h1", "Send an action")
    desk.tab_to("#id_action")
    desk.press("QueueStatus")
    desk.tab_to("#content input[type=submit]")
    desk.press(Keys.ENTER)
    desk.wait_for_text("#content h1", "QueueStatus")
    desk.tab_to('[name="header-Queue"]')
    desk.press("support", Keys.ENTER)
    desk.wait_for_text("#ami-answer", "Success")
    desk.wait_for_text(".ami-answer", "QueueMember", "support")
    assert desk.find('[name="header-Queue"]').get_attribute("value") == "support"
    assert sent(asterisk, "QueueStatus") == 1


def test_two_clicks_send_once(desk: Desk, asterisk: FakeAsterisk) -> None:
    desk.open("lease/send/?action=UserEvent")
    desk.find('[name="header-UserEvent"]').send_keys("Test")
    desk.find('[name="confirm"]').click()
    button = desk.find("#content input[type=submit]")
    ActionChains(desk.driver).double_click(button).perform()
    desk.wait_for_text("#ami-answer", "Success")
    assert sent(asterisk, "UserEvent") == 1


def test_two_clicks_without_scripts_send_once(desk: Desk, asterisk: FakeAsterisk) -> None:
    desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    desk.open("lease/send/?action=UserEvent")
    desk.find('[name="header-UserEvent"]').send_keys("Test")
    desk.find('[name="confirm"]').click()
    button = desk.find("#content input[type=submit]")
    ActionChains(desk.driver).double_click(button).perform()
    desk.board.wait_for(lambda: sent(asterisk, "UserEvent"), "the action")
    desk.board.wait_for(
        lambda: (
            "was sent already" in desk.driver.page_source
            or "Answer: Success" in desk.driver.page_source
        ),
        "what became of it",
    )
    assert sent(asterisk, "UserEvent") == 1


def test_field_that_is_required_is_told(desk: Desk, asterisk: FakeAsterisk) -> None:
    desk.open("lease/send/?action=QueuePause")
    desk.find("#content input[type=submit]").click()
    desk.wait_for_text("#content", "Please correct the errors below", "This field is required")
    assert sent(asterisk, "QueuePause") == 0
