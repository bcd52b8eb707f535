"""The scripts of the page, each tested by scripts beside it, in a real browser."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import wallboard
from tests.browser import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parent / "scripts"
STATIC = Path(wallboard.__file__).parent / "static"

#: Runs all functions that a module exports; the names of those that ran, and the failures.
RUN = """
const done = arguments[arguments.length - 1];
import(arguments[0]).then(async (module) => {
  const failed = [];
  for (const [name, test] of Object.entries(module)) {
    try { await test(); } catch (error) { failed.push(`${name}: ${error.message}`); }
  }
  done([Object.keys(module).length, failed]);
}, (error) => done([0, [String(error)]]));
"""


class Files(SimpleHTTPRequestHandler):
    """Serves the scripts of the page and those of the tests, and says nothing."""

    def translate_path(self, path: str) -> str:
        folder = STATIC if path.startswith("/static/") else SCRIPTS
        return str(folder / path.partition("?")[0].removeprefix("/static/").lstrip("/"))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_scripts_of_the_page_do_as_their_tests_say(origin: str, tmp_path: Path) -> None:
    driver = chromium.start(tmp_path)
    try:
        driver.get(f"{origin}/expect.js")
        ran, failures = 0, []
        for path in sorted(SCRIPTS.glob("test_*.js")):
            count, failed = driver.execute_async_script(RUN, f"/{path.name}")
            ran += count
            failures += [f"{path.name}: {failure}" for failure in failed]
        (missing,) = driver.execute_async_script(RUN, "/no_such_test.js")[1]
        assert "no_such_test.js" in missing
    finally:
        driver.quit()
    assert failures == []
    assert ran > 40
