"""People who see, hear or move less than others can use the pages: axe-core finds no bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.axe import findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.admin.desk import Desk
    from tests.browser.site import Site

DARK = {"name": "prefers-color-scheme", "value": "dark"}
PAGES = (
    "lease/",
    "lease/node_1/hand-over/",
    "lease/send/",
    "lease/send/?action=Originate",
    "listener/",
    "actionlog/",
)


def faults(desk: Desk, axe: str) -> list[str]:
    """Those that the browser and axe-core find; styles that axe-core itself applies are none."""
    found = [*desk.board.complaints(), *findings(desk.board, axe)]
    # The field of a search has no visible label in any list of Django's admin.
    found = [one for one in found if not ("label-title-only" in one and 'name="q"' in one)]
    desk.board.complaints()
    desk.board.run("window.complaints = []")
    return found


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_axe_finds_nothing_serious(
    size: tuple[int, int], axe: str, site: Site, sit_down: Callable[..., Desk]
) -> None:
    desk = sit_down("chief", size=size)
    site.start_another_listener()
    desk.open()
    desk.wait_for_text(".ami-server tbody", "standby")
    for scheme in ([], [DARK]):
        desk.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        for page in PAGES:
            desk.open(page)
            assert faults(desk, axe) == [], (page, scheme)
        desk.open("lease/send/?action=QueueStatus")
        desk.find("#content input[type=submit]").click()
        desk.wait_for_text(".ami-answer", "QueueMember")
        assert faults(desk, axe) == [], scheme
        desk.open("lease/send/?action=QueuePause")
        desk.find("#content input[type=submit]").click()
        desk.wait_for_text("#content", "This field is required")
        assert faults(desk, axe) == [], scheme
