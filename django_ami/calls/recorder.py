"""The recorder: a thread of its own writes the calls that have ended, in batches.

Rule: putting a call never waits, whatever the database does. While the database is away, calls wait
in a bounded buffer; one that comes while it is full is lost, and counted.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import DataError, IntegrityError, connections

from django_ami import database
from django_ami.calls import conf
from django_ami.calls.store import save_calls
from django_ami.core.deadline import Deadline
from django_ami.core.log import get_logger
from django_ami.core.spool import Spool
from django_ami.live.changes import Kind
from django_ami.live.snapshots import Call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.calls.conf import CallsOptions
    from django_ami.live.changes import Change

__all__ = ["Recorder", "RecorderStatus"]

logger = get_logger(__name__)

#: The pauses between attempts while the database is away: the first one, and the longest.
RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 5.0
#: How much longer than it may the end waits for an attempt that is under way.
_LAST_TURN_SECONDS: Final = 0.2
#: A call is given up when it has failed alone so often, while others were written.
STRIKES: Final = 3
#: Faults of a call, not of the database.
_FAULTY: Final = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """The calls by their fate: ``lost`` found no room or no time, ``failed`` cannot be stored."""

    written: int
    waiting: int
    lost: int
    failed: int
    #: The database does not take any now.
    away: bool


class _Lost(int):
    """An item of the spool: the number of calls that were lost, now that there is room again."""


class Recorder:
    """Writes calls that have ended. ``options`` are by default those of ``AMI_CALLS``.

    The thread starts with the first call. Close it at the end: the calls that wait are written
    then.
    """

    def __init__(self, options: CallsOptions | None = None) -> None:
        self._options = options = conf.load() if options is None else options
        self._spool: Spool[Call | _Lost] = Spool(
            self._take,
            most=options.buffer_calls,
            name="django_ami-calls",
            tell_loss=_Lost,
            at_end=connections.close_all,
        )
        self._batch: list[Call] = []
        #: How many are tried in one transaction: fewer while some cannot be written.
        self._size = options.batch_calls
        self._pause = RETRY_SECONDS
        #: Attempts in a row that the database did not take.
        self._refusals = 0
        #: How often a call that failed alone is to blame, and how many were written by then.
        self._strikes: dict[tuple[str, str], tuple[int, int]] = {}
        self._ending = threading.Event()
        self._end = Deadline(None)
        self._told_full = False
        self._is_over: bool | None = None
        self._written = self._failed = self._left_behind = 0
        self._away_since: float | None = None

    # --- from any thread ---

    @property
    def is_here(self) -> bool:
        """False in a child that was forked: the thread is the parent's."""
        return bool(self._spool.is_here())

    def put(self, call: Call) -> bool:
        """Have a call that has ended written. It never waits. False if the recorder is closed."""
        before = self._spool.lost
        taken = self._spool.put(call)
        if self._spool.lost > before and not self._told_full:
            self._told_full = True
            logger.error(
                "The history of calls: %d calls wait for the database, and there is no room for "
                "more. Calls are lost until it is back.",
                self._spool.waiting,
            )
        return taken

    def take(self, changes: Iterable[Change]) -> None:
        """Have the calls written that ended by these changes of the live picture."""
        for change in changes:
            if change.kind is Kind.ENDED and isinstance(change.subject, Call):
                self.put(change.subject)

    @property
    def status(self) -> RecorderStatus:
        """The fate of the calls so far."""
        return RecorderStatus(
            written=self._written,
            waiting=self._spool.waiting + len(self._batch),
            lost=self._spool.lost + self._left_behind,
            failed=self._failed,
            away=self._away_since is not None,
        )

    def close(self, timeout: float | None = None) -> bool:
        """Write what waits, for up to ``timeout`` seconds (``close_seconds``), and end the thread.

        The calls that are left then are lost; the log says how many. False if there are some.
        """
        if self._is_over is not None or not self.is_here:
            return self._is_over is not False
        seconds = self._options.close_seconds if timeout is None else timeout
        self._end = Deadline(seconds)
        self._ending.set()
        in_hand = 0 if self._spool.close(seconds + _LAST_TURN_SECONDS) else self.status.waiting
        left = self._left_behind + in_hand
        if left:
            logger.error(
                "The history of calls: %d calls are lost, since the database did not take them "
                "within %g s of the end.",
                left,
                seconds,
            )
        self._is_over = not left
        return self._is_over

    # --- in its thread ---

    def _take(self, item: Call | _Lost) -> None:
        if isinstance(item, _Lost):
            self._told_full = False
            logger.error(
                "The history of calls: %d calls were lost, since the database was away, or too "
                "slow, for too long. The option 'buffer_calls' of AMI_CALLS says how many wait.",
                item,
            )
        elif isinstance(item, Call):
            if not self._batch:
                self._ending.wait(self._options.flush_seconds)
            self._batch.append(item)
        while self._batch and not self._wants_more:
            self._step()

    @property
    def _wants_more(self) -> bool:
        """True if the spool gives another call at once, and the batch has room for it."""
        return bool(self._spool.waiting) and len(self._batch) < self._options.batch_calls

    def _step(self) -> None:
        """Try to write the first calls of the batch; wait if the database is away."""
        if self._end.over:
            self._left_behind += len(self._batch)
            self._batch.clear()
            return
        some = self._batch[: self._size]
        try:
            with database.cared_for():
                save_calls(some, mask=self._options.mask)
        except Exception as error:  # noqa: BLE001  (a driver raises anything)
            database.recover()
            self._could_not(some, error)
            return
        del self._batch[: len(some)]
        self._written += len(some)
        self._size = min(2 * self._size, self._options.batch_calls)
        self._pause, self._refusals = RETRY_SECONDS, 0
        if self._strikes:
            for call in some:
                self._strikes.pop((call.server, call.id), None)
        if self._away_since is not None:
            away, self._away_since = time.monotonic() - self._away_since, None
            logger.warning("The history of calls is written again, after %.1f s.", away)

    def _could_not(self, some: list[Call], error: Exception) -> None:
        if isinstance(error, _FAULTY):
            self._single_out(some, error)
            return
        self._refusals += 1
        # One alone is no outage: a connection was too old, or a deadlock was broken.
        if self._refusals > 1 and self._away_since is None:
            self._away_since = time.monotonic()
            logger.error(
                "The history of calls cannot be written (%s: %s): %d calls wait. It is tried "
                "again; check the database, and that 'manage.py migrate' has run.",
                type(error).__name__,
                next(iter(str(error).splitlines()), ""),
                self.status.waiting,
            )
        if self._ending.wait(self._pause):  # at the end: no long pause any more
            time.sleep(RETRY_SECONDS)
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)
        self._single_out(some, error)

    def _single_out(self, some: list[Call], error: Exception) -> None:
        """Fewer at a time; one that fails alone, while others are written, is given up."""
        if len(some) > 1:
            self._size = max(1, len(some) // 2)
            return
        call = self._batch.pop(0)
        key = (call.server, call.id)
        strikes, before = self._strikes.pop(key, (0, self._written))
        strikes += isinstance(error, _FAULTY) or self._written > before
        if strikes < STRIKES:
            self._strikes[key] = strikes, self._written
            self._batch.append(call)  # behind the others
            return
        self._failed += 1
        logger.error(
            "The history of calls: call %s of %s cannot be stored (%s: %s), and is left out.",
            call.id,
            call.server,
            type(error).__name__,
            next(iter(str(error).splitlines()), ""),
        )
