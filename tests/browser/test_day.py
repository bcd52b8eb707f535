"""A page that stays open all day does not grow, and tells the right times at its end.

Once with the changes of eight hours, seven a second; once with clocks that a test puts forward.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.conf import global_settings

from tests.browser.ahead import PAGE_CLOCK, Ahead
from tests.browser.site import ASGI, Site
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones

CHANGES = 200_000
#: More rounds than that takes: the browser gets the last state of objects that change too fast.
ROUNDS = 100_000
ROUND_SECONDS = 0.1
DAY_SECONDS = 300.0
#: Between a fifth of the day and its end, without garbage. Were the calls kept that have ended,
#: it would be five times as much.
GROWTH_BYTES = 1_000_000
#: So often the sizes are taken, one after the other.
LOOKS = 8

#: The clocks are put forward by an hour at a time.
HOURS = 8

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
def busy_site(tmp_path: Path, database: Path, asterisk: FakeAsterisk) -> Iterator[Site]:
    day = ("tests.browser.day", str(ROUNDS), str(ROUND_SECONDS))
    with (
        redis_server(tmp_path) as url,
        Site(tmp_path, database, asterisk, ASGI, day, AMI_TEST_REDIS=url) as site,
    ):
        yield site


def sizes(board: Board) -> dict[str, int]:
    """The sizes of the page, without its garbage.

    The least of some looks: rows may be replaced between the collection and the count.
    """
    looks = [_look(board) for _ in range(LOOKS)]
    return {name: min(look[name] for look in looks) for name in looks[0]}


def _look(board: Board) -> dict[str, int]:
    board.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    heap = board.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})
    counters = board.driver.execute_cdp_cmd("Memory.getDOMCounters", {})
    return {
        "heap bytes": heap["usedSize"],
        "nodes": counters["nodes"],
        "listeners": counters["jsEventListeners"],
    }


@pytest.mark.timeout(700)
def test_page_does_not_grow_in_a_day(busy_site: Site, browse: Callable[..., Board]) -> None:
    board = browse(busy_site, "supervisor", script=COUNT)

    def changes() -> int:
        return board.run("return window.changes")

    board.wait_for(lambda: changes() > CHANGES / 5, "a fifth of the day", DAY_SECONDS)
    early = sizes(board)
    board.wait_for(lambda: changes() > CHANGES, "the end of the day", DAY_SECONDS)
    late = sizes(board)
    assert_not_grown(early, late)
    assert board.rows("call-row"), "the page still shows the calls"


def assert_not_grown(early: dict[str, int], late: dict[str, int]) -> None:
    assert late.pop("heap bytes") < early.pop("heap bytes") + GROWTH_BYTES
    assert [name for name, count in late.items() if count > 1.1 * early[name]] == []


@pytest.mark.timeout(400)
def test_times_are_right_and_nothing_has_grown_after_eight_hours(
    tmp_path: Path,
    database: Path,
    asterisk: FakeAsterisk,
    browse: Callable[..., Board],
    phones: Phones,
) -> None:
    clock = Ahead(tmp_path / "ahead")
    with Site(tmp_path, database, asterisk, AMI_TEST_AHEAD=clock.file) as site:
        board = browse(site, "supervisor", script=PAGE_CLOCK)
        phones.call("+4930901", "7102")
        phones.call("+4930902", "rush")
        board.wait_for_row("call-row", "+4930901", "0:0", state="answered")
        begun, early = time.time(), None
        for ahead in range(3600, HOURS * 3600 + 1, 3600):
            board.run("window.ahead = arguments[0]", ahead)
            clock.put(ahead)
            phones.call("+4930903", "7103", "PJSIP/guest")
            row = board.wait_for_row("call-row", "+4930903", "0:0", state="answered")
            phones.hang_up("PJSIP/guest-.*")
            board.wait_for_none("call-row", call=row["call"], state="answered")
            board.wait_for_none("stale-banner")
            early = early or sizes(board)
        assert_not_grown(early, sizes(board))
        passed = time.time() - begun + HOURS * 3600
        for row, place in (("call-row", "+4930901"), ("call-row", "+4930902"), ("server-row", "")):
            shown = seconds_of(board.wait_for_row(row, place)["text"])
            assert passed - 5 < shown < passed + 60, (row, place)
        longest = board.wait_for_row("queue-tile", queue="rush")["text"]
        assert passed - 5 < seconds_of(longest) < passed + 60
        clocks = (board.wait_for_row("clock")["text"], day_time(time.time() + HOURS * 3600))
        assert abs(seconds_of(clocks[0]) - seconds_of(clocks[1])) < 10, clocks


def seconds_of(text: str) -> int:
    """The first duration of hours in a text."""
    hours, minutes, seconds = re.search(r"\b(\d+):(\d\d):(\d\d)\b", text).groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def day_time(moment: float) -> str:
    """The time of day in the zone of the site, which has set none."""
    zone = ZoneInfo(global_settings.TIME_ZONE)
    return datetime.fromtimestamp(moment, zone).strftime("%H:%M:%S")
