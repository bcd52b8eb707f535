"""*mixed* in one process, with all of ``django_ami.operations`` and without it in turn.

Two runs of a listener differ by more than operations may cost: by the layout of their memory, and
by what else the machine does. Neighbouring windows of one run hardly do.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from django_ami.contrib.prometheus.serving import serving
from django_ami.core.client.sending import Sender
from django_ami.core.lease import boottime
from django_ami.dispatch import Dispatcher
from django_ami.operations.dispatching import LeasedDispatcher
from django_ami.running import running
from django_ami.signals import classes
from tests.benchmarks.listening.receivers import Mixed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core import Event
    from django_ami.core.lease import Lease

__all__ = ["Alternating"]

#: Prometheus, which asks once for each URL, a moment after it has read it.
_PROMETHEUS = """
import sys, time, urllib.request
for url in sys.stdin:
    time.sleep(0.5)
    urllib.request.urlopen(url).read()
"""


class Alternating(Mixed):
    """Windows of some ``seconds``, each without operations if the one before had them.

    The first window has them, and is not measured; ``windows`` are the others. Prometheus asks once
    in each.
    """

    def __init__(self, windows: int, seconds: float, **arguments: Any) -> None:
        self.window = int(seconds * arguments["rate"])
        super().__init__(self.window * (windows + 1), **arguments)
        self.took: list[float] = []
        self.around = ExitStack()

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.prometheus = subprocess.Popen(
            [sys.executable, "-c", _PROMETHEUS], stdin=subprocess.PIPE, text=True
        )
        self.dispatcher: Any = running()
        self.keeper = self.dispatcher._keeper
        self.heartbeats = self.keeper._gained.__self__._heartbeats  # a method of the companion
        self.observers = Sender.observers
        self.interval = self.keeper._options.renew_interval
        self.measured_from = time.process_time()
        self.enter()
        self.leases = {name: self.dispatcher._sender(name).lease for name in self.keeper.leases}
        times = classes.receivers.times
        self.measuring = times._sums, times.quick, times.least
        super().begin(sender)

    def on_event(self, sender: Any, event: Event, **kwargs: Any) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        if (self.meter.seen + 1) % self.window == 0:
            self.turn()
        self.meter.count()

    def turn(self) -> None:
        """Begin the next window; receivers run on the thread of the dispatcher."""
        self.took.append(time.process_time() - self.measured_from)
        if self.dispatcher.leased:
            self.leave()
        else:
            self.enter()
        self.measured_from = time.process_time()

    def enter(self) -> None:
        """With operations from now on."""
        for part, name in ((self.keeper, "_turn"), (self.heartbeats, "_beat")):
            vars(part).pop(name, None)
        for lease in self.keeper.leases.values():
            lease.renew(boottime() + 2 * self.interval)
        url = self.around.enter_context(serving("127.0.0.1", 0))
        if self.took:
            self.deliver_under(self.leases, boottime, self.measuring)
        Sender.observers = self.observers
        self.dispatcher.__class__ = LeasedDispatcher
        self.prometheus.stdin.write(f"{url}\n")
        self.prometheus.stdin.flush()

    def leave(self) -> None:
        """Without operations from now on: their threads sleep, and the lease is not looked at."""
        self.keeper._turn = lambda _: self.interval
        self.heartbeats._beat = lambda: None
        for lease in self.keeper.leases.values():
            lease.renew(float("inf"))
        self.end_serving()
        self.deliver_under(
            dict.fromkeys(self.leases),
            time.monotonic,
            (None, None, classes.receivers.times._least_slow),
        )
        Sender.observers = ()
        self.dispatcher.__class__ = Dispatcher

    def deliver_under(
        self,
        leases: Mapping[str, Lease | None],
        clock: Callable[[], float],
        measuring: tuple[Any, Any, float],
    ) -> None:
        """Deliver under these leases, or under none, from the next batch on."""
        for name, lease in leases.items():
            self.dispatcher._sender(name).lease = lease
        classes.receivers.clock = clock
        times = classes.receivers.times
        times._sums, times.quick, times.least = measuring

    def end_serving(self) -> None:
        """On a thread of its own, since the server takes half a second to end."""
        threading.Thread(target=self.around.pop_all().close).start()

    def more(self) -> dict[str, Any]:
        self.end_serving()
        self.prometheus.stdin.close()
        self.prometheus.wait()
        return {"windows": self.took[1:], **super().more()}
