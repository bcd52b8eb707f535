"""How the wallboard feels in a browser: ``python -m tests.benchmarks.page``.

A call centre of 500 live calls sends 2,000 events a second to a listener, which publishes them on
Redis for a web server, and Chromium shows them. All of it shares this machine, so the work of the
page is told in time of its own CPU, and its bytes as a socket gets them. Frames per second are
those of this machine under this load. Then the demo is opened for the first time.
"""

from __future__ import annotations

import argparse
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django_ami.testing import FakeAsterisk
from tests.benchmarks.events import CALLS, block
from tests.benchmarks.machine import describe
from tests.benchmarks.tracing import task_milliseconds
from tests.browser import chromium
from tests.browser.board import Board
from tests.browser.site import Site, make_database
from tests.running import PYTHON, Program, free_port
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS_PER_SECOND: Final = 2000
#: A task as long as that is felt.
LONG_MS: Final = 50.0
#: For so long a call that has ended is shown: by then the page is full.
_FULL_SECONDS: Final = 11.0
#: A batch of events is sent so often.
_BEAT_SECONDS: Final = 0.02
_UNIQUEID: Final = re.compile(rb"\b(1795459(\d{3}))(?=\.\d+\r\n)")

#: Figure → its goal: the least, or the most.
GOALS: Final = {
    "frames/s": (">=", 30.0),
    "tasks of 50 ms of CPU and more": ("<=", 0.0),
    "CPU of the page, ms/s": ("<=", 300.0),
    "KB/s to the browser": ("<=", 40.0),
    "demo: first paint, ms": ("<=", 1000.0),
    "demo: KB transferred": ("<=", 80.0),
}

#: Counts frames.
_METER: Final = """
window.frames = 0;
(function frame() { window.frames += 1; requestAnimationFrame(frame); })();
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
        time.sleep(_FULL_SECONDS)
        board.run(_METER)
        begun, sent, frames = time.monotonic(), traffic.sent, board.run("return window.frames")
        reading = _Reading(board)
        tasks = task_milliseconds(board.driver, seconds)
        frames = board.run("return window.frames") - frames
        took = time.monotonic() - begun
        return {
            "events/s": (traffic.sent - sent) / took,
            "calls shown, some of them ended": _calls(board),
            "frames/s": frames / took,
            "CPU of the page, ms/s": sum(tasks) / seconds,
            "tasks of 50 ms of CPU and more": float(sum(task >= LONG_MS for task in tasks)),
            "longest task, ms of CPU": max(tasks, default=0.0),
            "KB/s to the browser": reading.stop(),
        }


class _Reading(threading.Thread):
    """A stream beside the one of the page, with its cookies, of which the bytes are counted."""

    def __init__(self, board: Board) -> None:
        super().__init__(daemon=True)
        url = urlsplit(board.site.url)
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in board.driver.get_cookies())
        self._socket = socket.create_connection((url.hostname, url.port))
        self._socket.sendall(
            f"GET {url.path}stream/ HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: {cookies}\r\n"
            "Accept-Encoding: gzip, deflate\r\n\r\n".encode()
        )
        # The whole picture comes first, and is none of it.
        while not self._socket.recv(1 << 16).endswith(b"\r\n"):
            pass
        self._bytes, self._begun = 0, time.monotonic()
        self.start()

    def run(self) -> None:
        while part := self._socket.recv(1 << 16):
            self._bytes += len(part)

    def stop(self) -> float:
        """End it; the KB/s."""
        rate = self._bytes / 1024 / (time.monotonic() - self._begun)
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join()
        return rate


def _calls(board: Board) -> float:
    text = board.run("return document.querySelector('#calls-panel [data-total]').textContent")
    return float(re.sub(r"\D", "", text) or 0)


def _look(stack: ExitStack, folder: Path, site: Any) -> Board:
    driver = chromium.start(folder / "profile")
    stack.callback(driver.quit)
    driver.execute_cdp_cmd("Network.enable", {})
    return Board(driver, site)


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
