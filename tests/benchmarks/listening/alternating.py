"""*mixed* in one process, with all of ``django_ami.operations`` and without it in turn.

Two runs of a listener differ by more than operations may cost: by the layout of their memory, and
by what else the machine does. Neighbouring seconds of one run hardly do, so the delivery under a
lease, with metrics and an action log, is compared by seconds. Renewals, heartbeats and scrapes are
rare, and have threads of their own: these are clocked.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final

from django_ami.contrib.prometheus.serving import serving
from django_ami.core.client.sending import Sender
from django_ami.core.lease import boottime
from django_ami.running import running
from django_ami.signals import classes
from tests.benchmarks.listening.receivers import Mixed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core import Event
    from django_ami.core.lease import Lease

__all__ = ["Alternating"]

#: Seconds that are not measured: caches are cold, and a connection to the database is opened.
_WARM_UP: Final = 4
#: Prometheus asks at once, and then at the interval in the settings that it comes with.
_PROMETHEUS: Final = """
import sys, time, urllib.request
while True:
    urllib.request.urlopen(sys.argv[1]).read()
    time.sleep(15)
"""
#: In the names of the threads of operations that work all the time, that of the HTTP server among
#: them; and of those that work for the seconds with operations.
_STEADY: Final = ("-leases", "-heartbeats", "-metrics")
_FOR_HALF: Final = ("-audit",)


class Alternating(Mixed):
    """As many ``seconds`` with operations as without, in turn."""

    def __init__(self, seconds: int, **arguments: Any) -> None:
        self.second = arguments["rate"]
        super().__init__(self.second * (_WARM_UP + 2 * seconds), **arguments)
        self.took: list[float] = []
        #: The CPU of threads that have answered a scrape.
        self.scraped: list[float] = []
        self.around = ExitStack()

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.clock_scrapes()
        url = self.around.enter_context(serving("127.0.0.1", 0))
        prometheus = self.around.enter_context(
            subprocess.Popen([sys.executable, "-c", _PROMETHEUS, url])
        )
        self.around.callback(prometheus.kill)
        self.dispatcher: Any = running()
        self.observers = Sender.observers
        self.leases = {server: self.sender(server).lease for server in self.dispatcher._serving}
        times = classes.receivers.times
        self.measuring = times._sums, times.quick, times.least
        self.started_at, self.cost_before = time.monotonic(), self.cost()
        self.measured_from = self.rest()
        super().begin(sender)

    def clock_scrapes(self) -> None:
        """Each scrape has a thread of its own, whose clock ends with it."""
        answer = ThreadingMixIn.process_request_thread

        def answer_clocked(*arguments: Any) -> None:
            answer(*arguments)
            self.scraped.append(time.thread_time())

        ThreadingMixIn.process_request_thread = answer_clocked  # type: ignore[method-assign]

    def cost(self) -> float:
        """The CPU that the threads of operations would have taken by now, were they always on."""
        return _clocked(_STEADY) + sum(self.scraped) + 2 * _clocked(_FOR_HALF)

    def rest(self) -> float:
        """The CPU that all other threads have taken."""
        return time.process_time() - _clocked(_STEADY + _FOR_HALF) - sum(self.scraped)

    def on_event(self, sender: Any, event: Event, **kwargs: Any) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        if (self.meter.seen + 1) % self.second == 0:
            self.turn()
        self.meter.count()

    def turn(self) -> None:
        """Begin the next second; receivers run on the thread of the dispatcher."""
        self.took.append(self.rest() - self.measured_from)
        if self.dispatcher.leased:
            self.leave()
        else:
            self.enter()
        self.measured_from = self.rest()

    def enter(self) -> None:
        """With operations from the next batch on."""
        self.deliver_under(self.leases, boottime, self.measuring)
        Sender.observers = self.observers
        self.dispatcher.leased = True

    def leave(self) -> None:
        """Without them. Their threads go on."""
        never = None, None, classes.receivers.times._least_slow
        self.deliver_under(dict.fromkeys(self.leases), time.monotonic, never)
        Sender.observers = ()
        self.dispatcher.leased = False

    def deliver_under(
        self,
        leases: Mapping[str, Lease | None],
        clock: Callable[[], float],
        measuring: tuple[Any, Any, float],
    ) -> None:
        for server, lease in leases.items():
            self.sender(server).lease = lease
        classes.receivers.clock = clock
        times = classes.receivers.times
        times._sums, times.quick, times.least = measuring

    def sender(self, server: str) -> Any:
        return self.dispatcher._sender(server)

    def more(self) -> dict[str, Any]:
        share = (self.cost() - self.cost_before) / (time.monotonic() - self.started_at)
        self.around.close()
        return {"seconds": self.took[_WARM_UP:], "threads": share, **super().more()}


def _clocked(names: tuple[str, ...]) -> float:
    """The CPU that threads with these in their names have taken."""
    clocks = [
        time.pthread_getcpuclockid(thread.ident)
        for thread in threading.enumerate()
        if thread.ident and any(name in thread.name for name in names)
    ]
    return sum(map(time.clock_gettime, clocks))
