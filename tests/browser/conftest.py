"""A site and browsers for each test, and the care that nothing goes wrong in a browser unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami.simulator.queues import Queue
from django_ami.testing import CallTimes, FakeAsterisk

pytest.importorskip("selenium", reason="selenium is not installed (the extra dev)")

from tests.browser import chromium
from tests.browser.axe import fetch
from tests.browser.board import Board
from tests.browser.phones import Phones
from tests.browser.site import Site, make_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: A telephone is picked up after so long; nobody hangs up during a test.
RING_SECONDS = 1.5
TALK_SECONDS = 600.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a site before anything has happened in it."""
    return make_database(tmp_path_factory.mktemp("browser") / "new.sqlite3")


@pytest.fixture
def asterisk() -> Iterator[FakeAsterisk]:
    times = CallTimes(ring=RING_SECONDS, duration=TALK_SECONDS, queue_patience=TALK_SECONDS)
    server = FakeAsterisk(times=times)
    server.pbx.queues["rush"] = Queue("rush")
    with server:
        yield server


@pytest.fixture
def phones(asterisk: FakeAsterisk) -> Iterator[Phones]:
    phones = Phones(asterisk)
    yield phones
    phones.close()


@pytest.fixture
def site(tmp_path: Path, database: Path, asterisk: FakeAsterisk) -> Iterator[Site]:
    with Site(tmp_path, database, asterisk) as site:
        yield site


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    """Opens a browser of its own on a site: ``browse(site, "supervisor")``."""
    boards: list[Board] = []

    def browse(site: Site, name: str, *flags: str, **options: Any) -> Board:
        profile = tmp_path / f"profile-{len(boards)}"
        driver = chromium.start(profile, *flags, **options)
        boards.append(Board(driver, site))
        boards[-1].log_in(name)
        return boards[-1]

    try:
        yield browse
        assert [board.complaints() for board in boards] == [[] for _ in boards]
    finally:
        for board in boards:
            board.driver.quit()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core."""
    return fetch(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def board(site: Site, browse: Callable[..., Board]) -> Board:
    """The wallboard of the site, as a supervisor sees it."""
    return browse(site, "supervisor")
