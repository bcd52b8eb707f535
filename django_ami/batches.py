"""Items that a thread of its own writes into the database, in batches.

Rule: putting an item never waits, whatever the database does. While the database is away, items
wait in a bounded buffer; one that comes while it is full is lost, and counted.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.db import DataError, IntegrityError, connections

from django_ami import database
from django_ami.core.deadline import Deadline
from django_ami.core.log import get_logger
from django_ami.core.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Batches", "BatchesStatus", "Words", "statuses"]

logger = get_logger(__name__)

Item = TypeVar("Item")

#: The pauses between attempts while the database is away: the first one, and the longest.
RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 5.0
#: How much longer than it may the end waits for an attempt that is under way.
_LAST_TURN_SECONDS: Final = 0.2
#: An item is given up when it has failed alone so often, while others were written.
STRIKES: Final = 3
#: A fork waits no longer for a thread that is in the database.
_FORK_SECONDS: Final = 1.0
#: Faults of an item, not of the database.
_FAULTY: Final = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the log: the table, its items, and the option that bounds them."""

    table: str
    items: str
    bound: str
    #: The table in a word, for metrics.
    label: str


@dataclass(frozen=True, slots=True)
class BatchesStatus:
    """The items by their fate: ``lost`` found no room or no time, ``failed`` cannot be stored."""

    written: int
    waiting: int
    lost: int
    failed: int
    #: The database does not take any now.
    away: bool


#: By table, the one that this process writes, or has written last.
_batches: dict[str, Batches[Any]] = {}


def statuses() -> dict[str, BatchesStatus]:
    """The fate of the items of this process, by the labels of their tables."""
    return {label: one.status for label, one in tuple(_batches.items()) if one.is_here}


class _Lost(int):
    """An item of the spool: the number of items that were lost, now that there is room again."""


class Batches(Generic[Item]):
    """Writes items by ``write``. A subclass says what they are, and may care for lost ones.

    ``most`` may wait; ``batch`` are written in one transaction at most, and gathered for
    ``flush_seconds``. The thread starts with the first item. Close it at the end: the items that
    wait are written then, for up to ``close_seconds``.
    """

    def __init__(
        self,
        words: Words,
        *,
        name: str,
        most: int,
        batch: int,
        flush_seconds: float,
        close_seconds: float,
    ) -> None:
        self._words = words
        self._most_in_batch = batch
        self._flush_seconds = flush_seconds
        self._close_seconds = close_seconds
        self._spool: Spool[Any] = Spool(
            self._take, most=most, name=name, tell_loss=_Lost, at_end=self._leave
        )
        #: The thread has it while it is in the database, and so has a fork.
        self.turn = threading.Lock()
        self._batch: list[Item] = []
        #: How many are tried in one transaction: fewer while some cannot be written.
        self._size = batch
        self._pause = RETRY_SECONDS
        #: Attempts in a row that the database did not take.
        self._refusals = 0
        #: How often an item that failed alone is to blame, and how many were written by then.
        self._strikes: dict[Hashable, tuple[int, int]] = {}
        self._ending = threading.Event()
        self._end = Deadline(None)
        self._told_full = False
        self._is_over: bool | None = None
        self._written = self._failed = self._left_behind = 0
        self._away_since: float | None = None
        _batches[words.label] = self

    # --- for a subclass ---

    def write(self, items: Sequence[Item]) -> None:
        """Write them in one transaction: all, or none of them and an exception."""
        raise NotImplementedError

    def key(self, item: Item) -> Hashable:
        """Tells items apart."""
        raise NotImplementedError

    def name(self, item: Item) -> str:
        """An item, for the log."""
        raise NotImplementedError

    def not_stored(self, items: Sequence[Item]) -> None:
        """These items are lost: tell of them elsewhere. It may be called on any thread."""

    # --- from any thread ---

    @property
    def is_here(self) -> bool:
        """False in a child that was forked: the thread is the parent's."""
        return bool(self._spool.is_here())

    def put(self, item: Item) -> bool:
        """Have an item written. It never waits. False if this is closed."""
        before = self._spool.lost
        taken = self._spool.put(item)
        if self._spool.lost > before:
            self.not_stored([item])
            if not self._told_full:
                self._told_full = True
                logger.error(
                    "%s: %d %s wait for the database, and there is no room for more. %s are lost "
                    "until it is back.",
                    self._words.table,
                    self._spool.waiting,
                    self._words.items,
                    self._words.items.capitalize(),
                )
        return taken

    def start(self) -> None:
        """Start the thread before the first item: at the end of the interpreter none may start."""
        self._spool.start()

    @property
    def status(self) -> BatchesStatus:
        """The fate of the items so far."""
        return BatchesStatus(
            written=self._written,
            waiting=self._spool.waiting + len(self._batch),
            lost=self._spool.lost + self._left_behind,
            failed=self._failed,
            away=self._away_since is not None,
        )

    def close(self, timeout: float | None = None) -> bool:
        """Write what waits, for up to ``timeout`` seconds (``close_seconds``), and end the thread.

        The items that are left then are lost; the log says how many. False if there are some.
        """
        if self._is_over is not None or not self.is_here:
            return self._is_over is not False
        seconds = self._close_seconds if timeout is None else timeout
        self._end = Deadline(seconds)
        self._ending.set()
        runs = not self._spool.waiting or self._spool.start()
        has_ended = runs and self._spool.close(seconds + _LAST_TURN_SECONDS)
        left = self._left_behind
        if not has_ended:
            # The database lets the thread wait. The thread may tell of its batch itself, later.
            in_hand = [*self._batch, *self._spool.drain()]
            left += len(in_hand)
            self.not_stored(in_hand)
            self._spool.close(0)  # also where there is no thread
        if left:
            self._tell_left(left, seconds if runs else None)
        self._is_over = not left
        return self._is_over

    def _tell_left(self, left: int, seconds: float | None) -> None:
        """Some were not written within so many seconds; None: there is no thread to do so."""
        table, items = self._words.table, self._words.items
        if seconds is None:
            logger.error(
                "%s: %d %s are lost, since no thread could be started to write them.",
                table,
                left,
                items,
            )
            return
        logger.error(
            "%s: %d %s are lost, since the database did not take them within %g s of the end.",
            table,
            left,
            items,
            seconds,
        )

    # --- in its thread ---

    def _take(self, item: Item | _Lost) -> None:
        if isinstance(item, _Lost):
            self._told_full = False
            logger.error(
                "%s: %d %s were lost, since the database was away, or too slow, for too long. %s "
                "says how many wait.",
                self._words.table,
                item,
                self._words.items,
                self._words.bound,
            )
        else:
            self._batch.append(item)
            if len(self._batch) == 1:
                self._ending.wait(self._flush_seconds)
        while self._batch and not self._wants_more:
            self._step()

    @property
    def _wants_more(self) -> bool:
        """True if the spool gives another item at once, and the batch has room for it."""
        return bool(self._spool.waiting) and len(self._batch) < self._most_in_batch

    def _step(self) -> None:
        """Try to write the first items of the batch; wait if the database is away."""
        if self._end.over:
            self._left_behind += len(self._batch)
            self.not_stored(self._batch)
            self._batch.clear()
            return
        some = self._batch[: self._size]
        try:
            with self.turn, database.cared_for():
                self.write(some)
        except Exception as error:  # noqa: BLE001  (a driver raises anything)
            with self.turn:
                database.recover()
            self._could_not(some, error)
            return
        del self._batch[: len(some)]
        self._written += len(some)
        self._size = min(2 * self._size, self._most_in_batch)
        self._pause, self._refusals = RETRY_SECONDS, 0
        if self._strikes:
            for item in some:
                self._strikes.pop(self.key(item), None)
        if self._away_since is not None:
            away, self._away_since = time.monotonic() - self._away_since, None
            logger.warning("%s is written again, after %.1f s.", self._words.table, away)

    def _leave(self) -> None:
        with self.turn:
            connections.close_all()

    def _could_not(self, some: list[Item], error: Exception) -> None:
        if isinstance(error, _FAULTY):
            self._single_out(some, error)
            return
        self._refusals += 1
        # One alone is no outage: a connection was too old, or a deadlock was broken.
        if self._refusals > 1 and self._away_since is None:
            self._away_since = time.monotonic()
            logger.error(
                "%s cannot be written (%s: %s): %d %s wait. It is tried again; check the "
                "database, and that 'manage.py migrate' has run.",
                self._words.table,
                type(error).__name__,
                next(iter(str(error).splitlines()), ""),
                self.status.waiting,
                self._words.items,
            )
        if self._ending.wait(self._pause):  # at the end: no long pause any more
            time.sleep(RETRY_SECONDS)
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)
        self._single_out(some, error)

    def _single_out(self, some: list[Item], error: Exception) -> None:
        """Fewer at a time; one that fails alone, while others are written, is given up."""
        if len(some) > 1:
            self._size = max(1, len(some) // 2)
            return
        item = self._batch.pop(0)
        key = self.key(item)
        strikes, before = self._strikes.pop(key, (0, self._written))
        strikes += isinstance(error, _FAULTY) or self._written > before
        if strikes < STRIKES:
            self._strikes[key] = strikes, self._written
            self._batch.append(item)  # behind the others
            return
        self._failed += 1
        self.not_stored([item])
        logger.error(
            "%s: %s cannot be stored (%s: %s), and is left out.",
            self._words.table,
            self.name(item),
            type(error).__name__,
            next(iter(str(error).splitlines()), ""),
        )


#: What this thread holds while it forks.
_forking: Final = threading.local()


def _before_fork() -> None:
    """Keep our threads out of the database: their locks would be locked for ever in the child."""
    deadline = Deadline(_FORK_SECONDS)
    turns: list[threading.Lock] = []
    _forking.turns = turns
    here = [one.turn for one in tuple(_batches.values()) if one.is_here]
    turns.extend(turn for turn in here if turn.acquire(timeout=deadline.left))


def _after_fork() -> None:
    for turn in _forking.turns:
        turn.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
