"""The goals: ratios of figures that were measured side by side, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.benchmarks.builds import BEFORE

OURS: Final = "django_ami"
#: Twice as much takes twice as long, within this margin for a machine that does other things.
LINEAR: Final = 1.2


@dataclass(frozen=True)
class Goal:
    """A figure of a scenario against somebody else's, or, without anybody, by itself.

    ``most`` and ``least`` are bounds of the ratio ours / theirs, or of our figure itself.
    """

    scenario: str
    figure: str
    against: str | None = None
    most: float | None = None
    least: float | None = None

    def reached(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )

    def __str__(self) -> str:
        bounds = [("≥", self.least), ("≤", self.most)]
        return " and ".join(f"{sign} {_short(at)}" for sign, at in bounds if at is not None)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


#: Each amount that grows, by its figure. The figure is the cost of one, which should not rise.
GROWTH: Final = {
    "CPU per call of a receiver": (1, 10, 100, 500),
    "CPU per call of a Django receiver": (1, 10, 100, 500),
    "CPU per event, names wanted": (1, 200),
    "CPU per event, names that come": (1, 200),
    "CPU per header, three read": (23, 80),
    "CPU per header, all read": (23, 80),
    "CPU per MB of output": (1, 20),
    "CPU per channel of a list": (20_000, 200_000),
    "CPU per action, threads": (1, 50),
    "CPU per action, coroutines": (1, 100, 1_000),
    "CPU per server that connects": (100, 1_000),
    "CPU per queued event": (10_000, 100_000),
}

GOALS: Final = (
    *(
        Goal("growth", f"{figure}, {amount:,}", f"{before:,}", most=LINEAR)
        for figure, amounts in GROWTH.items()
        for before, amount in pairwise(amounts)
    ),
    Goal("selective", "CPU per event", "framing only", most=2.5),
    Goal("selective", "CPU per event", "panoramisk", most=1 / 15),
    Goal("flood", "CPU per event", "panoramisk", most=1 / 7),
    Goal("flood", "CPU per event", "asterisk-ami", most=1 / 3),
    Goal("signals", "CPU per event", "panoramisk", most=1 / 3.5),
    Goal("full", "CPU per event, headers", "best dict", most=1.2),
    Goal("full", "CPU per event, as_dict", "best dict", most=1.2),
    Goal("burst", "CPU per event, 64 MB", "of half as many", most=LINEAR),
    Goal("burst", "CPU per event, 64 MB", "the best of these three", most=1.5),
    Goal("burst", "CPU per event, 1 MB", "of half as many", most=LINEAR),
    Goal("burst", "CPU per event, 1 MB", "the best of these three", most=1.5),
    Goal("burst", "CPU per event, 4 KB", "of half as many", most=LINEAR),
    Goal("burst", "CPU per event, 4 KB", "the best of these three", most=1.5),
    Goal("burst", "CPU per event, 1 byte", "of half as many", most=LINEAR),
    Goal("ping", "p50", "panoramisk", most=0.7),
    Goal("ping", "p50", "asterisk-ami", most=1),
    Goal("ping", "p99", "panoramisk", most=1),
    Goal("ping", "p99", "asterisk-ami", most=1),
    Goal("ping", "p50 by ticks", "blocking socket", most=1.5),
    Goal("pipeline", "100 outstanding, 1 thread", "asterisk-ami", least=1.5),
    Goal("pipeline", "100 outstanding, 8 threads", "asterisk-ami", least=1.5),
    Goal("pipeline", "100 outstanding, asyncio", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, 1 thread", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, 8 threads", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, asyncio", "asterisk-ami", least=1.5),
    Goal("pipeline", "wrong answers", most=0),
    Goal("tls", "wrong answers", most=0),
    Goal("list", "CPU for 5,000 channels", "panoramisk", most=1 / 4),
    Goal("list", "CPU for 5,000 channels", "asterisk-ami", most=1 / 2),
    Goal("list", "CPU for 50,000 channels", "panoramisk", most=1 / 4),
    Goal("list", "CPU for 50,000 channels", "asterisk-ami", most=1 / 2),
    Goal("list", "CPU per channel of 50,000", "of 5,000", most=LINEAR),
    Goal("mixed", "CPU %", "panoramisk", most=1 / 3),
    Goal("mixed", "ping p99", "its own p50", most=3),
    Goal("many", "idle CPU % per server, one", most=0.1),
    Goal("many", "idle CPU % per server, many", most=0.1),
    Goal("many", "idle CPU % per server, most", most=0.1),
    Goal("many", "idle wake-ups/s per server, one", most=1),
    Goal("many", "idle wake-ups/s per server, many", most=1),
    Goal("many", "idle wake-ups/s per server, most", most=1),
    Goal("many", "KB per idle server, many", most=100),
    Goal("many", "KB per idle server, most", most=100),
    Goal("many", "CPU per event, many", "one server", most=1.2),
    Goal("many", "CPU per event, most", "one server", most=1.2),
    Goal("memory", "RSS MB, long flood", "short flood", most=1.05),
    Goal("memory", "bytes per queued event beyond its own", most=300),
    Goal("start", "ms to import django_ami.core", most=40),
    Goal("start", "ms to import Client", most=40),
    Goal("live", "CPU per event", "every event", most=2.0),
    Goal("live", "CPU per event", "by hand", most=1 / 4),
    Goal("live", "CPU per event", "cacofonisk", most=1 / 4),
    Goal("picture", "bytes per live channel", most=3000),
    Goal("picture", "bytes per live call", most=6000),
    Goal("picture", "RSS MB, long run", "half of it", most=1.05),
    Goal("picture", "entries left behind", most=0),
    Goal("stream", "CPU per delivered change", "channels-redis", most=1 / 4),
    Goal("stream", "ms to the socket, p99, memory", most=250),
    Goal("stream", "ms to the socket, p99, redis", most=250),
    Goal("stream", "ms to the socket, p99, database", most=1500),
    Goal("stream", "KB per browser, memory", most=60),
    Goal("operations", "CPU % that it adds", "without", most=0.02),
    Goal("history", "calls that wait, at 500/s", "in the first half", most=2.0),
    Goal("history", "rows/s, 1 ms more for a commit", "a row per event", least=15),
    Goal("receivers", "events/s, 5 ms each", "one thread", least=7),
    Goal("receivers", "rows/s, a commit each, 1 ms more for a commit", "one thread", least=3),
    Goal("receivers", "rows/s, bulk_create, 1 ms more for a commit", "one thread", least=20),
    Goal("receivers", "rows/s, COPY, 1 ms more for a commit", "one thread", least=50),
    Goal("spool", "events/s to the disk", least=20_000),
    Goal("spool", "CPU per event, bypassed", "without a spool", most=1.1),
    Goal("redis_streams", "events/s of an outlet", least=25_000),
    Goal("redis_streams", "ms to a receiver, p99, at 2000/s", most=100),
    Goal(
        "rabbitmq_queues",
        "events/s, classic",
        "like wazo-amid: kombu, a message per event",
        least=2,
    ),
    Goal(
        "rabbitmq_queues",
        "events/s, quorum",
        "like wazo-amid: kombu, a message per event",
        least=2,
    ),
    Goal("asyncio", "p50", BEFORE, most=0.6),
    Goal("asyncio", "p50", "panoramisk", most=0.85),
    Goal("semaphore", "100 outstanding", BEFORE, least=2.5),
    Goal("semaphore", "wrong answers", most=0),
    Goal("asyncio_mixed", "ping p50", BEFORE, most=0.4),
    Goal("asyncio_mixed", "ping p99", BEFORE, most=0.4),
    Goal("asyncio_mixed", "CPU %", BEFORE, most=1.1),
    Goal("main_thread", "p50", BEFORE, most=0.65),
    Goal("main_thread", "p99", BEFORE, most=0.65),
    Goal("mixed", "ping p50", BEFORE, most=0.5),
    Goal("mixed", "CPU %", BEFORE, most=1.1),
    Goal("stalls", "delivered", least=20_000),
    Goal("stalls", "dropped", most=0),
    Goal("stalls", "reconnects", most=0),
    Goal("stalls", "neither delivered nor counted", most=0),
    Goal("flood", "CPU per event", BEFORE, most=0.75),
    Goal("selective", "CPU per event", BEFORE, most=0.75),
    Goal("signals", "CPU per event", BEFORE, most=0.75),
    Goal("signals", "RSS MB of ami_listen", BEFORE, most=0.85),
    Goal("start", "ms to import Client", BEFORE, most=0.6),
    Goal("start", "loaded early of asyncio, multiprocessing, ssl", most=0),
)
