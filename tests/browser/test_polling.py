"""The same page behind a WSGI server, which cannot stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.site import WSGI, Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones


def test_page_asks_again_and_again_and_says_so_where_the_server_cannot_stream(
    tmp_path: Path,
    database: Path,
    asterisk: FakeAsterisk,
    browse: Callable[..., Board],
    phones: Phones,
) -> None:
    with Site(tmp_path, database, asterisk, WSGI) as site:
        board = browse(site, "supervisor")
        board.wait_for(lambda: "updates every 2 s" in str(board), "the word that it asks")
        phones.call("+4930601", "7102")
        board.wait_for_row("call-row", "+4930601", state="answered")
        phones.hang_up("PJSIP/trunk-.*")
        board.wait_for_none("call-row", "+4930601", state="answered")
