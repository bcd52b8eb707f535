"""What all clients share: the meter, and how a task is run. It needs nothing but the standard library."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.benchmarks.machine import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: No task takes so long, in seconds, unless something is broken.
PATIENCE = 300.0


class Meter:
    """CPU and time between two moments; in between, it counts events."""

    def __init__(self, expected: int = 0) -> None:
        self.expected = expected
        self.over = threading.Event()
        self.begin()

    def begin(self) -> None:
        self.seen = 0
        self._cpu, self._clock = cpu_seconds(), time.perf_counter()

    def end(self) -> None:
        self.cpu, self.seconds = cpu_seconds() - self._cpu, time.perf_counter() - self._clock
        self.over.set()

    def count(self) -> None:
        """One more event; the last one ends it."""
        self.seen += 1
        if self.seen == self.expected:
            self.end()

    def wait(self) -> dict[str, Any]:
        """The result, when all events are there."""
        if not self.over.wait(PATIENCE):
            raise TimeoutError(f"{self.seen} of {self.expected} events came in {PATIENCE:g} s.")
        return self.result()

    def result(self, **more: Any) -> dict[str, Any]:
        return {"cpu": self.cpu, "seconds": self.seconds, "count": self.expected, **more}


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """The middle and the worst of many, in microseconds."""
    ordered = sorted(seconds)
    return {
        "p50": ordered[len(ordered) // 2] * 1e6,
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e6,
    }


def variable(number: int) -> str:
    """The name of a variable that is asked for once: the answer to it is no other's."""
    return f"V{number}"


def run(tasks: Sequence[Callable[..., dict[str, Any]]]) -> None:
    """Do the task that the command line names, and print its result."""
    by_name = {task.__name__: task for task in tasks}
    _, name, arguments = sys.argv
    print(json.dumps(by_name[name](**json.loads(arguments))), flush=True)
