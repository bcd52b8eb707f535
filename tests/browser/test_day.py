"""A page that stays open all day does not grow: the changes of eight hours, seven a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.site import ASGI, Site
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board

CHANGES = 200_000
#: More rounds than that takes: the browser gets the last state of objects that change too fast.
ROUNDS = 100_000
ROUND_SECONDS = 0.1
DAY_SECONDS = 150.0
#: Between a fifth of the day and its end, without garbage. Were the calls kept that have ended,
#: it would be five times as much.
GROWTH_BYTES = 1_000_000

#: Counts the changes that come in.
COUNT = """
window.changes = 0;
const Plain = window.EventSource;
window.EventSource = class extends Plain {
  constructor(...all) {
    super(...all);
    for (const kind of ["whole", "change"]) this.addEventListener(kind, ({ data }) => {
      window.changes += data.match(/"(call|agent|queue):/g)?.length ?? 0;
    });
  }
};
"""


@pytest.fixture
def site(tmp_path: Path, database: Path, asterisk: FakeAsterisk) -> Iterator[Site]:
    day = ("tests.browser.day", str(ROUNDS), str(ROUND_SECONDS))
    with (
        redis_server(tmp_path) as url,
        Site(tmp_path, database, asterisk, ASGI, day, AMI_TEST_REDIS=url) as site,
    ):
        yield site


def sizes(board: Board) -> dict[str, int]:
    """The sizes of the page, without its garbage."""
    board.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    heap = board.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})
    counters = board.driver.execute_cdp_cmd("Memory.getDOMCounters", {})
    return {
        "heap bytes": heap["usedSize"],
        "nodes": counters["nodes"],
        "listeners": counters["jsEventListeners"],
    }


@pytest.mark.timeout(400)
def test_page_does_not_grow_in_a_day(site: Site, browse: Callable[..., Board]) -> None:
    board = browse(site, "supervisor", script=COUNT)

    def changes() -> int:
        return board.run("return window.changes")

    board.wait_for(lambda: changes() > CHANGES / 5, "a fifth of the day", DAY_SECONDS)
    early = sizes(board)
    board.wait_for(lambda: changes() > CHANGES, "the end of the day", DAY_SECONDS)
    late = sizes(board)
    assert late.pop("heap bytes") < early.pop("heap bytes") + GROWTH_BYTES
    assert [name for name, count in late.items() if count > 1.1 * early[name]] == []
    assert board.rows("call-row"), "the page still shows the calls"
