"""The pictures of the docs are of the pages as they are.

``AMI_TEST_SCREENSHOTS=docs/images`` keeps them there; otherwise they are made and looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.test_screenshots import MOST_BYTES, picture, size_of, small

if TYPE_CHECKING:
    from tests.browser.admin.desk import Desk
    from tests.browser.site import Site

WIDTH, HEIGHT = 1280, 720


def keep(desk: Desk, name: str, folder: Path, scheme: str = "light") -> None:
    png = picture(desk.board, WIDTH, HEIGHT, 1.0, scheme)
    assert size_of(png) == (WIDTH, HEIGHT)
    assert 10_000 < len(png) < MOST_BYTES
    (folder / f"{name}.png").write_bytes(small(png))


def test_pictures_are_of_a_pair_of_listeners(desk: Desk, site: Site, tmp_path: Path) -> None:
    folder = Path(os.environ.get("AMI_TEST_SCREENSHOTS") or tmp_path)
    site.start_another_listener()
    desk.open()
    desk.board.wait_for(
        lambda: desk.text(".ami-server tbody").count("ready since") == 2, "both are ready"
    )
    desk.wait_for_text('[data-cell="latency"]', " ms")
    assert not desk.find("#ami-stale").is_displayed()  # no box without words
    for scheme in ("light", "dark"):
        keep(desk, f"admin-servers-{scheme}", folder, scheme)
    desk.open("lease/send/?action=QueueStatus")
    desk.find('[name="header-Queue"]').send_keys("support")
    desk.find("#content input[type=submit]").click()
    desk.wait_for_text(".ami-answer", "QueueMember")
    keep(desk, "admin-send", folder)
    desk.open("actionlog/")
    desk.wait_for_text("#result_list", "QueueStatus")
    keep(desk, "admin-log", folder)
