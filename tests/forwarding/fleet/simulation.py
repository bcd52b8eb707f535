"""Kills any part of a fleet, again and again, and counts what has become of the events.

Each server has two listeners, of which one holds its lease. They forward to a Redis that writes
each command to its disk, and consumers share the partitions. A part that was killed is started
again, and the next one is killed when all is well again.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from django_ami.testing import FakeAsterisk
from tests.running import PYTHON, Program, wait_until
from tests.servers.postgresql import PostgreSQL
from tests.servers.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from django_ami.testing import Simulator

__all__ = ["Fleet", "Outcome"]

_SERVERS: Final = 2
_LISTENERS_OF_A_SERVER: Final = 2
_CONSUMERS: Final = 4
_CALLS: Final = 40
#: Events of each server.
_EVENTS_PER_SECOND: Final = 100
_BURSTS_PER_SECOND: Final = 20
#: An event is delivered a moment after it was written, by clocks of whole milliseconds.
_SLACK_SECONDS: Final = 1.0
#: The longest time after a fault until all is well again.
_RECOVERY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of some faults, of all servers together."""

    kills: dict[str, int]
    written: int
    #: Events that no receiver got, and that no gap tells of.
    lost: int
    #: Events that no receiver got, within gaps: nobody listened.
    in_gaps: int
    gaps: int
    #: Events that came behind a later one of their call, when they came first.
    out_of_order: int
    #: Events that came again.
    doubles: int
    #: Events that came again with another id.
    unrecognised: int


class _Calls:
    """Numbered events of some calls at a server, and when each was written."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self.written: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            first, count = len(self.written), _EVENTS_PER_SECOND // _BURSTS_PER_SECOND
            data = "".join(map(_event, range(first, first + count)))
            self.written += [time.time()] * count
            self._server.emit_bytes("UserEvent", data.encode())
            due += 1 / _BURSTS_PER_SECOND


def _event(number: int) -> str:
    call = f"1.{number % _CALLS}"
    return (
        f"Event: UserEvent\r\nPrivilege: user,all\r\nChannel: PJSIP/{call}\r\nUniqueid: {call}\r\n"
        f"Linkedid: {call}\r\nUserEvent: Test\r\nNumber: {number}\r\n\r\n"
    )


class Fleet:
    """Use it as a context manager: inside, all parts run and the servers write events."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._file = folder / "events"
        self._redis = RedisServer(folder, appendonly=True)
        self._programs: dict[str, Program] = {}
        self._calls: dict[str, _Calls] = {}
        self._stack = ExitStack()
        self._kills: Counter[str] = Counter()
        #: The lines of the file that were read, and up to where it was.
        self._told: list[dict[str, Any]] = []
        self._read = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            servers = {
                f"node_{number}": stack.enter_context(FakeAsterisk())
                for number in range(1, _SERVERS + 1)
            }
            database = stack.enter_context(PostgreSQL())
            stack.enter_context(self._redis)
            self._env = {
                "FLEET_DATABASE": json.dumps(database.setting()),
                "FLEET_SERVERS": json.dumps({name: one.url for name, one in servers.items()}),
                "FLEET_REDIS": self._redis.url,
                "FLEET_FILE": str(self._file),
            }
            stack.callback(self._end_programs)
            with self._start("migrate", "-v0") as migration:
                assert migration.wait() == 0, str(migration)
            for name in (*self._listeners(), *self._consumers()):
                self._run(name)
            for name, server in servers.items():
                self._wait_for_listener(name)
                calls = self._calls[name] = _Calls(server)
                stack.callback(calls.end)
            self._wait_until_all_is_well()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _wait_for_listener(self, server: str) -> None:
        wait_until(
            lambda: any(
                one["what"] == "ready" and one["server"] == server for one in self._lines()
            ),
            _RECOVERY_SECONDS,
            what=f"a listener of {server}",
        )

    # --- its parts ---

    @staticmethod
    def _listeners() -> Iterator[str]:
        for server in range(1, _SERVERS + 1):
            for number in range(1, _LISTENERS_OF_A_SERVER + 1):
                yield f"listener {number} of node_{server}"

    @staticmethod
    def _consumers() -> Iterator[str]:
        return (f"consumer {number}" for number in range(1, _CONSUMERS + 1))

    def _run(self, name: str) -> None:
        if name.startswith("consumer"):
            self._programs[name] = self._start("ami_consume")
            return
        server = name.rpartition(" ")[2]
        self._programs[name] = self._start(
            "ami_listen", f"--server={server}", "--standby",
            FLEET_SPOOL=str(self._folder / name.replace(" ", "_")),
        )  # fmt: skip

    def _start(self, *arguments: str, **env: str) -> Program:
        command = [*PYTHON, "-m", "django", *arguments]
        return Program(command, DJANGO_SETTINGS_MODULE=f"{__package__}.settings",
                       **self._env, **env)  # fmt: skip

    def _end_programs(self) -> None:
        for program in self._programs.values():
            with program:
                pass

    # --- faults ---

    def kill_any(self) -> str:
        """Kill one of all parts and start it again; back when all is well. Says which it was."""
        name = self._chance.choice(("redis", *self._programs))
        if name == "redis":
            self._redis.kill()
            time.sleep(self._chance.uniform(0.0, 1.5))
            self._redis.start()
        else:
            with self._programs[name] as program:
                program.process.kill()
            time.sleep(self._chance.uniform(0.0, 1.5))
            self._run(name)
        self._kills[name.partition(" ")[0]] += 1
        self._wait_until_all_is_well()
        return name

    def _wait_until_all_is_well(self) -> None:
        """Events that are written from now on arrive, of every server."""
        behind = {name: len(calls.written) for name, calls in self._calls.items()}

        def arrive() -> bool:
            newest = self._newest()
            return all(newest.get(name, -1) >= number for name, number in behind.items())

        wait_until(arrive, _RECOVERY_SECONDS, what=f"events behind {behind} of {self._newest()}")

    def _newest(self) -> dict[str, int]:
        newest: dict[str, int] = {}
        for one in self._lines():
            if one["what"] == "event":
                newest[one["server"]] = max(newest.get(one["server"], -1), one["number"])
        return newest

    def _lines(self) -> list[dict[str, Any]]:
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read)
                whole, _, _ = file.read().rpartition(b"\n")
            if whole:
                self._told += map(json.loads, whole.split(b"\n"))
                self._read += len(whole) + 1
        return self._told

    # --- the outcome ---

    def end(self) -> Outcome:
        """Write no more; wait until all is delivered that will be, and count."""
        for calls in self._calls.values():
            calls.end()
        with suppress(TimeoutError):
            wait_until(lambda: not self._lost(), _RECOVERY_SECONDS)
        return self._outcome()

    def _lost(self) -> list[tuple[str, int]]:
        return [one for one, at in self._missing() if not self._is_in_gap(one[0], at)]

    def _missing(self) -> list[tuple[tuple[str, int], float]]:
        got = {(one["server"], one["number"]) for one in self._lines() if one["what"] == "event"}
        return [
            ((name, number), at)
            for name, calls in self._calls.items()
            for number, at in enumerate(calls.written)
            if (name, number) not in got
        ]

    def _is_in_gap(self, server: str, at: float) -> bool:
        return any(
            one["begin"] - _SLACK_SECONDS <= at <= one["end"] + _SLACK_SECONDS
            for one in self._lines()
            if one["what"] == "gap" and one["server"] == server
        )

    def _outcome(self) -> Outcome:
        ids: dict[tuple[str, int], list[str]] = defaultdict(list)
        newest: dict[tuple[str, int], int] = {}
        out_of_order = 0
        for one in self._lines():
            if one["what"] != "event":
                continue
            server, number = one["server"], one["number"]
            if (server, number) not in ids:
                call = server, number % _CALLS
                out_of_order += number < newest.get(call, -1)
                newest[call] = max(number, newest.get(call, -1))
            ids[server, number].append(one["id"])
        lost = len(self._lost())
        return Outcome(
            kills=dict(self._kills),
            written=sum(len(calls.written) for calls in self._calls.values()),
            lost=lost,
            in_gaps=len(self._missing()) - lost,
            gaps=sum(one["what"] == "gap" for one in self._lines()),
            out_of_order=out_of_order,
            doubles=sum(len(some) - 1 for some in ids.values()),
            unrecognised=sum(len(set(some)) - 1 for some in ids.values()),
        )
