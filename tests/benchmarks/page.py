"""How the wallboard feels in a browser: ``python -m tests.benchmarks.page``.

A call centre of 500 live calls sends 2,000 events a second to a listener, which publishes them on
Redis for a web server, and Chromium shows them. All of it shares this machine, so look at the load
that is printed beside the figures. Then the demo is opened for the first time.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_ami.testing import FakeAsterisk
from tests.benchmarks.events import CALLS, block
from tests.benchmarks.machine import describe
from tests.browser import chromium
from tests.browser.board import Board
from tests.browser.site import Site, make_database
from tests.running import PYTHON, Program
from tests.servers.redis import free_port, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS_PER_SECOND: Final = 2000
#: A batch of events is sent so often.
_BEAT_SECONDS: Final = 0.02
_UNIQUEID: Final = re.compile(rb"\b(1795459(\d{3}))(?=\.\d+\r\n)")

#: Figure → its goal: the least, or the most.
GOALS: Final = {
    "frames/s": (">=", 30.0),
    "long tasks of 50 ms and more": ("<=", 0.0),
    "KB/s to the browser": ("<=", 40.0),
    "demo: first paint, ms": ("<=", 1000.0),
    "demo: KB transferred": ("<=", 80.0),
}

#: Counts frames, and tasks that keep them waiting.
_METER: Final = """
window.meter = {frames: 0, tasks: []};
(function frame() { window.meter.frames += 1; requestAnimationFrame(frame); })();
new PerformanceObserver((list) => window.meter.tasks.push(...list.getEntries().map(
  ({duration}) => duration))).observe({type: "longtask", buffered: false});
"""
#: The first look at a page: the time of the first paint, the KB, and the number of files.
_FIRST_LOOK: Final = """
const [paint] = performance.getEntriesByName("first-contentful-paint");
const loaded = [...performance.getEntriesByType("navigation"),
                ...performance.getEntriesByType("resource")];
return [paint?.startTime, loaded.reduce((sum, {transferSize}) => sum + transferSize, 0) / 1024,
        loaded.length];
"""


class Traffic(threading.Thread):
    """Sends the events of calls, one after the other for ever; each call has an id of its own."""

    def __init__(self, server: FakeAsterisk) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self._serials: Counter[bytes] = Counter()
        self.sent = 0

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        events, begun = self._events(), time.monotonic()
        while not self._ended.wait(_BEAT_SECONDS):
            due = int((time.monotonic() - begun) * EVENTS_PER_SECOND) - self.sent
            self._server.send_raw(b"".join(next(events) for _ in range(due)))
            self.sent += due

    def _events(self) -> Iterator[bytes]:
        made, start = block(), 0
        while True:
            for start, end in zip([0, *made.ends], made.ends, strict=False):
                yield self._numbered(made.data[start:end])

    def _numbered(self, event: bytes) -> bytes:
        found = _UNIQUEID.search(event)
        assert found is not None
        if event.startswith(b"Event: Newchannel") and b"\r\nChannel: PJSIP/trunk" in event:
            self._serials[found[2]] += 1
        epoch = b"%d%b" % (1_800_000 + self._serials[found[2]], found[2])
        return _UNIQUEID.sub(epoch, event)


def measure_load(seconds: float) -> dict[str, float]:
    """The page at work."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(redis_server(folder))
        server = stack.enter_context(FakeAsterisk())
        database = make_database(folder / "new.sqlite3")
        site = stack.enter_context(Site(folder, database, server, AMI_TEST_REDIS=url))
        traffic = Traffic(server)
        traffic.start()
        stack.callback(traffic.stop)
        board = _look(stack, folder, site)
        board.log_in("viewer")
        board.wait_for(lambda: _calls(board) > 0.9 * CALLS, "the calls")
        board.run(_METER)
        board.driver.get_log("performance")
        begun, sent = time.monotonic(), traffic.sent
        time.sleep(seconds)
        meter = board.run("return window.meter")
        took = time.monotonic() - begun
        return {
            "events/s": (traffic.sent - sent) / took,
            "calls shown, some of them ended": _calls(board),
            "frames/s": meter["frames"] / took,
            "long tasks of 50 ms and more": float(len(meter["tasks"])),
            "longest task, ms": max(meter["tasks"], default=0.0),
            "KB/s to the browser": _received_bytes(board) / 1024 / took,
        }


def _calls(board: Board) -> float:
    text = board.run("return document.querySelector('#calls-panel [data-total]').textContent")
    return float(re.sub(r"\D", "", text) or 0)


def _look(stack: ExitStack, folder: Path, site: Any) -> Board:
    driver = chromium.start(folder / "profile", logs=("performance",))
    stack.callback(driver.quit)
    driver.execute_cdp_cmd("Network.enable", {})
    return Board(driver, site)


def _received_bytes(board: Board) -> float:
    """The bytes that have come over the network since the log was read last."""
    told = (
        json.loads(entry["message"])["message"] for entry in board.driver.get_log("performance")
    )
    return float(
        sum(
            one["params"]["encodedDataLength"] or one["params"]["dataLength"]
            for one in told
            if one["method"] == "Network.dataReceived"
        )
    )


def measure_first_look() -> dict[str, float]:
    """The wallboard of ``manage.py demo``, opened by a browser that has never seen it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        demo = stack.enter_context(_demo(folder))
        board = _look(stack, folder, demo)
        board.log_in("demo")
        board.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        board.driver.get(demo.url)
        board.wait_for_row("server-row")
        paint, size, files = board.run(_FIRST_LOOK)
        return {
            "demo: first paint, ms": paint,
            "demo: KB transferred": size,
            "demo: files": float(files),
        }


class _Demo:
    def __init__(self, url: str) -> None:
        self.url = url


@contextmanager
def _demo(folder: Path) -> Iterator[_Demo]:
    env = {"DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}"}
    command = [*PYTHON, "manage.py", "demo", f"--port={free_port()}"]
    with Program(command, **env) as program:
        line = program.wait_for_out("http://127.0.0.1:")
        found = re.search(r"http://[\w.:]+/[\w/]*", line)
        assert found is not None, line
        yield _Demo(found[0])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.page", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="under load")
    options = parser.parse_args()
    for name, value in describe().items():
        print(f"{name}: {value}")
    figures = measure_load(options.seconds) | measure_first_look()
    missed = 0
    for name, value in figures.items():
        sign, bound = GOALS.get(name, ("", 0.0))
        reached = not sign or (value >= bound if sign == ">=" else value <= bound)
        missed += not reached
        goal = f"{sign} {bound:g} {'reached' if reached else 'NOT REACHED'}" if sign else ""
        print(f"{name:<32} {value:>10.1f}  {goal}".rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
