"""The lease, heartbeats, metrics and action log of ``ami_listen``, beside one without them."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

from tests.benchmarks.goals import OURS
from tests.servers import postgresql
from tests.servers.redis import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

_WITHOUT: Final = "without"
#: Prometheus asks every minute by default; most let it ask oftener.
_SCRAPE_SECONDS: Final = 10.0


def operations(bench: Bench) -> Iterator[Sample]:
    """*mixed* with all of it and without, in turn, on a real PostgreSQL.

    A busy machine disturbs the whole by more than 2 %: so the threads of it are told apart, too.
    """
    if postgresql.missing():
        return
    rate = 2000
    amounts = {"events": rate * bench.amount(30, 2), "rate": rate, "pings": 50}
    with postgresql.PostgreSQL() as database:
        site = {"database": database.setting()}
        bench.manage("migrate", site)
        for _ in range(bench.amount(3, 1)):
            plain = bench.listen("mixed", **amounts)
            with _scraped() as options:
                ours = bench.listen("mixed", ("--standby", *options), site, **amounts)
            logged = bench.listen("mixed", ("--standby",), {**site, "audit": "all"}, **amounts)
            for who, result in ((OURS, ours), (_WITHOUT, plain), ("all actions logged", logged)):
                yield "CPU %", who, 100 * result["cpu"] / result["seconds"]
                yield "ping p99", who, result["p99"]
            yield "CPU % of its threads", OURS, 100 * ours["threads"] / ours["seconds"]
            yield "CPU % of its threads", _WITHOUT, 100 * plain["cpu"] / plain["seconds"]


@contextmanager
def _scraped() -> Iterator[tuple[str, ...]]:
    """Options of a listener whose metrics are asked for now and then."""
    if find_spec("django_ami.tools.metrics") is None or find_spec("prometheus_client") is None:
        yield ()
        return
    port, over = free_port(), threading.Event()

    def scrape() -> None:
        while not over.wait(_SCRAPE_SECONDS):
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                answer.read()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield (f"--metrics-port={port}",)
    finally:
        over.set()
        thread.join(30)
