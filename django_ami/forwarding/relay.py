"""Takes batches that wait to the engine; those that it does not take go into the spool.

Rule: an event is safe when the engine has confirmed it, or when it is in the spool. Batches reach
the engine in the order of their positions: while anything is in the spool, all that comes goes
there first. This thread waits for the disk, never for the engine.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django_ami.core.bugs import Bugs
from django_ami.core.counters import Counts
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.forwarding.lots import Lot, Numbering, Placing
from django_ami.forwarding.overflowing import Overflow
from django_ami.forwarding.publishing import Publisher
from django_ami.forwarding.spool import SpoolFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from django_ami.core.session import Gap
    from django_ami.forwarding.outlet import Outlet
    from django_ami.forwarding.spool import Spool
    from django_ami.forwarding.waiting import Waiting

__all__ = ["Relay"]

logger = get_logger(__name__)

#: Events wait so long for others, to be published together; an outlet's ``linger_seconds`` counts.
LINGER_SECONDS: Final = 0.01
#: An engine that has not confirmed for so long is slow: new events go into the spool.
SLOW_SECONDS: Final = 0.5
#: And so soon, when the process ends.
_HURRY_SECONDS: Final = 0.1
#: The most envelopes of a lot; batches, and about as many bytes, of one out of the spool.
LOT_ENVELOPES: Final = 5_000
_LOT_BATCHES: Final = 256
_LOT_BYTES: Final = 2**20
#: A disk that takes nothing is tried again after so long, and told again after so long.
_RETRY_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 60.0
#: Of a server that may not be forwarded now: the next look.
_LEASE_SECONDS: Final = 0.05
#: At the end, so long for the confirmation of what is in the spool as well.
_CONFIRM_SECONDS: Final = 0.5
#: A bug is not to fill the log.
_BUG_SECONDS: Final = 1.0


class Relay:
    """A thread from ``waiting`` to an ``outlet``; without a ``spool`` what waits goes on waiting.

    ``source`` names this run; ``partitions`` is how many the engine has. ``settle`` counts events
    of a server that are safe; ``tell`` is told the gap that a full spool leaves.
    """

    def __init__(
        self,
        waiting: Waiting,
        outlet: Outlet,
        spool: Spool | None,
        *,
        partitions: int,
        source: str,
        settle: Callable[[str, Counts], None],
        tell: Callable[[Gap], object],
    ) -> None:
        self._waiting = waiting
        self._outlet = outlet
        self._spool = spool
        self._settle = settle
        self._overflow = Overflow(tell)
        last = 0 if spool is None else spool.contents.last
        self._numbering = Numbering(source, last)
        self._placing = Placing(partitions)
        self._linger = float(getattr(outlet, "linger_seconds", LINGER_SECONDS))
        #: The lot that the publisher has, and the one that is ready for it or for the spool.
        self._flight: Lot | None = None
        self._ready: Lot | None = None
        #: The last position that the publisher was given; of what is in the spool at first, none.
        self._given = 0
        #: Batches up to that position are confirmed, and still in the spool.
        self._forget_to = 0
        #: When a disk that failed is read, written, and cleared again.
        self._read_at = self._write_at = self._clear_at = 0.0
        self._reported_at = float("-inf")
        #: The process ends: nothing waits for company, and the engine has less time.
        self.hurry = False
        self._until: float | None = None
        #: Why the spool cannot be used; None if it can.
        self.spool_failure: str | None = None

    def start(self, name: str, serves: Callable[[str], bool]) -> None:
        """Begin; ``serves`` says whether events of a server may be forwarded now.

        The log calls the outlet by its ``name``.
        """
        self._serves = serves
        self.publisher = Publisher(self._outlet, name, self._kept, self._waiting.wake)
        self._thread: threading.Thread = start_thread(self._run, "django_ami-forwarder")

    def end(self, deadline: float) -> None:
        """Publish or spool what waits, until then by ``time.monotonic``, and end."""
        self.hurry = True
        self._until = deadline
        self._waiting.wake()
        self._thread.join(max(0.0, deadline - time.monotonic()) + _RETRY_SECONDS)

    def _kept(self) -> str:
        if self._spool is None:
            return (
                "Events wait in the memory of this process (SPOOL is None), and the oldest are "
                "dropped when there are too many."
            )
        return f"They are kept in the spool {self._spool.path}."

    # --- the thread ---

    def _run(self) -> None:
        bugs = Bugs(logger, "the forwarding of some events")
        while not self._is_over:
            try:
                self._turn()
                if not self._is_over:
                    self._wait()
            except Exception:  # noqa: BLE001  (it is told)
                bugs.tell()
                time.sleep(_BUG_SECONDS)
        self._finish()

    @property
    def _is_over(self) -> bool:
        return self._until is not None and (
            not self._waiting.unsafe or time.monotonic() >= self._until
        )

    def _turn(self) -> None:
        self._note_confirmed()
        if self._is_spooling:
            self._keep()
        if self._flight is None:
            self._give()
        self._overflow.report()

    def _finish(self) -> None:
        """The lot that the publisher has may be confirmed still: then it is not published twice."""
        self._overflow.report(everything=True)
        if self._waiting:
            self._keep()  # the gaps that it has told
        flight, until = self._flight, self._until or 0.0
        if flight is not None and flight.safe:
            until = min(until, time.monotonic() + _CONFIRM_SECONDS)
        self.publisher.stop(until)
        self._note_confirmed()
        if self._spool is not None:
            self._spool.close()

    def _wait(self) -> None:
        now = time.monotonic()
        able = self._flight is None or self._is_spooling
        moments = [at for at in (self._read_at, self._write_at, self._clear_at) if at > now]
        if self._until is not None:
            moments.append(self._until)
        if able and self._waiting:
            due = self._waiting.since + self._patience
            moments.append(due if due > now else now + _LEASE_SECONDS)
        elif (
            self._flight is not None
            and self._spool is not None
            and (self._waiting or not self._flight.safe)
        ):
            moments.append(max(now + _LEASE_SECONDS, self.publisher.given_at + self._slow_after))
        seconds = None if not moments else max(0.0, min(moments) - now)
        self._waiting.wait(seconds, for_first=able and not self._waiting)

    @property
    def _patience(self) -> float:
        return 0.0 if self.hurry else self._linger

    @property
    def _slow_after(self) -> float:
        return _HURRY_SECONDS if self.hurry else SLOW_SECONDS

    # --- where to ---

    @property
    def _is_behind(self) -> bool:
        """True if something in the spool was not given to the publisher yet."""
        spool = self._spool
        return spool is not None and len(spool) > 0 and spool.contents.last > self._given

    @property
    def _is_spooling(self) -> bool:
        """True if what comes goes into the spool: behind what is in it, or since nothing moves."""
        if self._spool is None or time.monotonic() < self._write_at:
            return False
        return self._is_behind or (self._flight is not None and self._is_slow)

    @property
    def _is_slow(self) -> bool:
        publisher = self.publisher
        return (
            publisher.away is not None
            or publisher.hanging_seconds >= self._slow_after
            or self._waiting.is_any_full
        )

    def _take(self) -> Lot | None:
        """The lot that is ready, or events that may be forwarded and have waited for company."""
        if self._ready is None:
            since = self._waiting.since
            if since and time.monotonic() >= since + self._patience:
                taken = self._waiting.take(LOT_ENVELOPES, self._serves)
                if taken:
                    self._ready = self._numbering.lot(taken)
        return self._ready

    def _give(self) -> None:
        """Give the publisher the next lot: out of the spool, or of events that wait."""
        lot = self._next_of_spool() if self._is_behind else self._take()
        if lot is None:
            return
        if lot is self._ready:
            self._ready = None
        self._flight, self._given = lot, lot.last
        self.publisher.give(lot.batches)

    def _next_of_spool(self) -> Lot | None:
        if self._spool is None or time.monotonic() < self._read_at:
            return None
        try:
            batches = self._spool.after(self._given, _LOT_BATCHES, _LOT_BYTES)
        except SpoolFailed as error:
            self._read_at = self._note_failure(error)
            return None
        if not batches:  # they had to leave a full spool
            self._given = self._spool.contents.last
            return self._take()
        return Lot([self._placing.of(one) for one in batches], safe=True)

    def _keep(self) -> None:
        """Write the events that wait, and the lot that is not confirmed in time, into the spool."""
        if self._spool is None:
            return
        flight = self._flight
        lots = [] if flight is None or flight.safe else [flight]
        if (ready := self._take()) is not None:
            lots.append(ready)
        if not lots:
            return
        try:
            dropped = self._spool.put([one for lot in lots for one in lot.batches], self._given)
        except SpoolFailed as error:
            self._write_at = self._note_failure(error)
            return
        self.spool_failure = None
        self._ready = None
        for lot in lots:
            lot.safe = True
            self._note_safe(lot)
        self._overflow.add(dropped)

    # --- the fate of events ---

    def _note_confirmed(self) -> None:
        flight = self._flight
        if flight is not None and self.publisher.idle:
            self._flight = None
            if flight.safe:
                self._forget_to = flight.last
            else:
                self._note_safe(flight)
        if self._forget_to and self._spool is not None and time.monotonic() >= self._clear_at:
            try:
                self._spool.forget(self._forget_to)
                self._forget_to = 0
            except SpoolFailed as error:
                self._clear_at = self._note_failure(error)

    def _note_safe(self, lot: Lot) -> None:
        for server, count in lot.events.items():
            self._settle(server, Counts(delivered=count))
        self._waiting.note_safe(lot.size)

    def _note_failure(self, error: SpoolFailed) -> float:
        """Tell it; gives when the disk is to be tried again."""
        now = time.monotonic()
        self.spool_failure = str(error)
        if now - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = now
            logger.error(
                "%s Events wait in the memory of this process until it can be used, and the oldest "
                "are dropped when there are too many. Look for room on that disk.",
                error,
            )
        return now + _RETRY_SECONDS
