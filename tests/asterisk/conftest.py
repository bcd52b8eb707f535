"""The tests in this folder talk to a real Asterisk: the one that AMI_TEST_ASTERISK names.

`tests/asterisk/server up 22` installs and starts one and prints what to put there. Without it these
tests are skipped.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.asterisk.worker import Worker
from tests.running import WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 300


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asterisk)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


class Asterisk:
    """The address of the server, and the commands of `tests/asterisk/server` for it."""

    def __init__(self, url: str, version: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.version = version
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 5038
        self.tls_port = self.port + 1
        self.cert = Path(self._script("cert"))

    def cli(self, *command: str) -> str:
        """The answer of the Asterisk console."""
        self._is_ours()
        return self._script("cli", *command)

    @property
    def release(self) -> str:
        """Its version, as ``22.10.1``; a build of a branch has another kind of name."""
        return self.cli("core", "show", "version").split()[1]

    def start(self) -> None:
        """Returns once everything is loaded; at once if it runs.

        One that did not run finds its database empty.
        """
        self._is_ours()
        self._script("up", "--port", str(self.port))

    def stop(self) -> None:
        """An orderly end: connections are told (Event: Shutdown), and closed."""
        self._is_ours()
        self._script("down")

    def kill(self) -> None:
        """SIGKILL."""
        self._is_ours()
        self._script("kill")

    def restart(self) -> None:
        """stop() and start(), keeping Asterisk's database."""
        self._is_ours()
        self._script("restart")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP, and in the end SIGCONT: it lives, keeps its connections, and does nothing."""
        self._is_ours()
        self._script("freeze")
        try:
            yield
        finally:
            self._script("thaw")

    @contextmanager
    def configured(self, old: str, new: str) -> Iterator[None]:
        """With another manager.conf, reloaded: the first ``old`` in it is ``new``.

        In the end it is as it was.
        """
        self._is_ours()
        file = Path(self._script("config"), "manager.conf")
        text = file.read_text()
        assert old in text
        try:
            file.write_text(text.replace(old, new, 1))
            self.cli("manager reload")
            yield
        finally:
            self._script("config")
            self.cli("manager reload")

    def answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as connection:
                return connection.recv(64).startswith(b"Asterisk Call Manager/")
        except OSError:
            return False

    def settle(self) -> None:
        """It runs, and no call is left."""
        if not self.ours:
            return
        if not self.answers():
            self.start()
        if not self._script("cli", "core show channels count").startswith("0 active channels"):
            self._script("cli", "channel request hangup all")
            deadline = time.monotonic() + 10
            while not self._script("cli", "core show channels count").startswith(
                "0 active channels"
            ):
                assert time.monotonic() < deadline, "calls that cannot be hung up"
                time.sleep(0.02)

    @property
    def ours(self) -> bool:
        # The script remembers its port when the server is down, too.
        script = urlsplit(self._script("url"))
        return (script.hostname, script.port) == (self.host, self.port)

    def _is_ours(self) -> None:
        if not self.ours:
            pytest.skip(
                "needs the server of tests/asterisk/server, which is not the one at "
                f"{self.host}:{self.port}"
            )

    def _script(self, command: str, *rest: str) -> str:
        done = subprocess.run(
            [str(HERE / "server"), command, self.version, *rest],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            pytest.fail(
                f"tests/asterisk/server {command} {self.version}: exit "
                f"{done.returncode}\n{done.stderr}"
            )
        return done.stdout.strip()


@pytest.fixture(scope="session")
def asterisk() -> Asterisk:
    url = os.environ.get("AMI_TEST_ASTERISK")
    if not url:
        pytest.skip(
            "AMI_TEST_ASTERISK is not set: tests/asterisk/server starts a real Asterisk and "
            "prints it"
        )
    if WORKERS > 1:
        pytest.fail("these tests share, restart and kill one server: run them with -n0")
    return Asterisk(url, os.environ.get("AMI_TEST_ASTERISK_VERSION") or "22")


@pytest.fixture(autouse=True)
def _settled(asterisk: Asterisk) -> None:
    """Every test finds a server that runs and has no calls, whatever the one before did to it."""
    asterisk.settle()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """``listen(*arguments, name=url, …)`` starts a worker; ``options`` are those of its servers."""
    workers: list[Worker] = []

    def start(
        *arguments: str,
        options: Mapping[str, object] | None = None,
        acting: bool = False,
        **servers: str,
    ) -> Worker:
        file = tmp_path / f"events-{len(workers)}.jsonl"
        workers.append(Worker(file, servers, *arguments, options=options, acting=acting))
        return workers[-1]

    yield start
    for worker in workers:
        with worker:
            pass
