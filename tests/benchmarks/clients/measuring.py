"""Shared by all clients: the meter, and the way to run a task.

It needs nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import TYPE_CHECKING, Any

from tests.benchmarks.machine import cpu_seconds, peak_bytes, wakeups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: No task takes so long, in seconds, unless something is broken.
PATIENCE_SECONDS = 300.0


class Meter:
    """CPU, time and wake-ups between two moments; in between, it counts events.

    ``at_end`` is called at the end, instead of waking who waits.
    """

    def __init__(self, expected: int = 0, at_end: Callable[[], object] | None = None) -> None:
        self.expected = expected
        self._over = threading.Event()
        self._at_end = at_end or self._over.set
        self.begin()

    def begin(self) -> None:
        self.seen = 0
        self._woken, self._cpu, self._clock = wakeups(), cpu_seconds(), time.perf_counter()

    def end(self) -> None:
        self.cpu, self.seconds = cpu_seconds() - self._cpu, time.perf_counter() - self._clock
        self.wakeups = wakeups() - self._woken
        self._at_end()

    def count(self) -> None:
        """One more event; the last one ends it."""
        self.seen += 1
        if self.seen == self.expected:
            self.end()

    def wait(self) -> dict[str, Any]:
        """The result, when all events are there."""
        if not self._over.wait(PATIENCE_SECONDS):
            raise TimeoutError(
                f"{self.seen} of {self.expected} events came in {PATIENCE_SECONDS:g} s."
            )
        return self.result()

    def result(self, **more: Any) -> dict[str, Any]:
        return {
            "cpu": self.cpu,
            "seconds": self.seconds,
            "wakeups": self.wakeups,
            "count": self.expected,
            **more,
        }


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """The middle and the worst of many, in microseconds."""
    ordered = sorted(seconds)
    return {
        "p50": ordered[len(ordered) // 2] * 1e6,
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e6,
    }


def rest(pause: float) -> None:
    """Sleep between two actions, if at all: after a long pause the caches are cold."""
    if pause:
        time.sleep(pause)


def variable(number: int) -> str:
    """The name of a variable that is asked for once: the answer to it is no other's."""
    return f"V{number}"


def check_channels(names: Sequence[str], expected: int) -> None:
    """The list is whole, and in order."""
    first, last = (f"PJSIP/agent-{number:06d}-{number:08x}" for number in (0, expected - 1))
    if (len(names), names[0], names[-1]) != (expected, first, last):
        raise AssertionError(
            f"{len(names)} channels instead of {expected}, from {names[:1]} to {names[-1:]}"
        )


def until_quiet(count: Callable[[], int], expected: int, quiet_seconds: float = 3.0) -> int:
    """Wait until there are so many, or until no more come; says how many there are."""
    seen, since = count(), time.monotonic()
    while seen < expected and time.monotonic() - since < quiet_seconds:
        time.sleep(0.02)
        if count() != seen:
            seen, since = count(), time.monotonic()
    return seen


class Stalling:
    """The work of a receiver that stalls now and then: it counts, and sleeps."""

    def __init__(self, every: int, stall: float) -> None:
        self.seen = 0
        self._every, self._stall = every, stall
        self._before = peak_bytes()

    def count(self) -> None:
        self.seen += 1
        if self.seen % self._every == 0:
            time.sleep(self._stall)

    def result(self, expected: int) -> dict[str, Any]:
        """Wait for the rest."""
        delivered = until_quiet(lambda: self.seen, expected)
        return {"delivered": delivered, "count": expected, "grew": peak_bytes() - self._before}


class Pings:
    """Pings at a rate from a thread of their own, beside everything else.

    ``send`` waits for the answer.
    """

    def __init__(self, send: Callable[[], object], rate: float) -> None:
        self.taken: list[float] = []
        self._send = send
        self._pause = 1 / rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            begun = time.perf_counter()
            self._send()
            self.taken.append(time.perf_counter() - begun)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> dict[str, float]:
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)
        return {**latencies(self.taken), "pings": len(self.taken)}


def in_a_thread(task: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Let a task run in a thread that is not the main one, as most requests and jobs do."""

    @wraps(task)
    def run_there(**arguments: Any) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as there:
            return there.submit(task, **arguments).result()

    return run_there


def package() -> dict[str, str]:
    """Where the django_ami of this process came from: a result says which build it is of."""
    found = getattr(sys.modules.get("django_ami"), "__file__", None)
    return {} if found is None else {"package": found}


def run(tasks: Sequence[Callable[..., dict[str, Any]]]) -> None:
    """Do the task that the command line names, and print its result."""
    by_name = {task.__name__: task for task in tasks}
    _, name, arguments = sys.argv
    print(json.dumps({**by_name[name](**json.loads(arguments)), **package()}), flush=True)
