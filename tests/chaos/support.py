"""``ami_listen`` in a process of its own, with receivers that misbehave, and its last lines."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_ami.testing import Simulator

#: Set to run the long forms: half a minute each, more events.
LONG = bool(os.environ.get("AMI_TEST_LONG"))

#: How long a busy machine may take for the end of a process beyond the promised time.
_BUSY_SECONDS = 6.0

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.management.listening.settings")
QUICK = {"reconnect_initial": 0.05}


class Summary(NamedTuple):
    """The figures of the last line."""

    received: int
    delivered: int
    dropped: int
    ignored: int
    left: int
    failed: int
    reconnects: int


class Note(NamedTuple):
    """An event that reached a receiver."""

    server: str
    name: str
    number: int | None


class Listener(Program):
    """``ami_listen`` with the receivers of ``tests.chaos.worker``."""

    def __init__(
        self,
        file: Path,
        arguments: tuple[str, ...],
        env: Mapping[str, object],
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> None:
        self.file = file
        super().__init__(
            [*COMMAND, *arguments], stdout=stdout, stderr=stderr, CHAOS_FILE=file, **env
        )

    @property
    def notes(self) -> list[Note]:
        """The notes of the receivers so far."""
        rows = self.file.read_text().split("\n")[:-1] if self.file.exists() else []
        return [
            Note(server, name, int(number) if number != "-" else None)
            for server, name, number in (row.split() for row in rows)
        ]

    def numbers(self, name: str = "UserEvent", server: str = "node_1") -> list[int | None]:
        return [note.number for note in self.notes if note.name == name and note.server == server]

    def wait_for_notes(self, count: int, name: str = "UserEvent", server: str = "node_1") -> None:
        wait_until(
            lambda: len(self.numbers(name, server)) >= count or self.process.poll() is not None,
            what=f"{count} times {name} of {self}",
        )
        assert len(self.numbers(name, server)) >= count, str(self)

    @property
    def status(self) -> dict[str, dict[str, Any]]:
        """The ``status()`` at the very end of the process."""
        return json.loads(self.file.with_suffix(".status").read_text())

    @property
    def summary(self) -> Summary:
        """The figures of the exit line, whose sum has to be right."""
        line = next(line for line in reversed(self.out) if line.startswith("Stopped: "))
        found = Summary(*map(int, re.findall(r"\d+", line)[:7]))
        assert (
            found.received
            == found.ignored + found.delivered + found.failed + found.dropped + found.left
        ), line
        return found

    def stop(self, number: int, drain_timeout: float) -> int:
        """Signal it; its exit code.

        It has its drain timeout and a second, and the machine some more.
        """
        begun = time.monotonic()
        self.signal(number)
        return self._ends(drain_timeout, begun)

    def ends(self) -> int:
        """The exit of a process that signals itself, and has no receivers to wait for."""
        self.wait()
        return self._ends(0, float(self.file.with_suffix(".signalled").read_text()))

    def _ends(self, drain_timeout: float, begun: float) -> int:
        code = self.wait()
        took = time.monotonic() - begun
        assert took < drain_timeout + 1 + _BUSY_SECONDS, f"{took:.1f} s: {self}"
        print(f"ended after {took:.2f} s with {code}: {self.out[-1:]}")
        return code


@contextlib.contextmanager
def ami_listen(
    *servers: Simulator | str,
    receivers: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    patches: Mapping[str, object] | None = None,
    env: Mapping[str, object] | None = None,
    app: str = "tests.chaos.worker.ChaosConfig",
    settings: Mapping[str, object] | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    **options: object,
) -> Iterator[Listener]:
    """A listener to these servers, which are node_1, node_2, ….

    ``options`` are those of the servers.
    """
    all_settings = {
        "INSTALLED_APPS": ["django_ami", app],
        "AMI_OPTIONS": {**QUICK, **options},
        **(settings or {}),
    }
    urls = [server if isinstance(server, str) else server.url for server in servers]
    variables: dict[str, object] = {
        f"AMI_NODE{number}_URL": url for number, url in enumerate(urls, 1)
    }
    variables["AMI_TEST_SETTINGS"] = json.dumps(all_settings)
    variables["CHAOS_RECEIVERS"] = json.dumps(
        {"UserEvent": "note"} if receivers is None else receivers
    )
    variables["CHAOS_PATCHES"] = json.dumps(patches or {})
    with (
        tempfile.TemporaryDirectory() as folder,
        Listener(
            Path(folder, "notes"), arguments, {**variables, **(env or {})}, stdout, stderr
        ) as listener,
    ):
        yield listener


def settled(simulator: Simulator, logoffs: int = 1) -> int:
    """How many events the simulator has written when all who were connected have logged off."""
    simulator.wait_for(
        lambda: simulator.logoffs >= logoffs and not simulator.sessions, timeout=DEADLINE_SECONDS
    )
    return simulator.events_sent
