"""Standby listeners as real processes, on a database of their own."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django_ami.testing import Simulator
    from tests.operations.network import Namespace

SETTINGS = "tests.operations.settings"
COMMAND = (*PYTHON, "-m", "django", "ami_listen", f"--settings={SETTINGS}")
#: A lease for tests: short, and long enough for a machine that does ten other things.
TIMEOUT_SECONDS = 2.0


_FORGET = """
from django_ami.operations.models import Lease, Listener
Lease.objects.all().delete()
Listener.objects.all().delete()
"""


class Site:
    """A database, a file of notes, and the listeners that write there."""

    def __init__(
        self,
        folder: Path,
        servers: Iterable[Simulator],
        database: Mapping[str, object] | None = None,
        **options: object,
    ) -> None:
        self.file = folder / "notes.jsonl"
        self.database = dict(database or sqlite(folder))
        self.options = {
            "lease_timeout": TIMEOUT_SECONDS,
            "standby_interval": 0.1,
            "heartbeat_interval": 0.5,
            **options,
        }
        #: More of the settings of those that are started from now on.
        self.settings: dict[str, object] = {}
        self.servers = list(servers)
        self.listeners: list[Program] = []
        self._read: list[dict[str, Any]] = []
        self._offset = 0
        with self._program("migrate", "ami_operations", "--verbosity=0") as migrating:
            assert migrating.wait() == 0, str(migrating)

    def _program(self, *arguments: str, host: Namespace | None = None, **env: object) -> Program:
        command = [*PYTHON, "-m", "django", *arguments, f"--settings={SETTINGS}"]
        known = {
            "AMI_TEST_DATABASE": json.dumps(self.database),
            "AMI_TEST_OPERATIONS": json.dumps(self.options),
            "AMI_TEST_SETTINGS": json.dumps(self.settings),
            **{f"AMI_NODE{number}_URL": one.url for number, one in enumerate(self.servers, 1)},
        }
        return Program(command if host is None else host.command(command), **{**known, **env})

    def listen(self, *arguments: str, standby: bool = True, **env: Any) -> Program:
        """Start a listener; on this host, if it gets none."""
        own = ("--standby",) if standby else ()
        listener = self._program("ami_listen", *own, *arguments, AMI_TEST_FILE=self.file, **env)
        self.listeners.append(listener)
        return listener

    def active(self, *arguments: str, **env: Any) -> Program:
        """A listener that delivers: the first of all."""
        listener = self.listen(*arguments, **env)
        self.wait_for("ready", pid=listener.process.pid)
        return listener

    def standby(self, *arguments: str, **env: Any) -> Program:
        """A listener that is logged in, and waits."""
        listener = self.listen(*arguments, **env)
        listener.wait_for_out("standing by")
        return listener

    def web(self, address: str, settings: Mapping[str, object]) -> Program:
        """Start a web process, with these settings more."""
        more = json.dumps({**self.settings, **settings})
        return self._program("runserver", "--noreload", address, AMI_TEST_SETTINGS=more)

    def run(self, *arguments: str) -> Any:
        """Run a command that says JSON, in a line."""
        with self._program(*arguments) as program:
            program.wait()
            return json.loads(program.out[-1])

    def forget(self) -> None:
        """Begin with empty tables: the database may have been there before."""
        self.shell(_FORGET)

    def shell(self, code: str) -> None:
        """Run some Python in a process of the site."""
        with self._program("shell", "-c", code) as program:
            assert program.wait() == 0, str(program)

    def close(self) -> None:
        for listener in self.listeners:
            with suppress(ProcessLookupError):
                listener.process.send_signal(
                    18
                )  # SIGCONT: one that is stopped cannot be waited for
            listener.__exit__()

    # --- the notes ---

    @property
    def notes(self) -> list[dict[str, Any]]:
        if self.file.exists():
            with self.file.open() as file:
                file.seek(self._offset)
                lines = file.read().split("\n")[:-1]
            self._offset += sum(len(line) + 1 for line in lines)
            self._read += map(json.loads, lines)
        return self._read

    def told(self, what: str, **wanted: object) -> list[dict[str, Any]]:
        """The notes of a kind that have these values."""
        return [
            note
            for note in self.notes
            if note["what"] == what and all(note[key] == value for key, value in wanted.items())
        ]

    def wait_for(
        self, what: str, count: int = 1, *, timeout: float = DEADLINE_SECONDS, **wanted: object
    ) -> dict[str, Any]:
        """The note of that number, as soon as it is there."""
        wait_until(
            lambda: len(self.told(what, **wanted)) >= count,
            timeout,
            what=f"{count} {what} {wanted} of {self}",
        )
        return self.told(what, **wanted)[count - 1]

    def numbers(self, **wanted: object) -> list[int]:
        return [note["number"] for note in self.told("event", **wanted)]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.notes[-40:]), *map(str, self.listeners)])


def sqlite(folder: Path) -> dict[str, object]:
    """An entry of DATABASES."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / "site.sqlite3"),
        "OPTIONS": {"timeout": 5},
    }


@contextmanager
def hanging() -> Iterator[dict[str, object]]:
    """An entry of DATABASES: a database that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "NAME": "site",
            "PORT": server.getsockname()[1], "USER": "secret-user", "PASSWORD": "amp111",
        }  # fmt: skip


class Counter:
    """Emits numbered events, and knows which."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self.sent = 0

    def emit(self, count: int = 1, **more: object) -> None:
        for _ in range(count):
            self._server.emit("UserEvent", UserEvent="Test", Number=self.sent, **more)
            self.sent += 1


def seconds_since(begin: float) -> float:
    return time.monotonic() - begin
