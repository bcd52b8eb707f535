"""The page of servers is kept fresh, and a lease is handed over, by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.testing import FakeAsterisk
    from tests.browser.admin.desk import Desk
    from tests.browser.site import Site

SERVER = '[data-server="node_1"]'
STAMP = "window.stamp = 1"


def test_page_is_kept_fresh_without_being_loaded_again(
    desk: Desk, site: Site, asterisk: FakeAsterisk
) -> None:
    desk.open()
    desk.board.run(STAMP)
    desk.wait_for_text(SERVER, "delivers", "ready since", "Asterisk\n22", "127.0.0.1")
    received = '[data-listener] [data-cell="received"]'
    before = int(desk.text(received).replace(",", ""))
    for _ in range(7):
        asterisk.emit("UserEvent", UserEvent="Test")
    desk.board.wait_for(
        lambda: int(desk.text(received).replace(",", "")) >= before + 7, "the counter"
    )
    standby = site.start_another_listener()
    desk.wait_for_text(".ami-server tbody", "standby")
    standby.process.kill()
    desk.wait_for_text(".ami-server tbody", "not heard of since")
    site.kill_listener()
    desk.wait_for_text("#ami-summary", "No events are delivered of: node_1")
    desk.wait_for_text(f"{SERVER} h2", "no listener is heard of")
    assert desk.board.run("return window.stamp") == 1


def test_page_that_is_not_refreshed_says_so(desk: Desk, site: Site) -> None:
    desk.open()
    assert not desk.find("#ami-stale").is_displayed()
    site.stop_web()
    desk.wait_for_text("#ami-stale", "Not refreshed since")
    site.start_web()
    desk.board.wait_for(lambda: desk.text("#ami-stale") == "", "it is fresh again")
    desk.driver.delete_all_cookies()
    desk.wait_for_text("#ami-stale", "Your session is over")


def test_lease_is_handed_over_by_keyboard(desk: Desk, site: Site) -> None:
    desk.open()
    holder = desk.text(f'{SERVER} [data-cell="lease"]').partition(", token")[0]
    desk.tab_to("[data-hand-over]")
    desk.press(Keys.ENTER)
    desk.wait_for_text("#content", "There is no standby that could take over")
    desk.open()
    site.start_another_listener()
    desk.wait_for_text(".ami-server tbody", "standby")
    desk.board.wait_for(
        lambda: desk.text(".ami-server tbody").count("ready since") == 2, "both are ready"
    )
    desk.tab_to("[data-hand-over]")
    desk.press(Keys.ENTER)
    desk.wait_for_text("#content h1", "Hand over the lease of node_1?")
    desk.tab_to("#content input[type=submit]")
    desk.press(Keys.ENTER)
    desk.wait_for_text(".messagelist", "Handover requested")
    desk.board.wait_for(
        lambda: holder not in desk.text(f'{SERVER} [data-cell="lease"]'), "another has it"
    )
    desk.wait_for_text(f"{SERVER} h2", "delivers")
    site.listener.wait_for_err("chief has asked for a handover")


def test_page_without_scripts_has_all_of_it(sit_down: Callable[..., Desk], site: Site) -> None:
    desk = sit_down("chief")
    desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    desk.open()
    source = desk.driver.page_source
    for words in ("node_1", "delivers", "ready since", "Hand over"):
        assert words in source, words
