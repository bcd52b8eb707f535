"""A pair of listeners under a flood of events, and the outcome of a fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from django_ami.testing import FakeAsterisk
from tests.operations.flood import Flood
from tests.operations.probe import Probe
from tests.operations.support import Site
from tests.running import wait_until

if TYPE_CHECKING:
    from tests.operations.databases import Server
    from tests.operations.network import Namespace
    from tests.running import Program

__all__ = ["Clock", "Outcome", "Scene"]

#: An event is delivered a moment after it was written.
_SLACK_SECONDS: Final = 1.0
_HOUR_SECONDS: Final = 3600.0
_FOLDERS: Final = getattr(find_spec("libfaketime"), "submodule_search_locations", None) or ["."]
_LIBRARY: Final = Path(_FOLDERS[0], "vendor/libfaketime/src/libfaketime.so.1").resolve()
_PROBE: Final = "import time; print(time.time()); time.sleep(0.001)"


class Clock:
    """A clock that can be set: that of the processes that run with ``env``.

    The clocks that nobody can set, CLOCK_MONOTONIC and CLOCK_BOOTTIME, go on as they are.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.shift = 0.0
        self.set(0.0)
        self.env = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @staticmethod
    def missing() -> str:
        """Why there can be none here; empty if there can."""
        if not _LIBRARY.exists():
            return "libfaketime is not installed (the extra 'dev' has it)"
        with tempfile.TemporaryDirectory() as name:
            clock = Clock(Path(name, "clock"))
            clock.set(_HOUR_SECONDS)
            probe = [sys.executable, "-c", _PROBE]
            env = {**os.environ, **clock.env}
            done = subprocess.run(probe, env=env, capture_output=True, text=True, check=False)
        if done.returncode or float(done.stdout) < time.time() + _HOUR_SECONDS / 2:
            return f"{_LIBRARY} does not work here: {done.stderr.strip()}"
        return ""

    def set(self, seconds: float) -> None:
        """Set it so far forward, within a second."""
        self.shift = seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.replace(self._file)
        os.utime(self._file)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a fault. Times are in seconds."""

    #: From each fault to the first event that another process delivered.
    takeovers: tuple[float, ...]
    #: The longest time in which nobody delivered.
    silence: float
    written: int
    #: Events that were delivered more than once.
    doubles: int
    missing: int
    #: Events that are missing, and in no gap.
    unexplained: int
    #: The length of each gap that was told.
    gaps: tuple[float, ...]
    #: The tokens never went back, and all that was delivered was delivered under a valid lease.
    orderly: bool
    #: The answers of ``/ami/health/ready`` since the first fault, if it was asked.
    ready: tuple[str, ...]


class Scene:
    """Use it as a context manager: ``first`` delivers, ``second`` stands by, events come.

    ``host``: that of the first one, with the lines "database" and "asterisk". ``clock`` is that of
    ``whose``: "holder" or "standby". ``rate`` and ``seconds`` are those of ``Flood``.
    ``probed``: a web process is asked how all is.
    """

    def __init__(
        self,
        folder: Path,
        server: Server,
        *,
        lease: float,
        rate: int = 200,
        seconds: float = 0.0,
        host: Namespace | None = None,
        clock: Clock | None = None,
        whose: str = "",
        probed: bool = False,
    ) -> None:
        self.folder, self.server, self.lease = folder, server, lease
        self.host, self.clock = host, clock
        self._whose = whose
        self._probed = probed
        self._probe: Probe | None = None
        self._rate, self._seconds = rate, seconds
        self._stack = ExitStack()
        #: By ``time.monotonic``: when a fault began, and the process that delivered until then.
        self._marks: list[tuple[float, int]] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            near = {"host": self.host.address("asterisk")} if self.host else {}
            sim = stack.enter_context(FakeAsterisk(**near))
            options = {"lease_timeout": self.lease, "heartbeat_interval": self.lease / 2}
            self.site = Site(self.folder, [sim], self.server.setting, **options)
            stack.callback(self.site.close)
            self.site.forget()
            self.site.settings = {"AMI_OPTIONS": self._options()}
            self.first = self.site.active(**self._surroundings())
            self.second = self.site.standby(**self._clock_of("standby"))
            flood = Flood(sim, self._rate, seconds=self._seconds)
            self.flood = stack.enter_context(flood)
            self.site.wait_for("event", self._rate)
            if self._probed:
                self._probe = stack.enter_context(Probe(self.site, self.lease / 20))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _options(self) -> dict[str, float]:
        """With a lease of ten seconds, all as it is by default."""
        return {
            "reconnect_initial": 0.05,
            "heartbeat_interval": 1.5 * self.lease,
            "read_timeout": 3 * self.lease,
        }

    def _surroundings(self) -> dict[str, Any]:
        """Those of the first listener."""
        own = self._clock_of("holder")
        if self.host is None:
            return own
        database = {**self.server.setting, "HOST": self.host.address("database")}
        return {**own, "host": self.host, "AMI_TEST_DATABASE": json.dumps(database)}

    def _clock_of(self, who: str) -> dict[str, Any]:
        return dict(self.clock.env) if self.clock is not None and self._whose == who else {}

    # --- for faults ---

    @property
    def active(self) -> Program:
        """The one that has delivered last."""
        pid = self.site.told("event")[-1]["pid"]
        return next(one for one in self.site.listeners if one.process.pid == pid)

    def mark(self) -> None:
        """A fault begins now."""
        self._marks.append((time.monotonic(), self.active.process.pid))

    def wait_for_other(self, timeout: float | None = None) -> None:
        """Back when another one has delivered since the last mark."""
        wait_until(
            lambda: self._taken_over(*self._marks[-1]) is not None,
            timeout or 3 * self.lease + 20,
            what=f"another one delivers: {self.site}",
        )

    def pause(self, leases: float) -> None:
        """Wait for so many times the lease."""
        time.sleep(leases * self.lease)

    # --- the outcome ---

    def end(self) -> Outcome:
        """Back when somebody delivers, and no more is written, and the last one is delivered."""
        behind = len(self.flood.written) + 2 * self._rate // 50
        wait_until(
            lambda: any(number >= behind for number in self.site.numbers()[-1:]),
            3 * self.lease + 30,
            what=f"event {behind} of {self.site}",
        )
        self.flood.end()
        last = len(self.flood.written) - 1
        wait_until(
            lambda: self.site.notes and last in self.site.numbers()[-1:],
            3 * self.lease + 30,
            what=f"event {last} of {self.site}",
        )
        return self._outcome()

    def _taken_over(self, at: float, pid: int) -> float | None:
        for note in self.site.notes:
            if note["what"] == "event" and note["at"] >= at and note["pid"] != pid:
                return float(note["at"]) - at
        return None

    def _outcome(self) -> Outcome:
        told = self.site.told("event")
        gaps = self._gaps()
        counts = Counter(note["number"] for note in told)
        missing = [
            (number, at) for number, at in enumerate(self.flood.written) if number not in counts
        ]
        unexplained = [
            number
            for number, at in missing
            if not any(b - _SLACK_SECONDS <= at <= e + _SLACK_SECONDS for b, e in gaps)
        ]
        ats = [note["at"] for note in told]
        tokens = [note["token"] for note in told]
        took = (self._taken_over(*mark) for mark in self._marks)
        return Outcome(
            takeovers=tuple(one for one in took if one is not None),
            silence=max(after - before for before, after in pairwise(ats)),
            written=len(self.flood.written),
            doubles=sum(count - 1 for count in counts.values()),
            missing=len(missing),
            unexplained=len(unexplained),
            gaps=tuple(end - begin for begin, end in gaps),
            orderly=tokens == sorted(tokens) and all(note["valid"] for note in told),
            ready=() if self._probe is None else self._probe.since(self._marks[0][0]),
        )

    def _gaps(self) -> list[tuple[float, float]]:
        """Begin and end, by the clock of this machine."""
        listeners = {"holder": self.first, "standby": self.second}
        shifts = {
            listeners[who].process.pid: self.clock.shift
            for who in listeners
            if self.clock is not None and who == self._whose
        }
        return [
            (note["begin"] - shift, note["end"] - shift)
            for note in self.site.told("gap")
            for shift in (shifts.get(note["pid"], 0.0),)
        ]
