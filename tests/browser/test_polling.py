"""The same page behind a WSGI server, which cannot stream, and behind a proxy that holds back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.site import WSGI, Site
from tests.running import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


class Proxied:
    """A site as browsers see it behind a proxy."""

    def __init__(self, site: Site, port: str) -> None:
        self.url = f"http://127.0.0.1:{port}{urlsplit(site.url).path}"


@pytest.fixture
def proxied(site: Site) -> Iterator[Proxied]:
    """The site behind a proxy that collects answers."""
    command = [sys.executable, "-m", "tests.browser.collector", urlsplit(site.url).netloc]
    with Program(command) as proxy:
        yield Proxied(site, proxy.wait_for_out(""))


def test_page_asks_again_and_again_where_a_proxy_holds_the_stream_back(
    proxied: Proxied, browse: Callable[..., Board], phones: Phones
) -> None:
    board = browse(proxied, "supervisor")
    board.wait_for(lambda: "updates every 2 s" in str(board), "the word that it asks")
    board.wait_for_none("stale-banner")
    phones.call("+4930602", "7102")
    board.wait_for_row("call-row", "+4930602", state="answered")


def test_page_that_asks_begins_anew_when_its_visitor_has_other_rights(
    tmp_path: Path, database: Path, asterisk: FakeAsterisk, browse: Callable[..., Board]
) -> None:
    with Site(tmp_path, database, asterisk, WSGI) as site:
        board = browse(site, "supervisor")
        board.wait_for(lambda: "updates every 2 s" in str(board), "the word that it asks")
        board.run("window.mark = true")
        site.take_away("pause_agents")
        board.wait_for(lambda: board.run("return window.mark") is None, "a page made anew")
        board.wait_for_row("server-row", state="ready")
        assert not board.run("return document.querySelector('[data-action=pause]')")
