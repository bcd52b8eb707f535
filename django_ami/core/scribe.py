"""The scribe: hands records to the handlers of LOGGING, in its own thread, for a client.

Rule: while anybody has engaged it, nobody who logs waits for a handler, whatever that does. In a
process in which nobody has, all is as ever: records are handled where they are made.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Final

from django_ami.core import log
from django_ami.core.spool import Spool

__all__ = ["LAST_RECORDS_SECONDS", "Scribe", "scribe"]

#: How many records may wait for the handlers.
MOST_RECORDS: Final = 1000
#: How long the handlers have, at the end, to write the records that wait.
LAST_RECORDS_SECONDS: Final = 1.0


class Scribe:
    """One for each process: ``scribe``."""

    def __init__(self) -> None:
        self._begin()
        log.takers.append(self._take)

    def _begin(self) -> None:
        """Anew, also in a child that was forked, whose parent may have held the lock."""
        self._lock = threading.Lock()
        self._engaged: set[object] = set()
        self._spool: Spool[logging.LogRecord] | None = None
        self._lost_before = 0

    @property
    def lost(self) -> int:
        """How many records were lost in this process, since the handlers were too slow."""
        spool = self._spool
        return self._lost_before + (0 if spool is None else spool.lost)

    def engage(self, by: object) -> None:
        """From now on records go through its thread.

        A second time by the same one changes nothing.
        """
        if self._spool is not None and not self._spool.is_here():
            self._begin()
        with self._lock:
            if self._spool is None:
                self._spool = Spool(
                    log.handle, most=MOST_RECORDS, name="django_ami-log", tell_loss=_record_of_loss
                )
            self._engaged.add(by)

    def release(self, by: object, timeout: float = LAST_RECORDS_SECONDS) -> bool:
        """It is not needed any more by this one.

        The last one waits up to ``timeout`` seconds for the handlers.

        False if that was not enough: a handler does not return.
        """
        with self._lock:
            if by not in self._engaged:
                return True
            self._engaged.discard(by)
            if self._engaged or self._spool is None:
                return True
            spool, self._spool = self._spool, None
        is_over = spool.close(timeout)
        self._lost_before += spool.lost
        return is_over

    def _take(self, record: logging.LogRecord) -> bool:
        spool = self._spool
        return spool is not None and bool(spool.is_here()) and spool.put(record)

    def after_fork(self) -> None:
        """In a child process: its thread is the parent's."""
        self._begin()


def _record_of_loss(count: int) -> logging.LogRecord:
    text = "%d records of the log were lost: the handlers of LOGGING took too long."
    return logging.LogRecord("django_ami.log", logging.WARNING, __file__, 0, text, (count,), None)


scribe = Scribe()
os.register_at_fork(after_in_child=scribe.after_fork)
