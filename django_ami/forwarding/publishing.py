"""The thread that talks to the engine.

Rule: it has one lot of batches at a time, and gives it again until the engine has confirmed it; so
nothing overtakes, and nothing is left out. An engine that hangs holds up this thread alone.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from django_ami.core.failures import reason
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.core.reports import Sparing
from django_ami.forwarding.outlet import OutletAway

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_ami.forwarding.outlet import Batch, Outlet

__all__ = ["Publisher"]

logger = get_logger(__name__)

#: The first pause before another attempt; each further one is twice as long.
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
#: An outlet that is away is told again after so long; one that comes and goes has the first lines
#: at once, and then one in that time.
_REPORT_SECONDS: Final = 60.0
_LINES_AWAY: Final = 3
#: The outlet has so long to let go of its engine.
_CLOSE_SECONDS: Final = 2.0


class Publisher:
    """Publishes one lot after the other to an outlet.

    ``kept`` says in words what becomes of events while the outlet is away. ``wake`` is called when
    a lot is confirmed, and when the outlet goes away or comes back.
    """

    def __init__(
        self, outlet: Outlet, name: str, kept: Callable[[], str], wake: Callable[[], object]
    ) -> None:
        self._outlet = outlet
        self._name = name
        self._kept = kept
        self._wake = wake
        self._given = threading.Event()
        self._stopping = threading.Event()
        self._lot: Sequence[Batch] | None = None
        #: When the lot was given, by ``time.monotonic``.
        self.given_at = 0.0
        self._is_open = False
        #: Why the outlet is away; None if it is not. And since when, by ``time.monotonic``.
        self.away: str | None = None
        self.away_since = 0.0
        #: How often it has gone away.
        self.failures = 0
        #: Why it is away, as the log says it; empty if the log says nothing of it.
        self._told = ""
        self._reported_at = 0.0
        self._bugs = Sparing(1, _REPORT_SECONDS)
        self._lines = Sparing(_LINES_AWAY, _REPORT_SECONDS)
        self._thread = start_thread(self._run, "django_ami-publisher")

    # --- the forwarder's side ---

    @property
    def idle(self) -> bool:
        """True if it has nothing: all that it was given is confirmed."""
        return self._lot is None

    @property
    def hanging_seconds(self) -> float:
        """For how long it has had its lot; 0 if it has none."""
        return 0.0 if self._lot is None else time.monotonic() - self.given_at

    def give(self, lot: Sequence[Batch]) -> None:
        """Publish these; only while it is idle."""
        self.given_at = time.monotonic()
        self._lot = lot
        self._given.set()

    def stop(self, deadline: float) -> None:
        """Finish the lot in hand until then, by ``time.monotonic``, and end."""
        self._stopping.set()
        self._given.set()
        self._thread.join(max(0.0, deadline - time.monotonic()))

    # --- the thread ---

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            if self._does_next():
                pause = _FIRST_PAUSE_SECONDS
            elif not self._stopping.is_set():
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if self._stopping.is_set() and (self._lot is None or self.away is not None):
                break
        self._outlet.close(_CLOSE_SECONDS)

    def _does_next(self) -> bool:
        """Open the outlet if need be, and publish a lot; False if the outlet is away."""
        if not self._is_open:
            if not self._goes_well(self._outlet.open):
                return False
            self._is_open = True
        lot = self._lot
        if lot is None:
            self._note_back()
            self._given.wait()
            self._given.clear()
            return True
        if not self._goes_well(lambda: self._outlet.publish(lot)):
            self._is_open = False
            return False
        self._lot = None
        self._note_back()
        self._wake()
        return True

    def _goes_well(self, attempt: Callable[[], object]) -> bool:
        try:
            attempt()
        except OutletAway as error:
            self._note_away(str(error))
            return False
        except Exception as error:
            if self._bugs.may_say(f"{type(error)}", time.monotonic()):
                logger.exception(
                    "%s: a bug in the outlet, please report it to its makers.", self._name
                )
            self._note_away(f"{type(error).__name__}: {reason(error)}")
            return False
        return True

    def _note_away(self, why: str) -> None:
        now = time.monotonic()
        if self.away is None:
            self.away_since = now
            self.failures += 1
        is_due = why != self._told or now - self._reported_at >= _REPORT_SECONDS
        if is_due and self._lines.may_say("away", now):
            self._told, self._reported_at = why, now
            logger.error(
                "events cannot be forwarded to %s, which is tried again: %s. %s",
                self._name,
                why.rstrip("."),
                self._kept(),
            )
        self.away = why
        self._wake()

    def _note_back(self) -> None:
        if self._told:
            logger.warning(
                "events are forwarded to %s again, after %.1f s.",
                self._name,
                time.monotonic() - self.away_since,
            )
        self.away, self._told = None, ""
