"""A running ``ami_listen`` for these tests.

A real process whose receivers write down all that they are told.
"""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.asterisk.wire import wire
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.asterisk.conftest import Asterisk

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.asterisk.listening.settings")
SUMMARY = re.compile(
    r"Stopped: (\d+) events received, (\d+) delivered, (\d+) dropped, (\d+) ignored \(no "
    r"receiver\), (\d+) left, "
    r"(\d+) failed, (\d+) reconnects, \d+ gaps\."
)

#: A line of ``tests.asterisk.listening``: an event, a notice of the connection, or the outcome of
#: an action.
Line = dict[str, Any]


class Told(NamedTuple):
    """How an action of the worker's own ended.

    ``error`` is the name of its class, empty if there was none.
    """

    number: int
    error: str
    sent: bool
    text: str


class Worker(Program):
    """A running ``ami_listen`` whose receivers write down every event, and every loss."""

    def __init__(
        self,
        file: Path,
        servers: Mapping[str, str],
        *arguments: str,
        options: Mapping[str, object] | None = None,
        acting: bool = False,
    ) -> None:
        self._file = file
        self._lines: list[Line] = []
        self._read_to = 0
        setting = json.dumps(
            {name: {"URL": url, "OPTIONS": options or {}} for name, url in servers.items()}
        )
        more = {"AMI_TEST_ACTING": "1"} if acting else {}
        super().__init__(
            [*COMMAND, *arguments], AMI_TEST_FILE=file, AMI_TEST_SERVERS=setting, **more
        )

    # --- its lines so far ---

    @property
    def lines(self) -> list[Line]:
        """Everything, in the order in which its receivers were told."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read_to)
                whole, end, _ = file.read().rpartition(b"\n")
            self._read_to += len(whole + end)
            self._lines += [json.loads(line) for line in whole.splitlines()]
        return self._lines

    def of(self, kind: str, server: str = "") -> list[Line]:
        """The lines of one kind: ``event``, ``ready``, ``lost`` or ``action``.

        Of one server, if it is named.
        """
        return [line for line in self.lines if kind in line and server in ("", line["server"])]

    @property
    def events(self) -> list[Line]:
        return self.of("event")

    def connections(self, server: str = "pbx") -> list[list[bytes]]:
        """The events of each connection, as Asterisk sent them.

        Those of one come before the notice of its loss.
        """
        found: list[list[bytes]] = [[]]
        for line in self.lines:
            if line["server"] == server and "lost" in line:
                found.append([])
            elif line["server"] == server and "event" in line:
                found[-1].append(line["raw"].encode("latin-1"))
        return found

    def numbers(self, server: str = "") -> list[int]:
        """The numbers of the UserEvents that have one, and are not of the worker's own."""
        return [line["number"] for line in self.of("number", server)]

    def actions(self, server: str = "pbx") -> list[Told]:
        """The outcomes of its own actions, which are UserEvents with the name ``Own``."""
        return [
            Told(line["action"], line["error"], line["sent"], line["text"])
            for line in self.of("action", server)
        ]

    # --- waiting ---

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        try:
            wait_until(lambda: self._alive() and condition(), what=what)
        except TimeoutError as error:
            raise TimeoutError(f"{error} of {self}") from None

    def wait_for_number(self, number: int) -> None:
        self.wait_for(lambda: number in self.numbers(), f"number {number}")

    def wait_for_count(self, count: int, kind: str, server: str = "pbx") -> None:
        self.wait_for(lambda: len(self.of(kind, server)) >= count, f"{kind} {count} times")

    def _alive(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self}"
        return True

    # --- its end ---

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.signal(number)
        return self.wait()

    def summary(self) -> dict[str, int]:
        """The figures of the last line, whose sum is right, and agrees with what the receivers
        wrote down.
        """
        found = SUMMARY.fullmatch(self.out[-1])
        assert found is not None, str(self)
        names = ("received", "delivered", "dropped", "ignored", "left", "failed", "reconnects")
        figures = dict(zip(names, map(int, found.groups()), strict=True))
        assert figures["received"] == sum(
            figures[name] for name in ("delivered", "dropped", "ignored", "left", "failed")
        )
        assert figures["delivered"] == len(self.events)
        return figures


def url(
    asterisk: Asterisk, port: int | None = None, *, username: str = "admin", secret: str = "amp111"
) -> str:
    return f"ami://{username}:{secret}@{asterisk.host}:{port or asterisk.port}"


def tell(asterisk: Asterisk, *numbers: int) -> None:
    """Have Asterisk send a UserEvent for each number."""
    with wire(asterisk, "admin", Events="off") as it:
        for number in numbers:
            it.ask("UserEvent", UserEvent="Numbered", Number=str(number))


def connected_users(asterisk: Asterisk) -> int:
    with wire(asterisk, "admin", Events="off") as it:
        answer = it.ask("Command", Command="manager show connected")
    # The asking session is one of them.
    return int(re.findall(r"(\d+) users? connected", str(answer))[0]) - 1
