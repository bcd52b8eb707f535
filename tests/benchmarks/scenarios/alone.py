"""Scenarios without a peer: ourselves, against ourselves with a larger amount."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.events import block
from tests.benchmarks.goals import OURS
from tests.benchmarks.machine import ROOT
from tests.benchmarks.running import Broken, per_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.running import Bench, Sample

_PIECES: Final = {"64 MB": 0, "1 MB": 2**20, "4 KB": 4096, "1 byte": 1}
_LATE: Final = ("asyncio", "multiprocessing", "ssl")


def burst(bench: Bench) -> Iterator[Sample]:
    """The same bytes in pieces of any size: CPU of the parser per event.

    Linear: half of them cost half.
    """
    whole = 2**26 // (block().size(10_000) // 10_000)
    most = bench.amount(whole, whole // 4)
    amounts = {"1 byte": bench.amount(8_000, 500)}
    cost = {}
    for name, piece in _PIECES.items():
        events = amounts.get(name, most)
        cost[name] = per_event(bench.client("ours_parser", "burst", events=events, piece=piece))
        half = per_event(bench.client("ours_parser", "burst", events=events // 2, piece=piece))
        yield f"CPU per event, {name}", OURS, cost[name]
        yield f"CPU per event, {name}", "of half as many", half
    for name in ("64 MB", "1 MB", "4 KB"):
        others = [value for other, value in cost.items() if other not in (name, "1 byte")]
        yield f"CPU per event, {name}", "the best of these three", min(cost[name], *others)


def many(bench: Bench) -> Iterator[Sample]:
    """1, 100 and 1,000 servers: idle, and with 10 events a second each."""
    sizes = (1, 20, 100) if bench.quick else (1, 100, 1000)
    seconds = {"idle": bench.amount(20, 1), "busy": bench.amount(8, 1)}
    first, *_, last = sizes
    for servers in sizes:
        idle = bench.client("ours_many", "idle", servers=servers, seconds=seconds["idle"])
        name = {first: "one", last: "most"}.get(servers, "many")
        yield f"idle CPU % per server, {name}", OURS, idle["cpu"] / idle["seconds"] * 100 / servers
        yield (
            f"idle wake-ups/s per server, {name}",
            OURS,
            idle["wakeups"] / idle["seconds"] / servers,
        )
        if servers > 1:
            yield f"KB per idle server, {name}", OURS, idle["memory"] / 1024 / servers
        busy = bench.client("ours_many", "busy", servers=servers, rate=10, seconds=seconds["busy"])
        yield f"CPU per event, {name}", OURS, per_event(busy)
        if servers == first:
            single = per_event(busy)
        else:
            yield f"CPU per event, {name}", "one server", single


def memory(bench: Bench) -> Iterator[Sample]:
    """RSS behind a short and a long flood; the memory of an event that waits for its receivers."""
    short, long = bench.amount(200_000, 20_000), bench.amount(2_000_000, 100_000)
    after = {events: bench.client("ours_many", "memory", events=events) for events in (short, long)}
    yield "RSS MB, long flood", OURS, after[long]["rss"] / 2**20
    yield "RSS MB, long flood", "short flood", after[short]["rss"] / 2**20
    yield "events dropped, long flood", OURS, after[long]["dropped"]
    for name, result in bench.each_peer("memory", events=bench.amount(200_000, 20_000)):
        yield "RSS MB, long flood", f"{name}, short flood", result["rss"] / 2**20
    waiting = bench.amount(100_000, 10_000)
    took = bench.client("ours_many", "queued", events=waiting)["memory"]
    yield "bytes per queued event beyond its own", OURS, (took - block().size(waiting)) / waiting


def start(bench: Bench) -> Iterator[Sample]:
    """Importing it, by CPU beyond what Python itself takes.

    And from the process's start to a first response.
    """
    times = bench.amount(11, 3)
    imported = "from django_ami.core import Client, ServerConfig"
    made = f"{imported}; Client([ServerConfig(name='a', host='::1', username='b', secret='c')])"
    sources = ("pass", "import django_ami.core", imported, made)
    for who, build in bench.builds():
        nothing, core, client, one = (_median_cpu(each, times, build.paths) for each in sources)
        yield "ms to import django_ami.core", who, (core - nothing) * 1e3
        yield "ms to import Client", who, (client - nothing) * 1e3
        yield "ms to import Client and make one", who, (one - nothing) * 1e3
    loaded = f"import sys; {imported}; print(sum(name in sys.modules for name in {_LATE}))"
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Broken(done.stderr)
    yield f"loaded early of {', '.join(_LATE)}", OURS, int(done.stdout)
    begun = time.monotonic()
    result = bench.client("ours_start", "first")
    yield "ms to the first response", OURS, (result["answered"] - begun) * 1e3
    yield f"loaded by then of {', '.join(_LATE)}", OURS, len(result["modules"])


def _median_cpu(source: str, times: int, paths: Mapping[str, str]) -> float:
    """CPU of a process that runs this; the first time does not count, as it may compile."""
    taken = []
    for _ in range(times + 1):
        environment = {**os.environ, **paths}
        with subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, env=environment) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Broken(f"{source!r} failed, see above")
        taken.append(used.ru_utime + used.ru_stime)
    return median(taken[1:])
