"""What is kept on disk while the engine is away, or slower than the events.

Rule: what ``put`` has returned from survives the end of the process, and of the machine. It is read
in the order of its positions, whatever the order in which it was put. What cannot be read is
counted and told, and the rest goes on.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.forwarding.dropped import Dropped
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.spool_directory import Contents, SpoolDirectory
from django_ami.forwarding.spool_rows import (
    INSERT,
    SUMS,
    TABLE,
    batch_of,
    is_damage,
    readable,
    row_of,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.outlet import Batch
    from django_ami.forwarding.spool_rows import Row

__all__ = ["Spool", "SpoolFailed"]

logger = get_logger(__name__)

#: An empty file that is larger gives its room back.
_LARGE_PAGES: Final = 2**14
#: The journal is cut to that when it has been larger.
_JOURNAL_BYTES: Final = 2**26
#: Nobody but this process has the file; somebody may look at it.
_BUSY_SECONDS: Final = 5.0
_BEHIND: Final = "SELECT * FROM batch WHERE position > ? ORDER BY position LIMIT ?"
_ORDINARY: Final = (
    "SELECT * FROM batch WHERE position > ? AND ordinary > 0 ORDER BY position LIMIT 1"
)


class SpoolFailed(Exception):
    """The disk takes nothing more, or nothing can be read from it: one line that says why."""


class Spool:
    """Batches in a file of a directory, up to ``most_bytes``. One thread uses it, others may look.

    ``is_important`` says which events leave a full spool last.
    """

    def __init__(
        self, directory: Path, most_bytes: int, is_important: Callable[[Envelope], bool]
    ) -> None:
        self._directory = SpoolDirectory(directory)
        self._most_bytes = most_bytes
        self._is_important = is_important
        self._database: sqlite3.Connection | None = None
        #: What is in the file.
        self.contents = Contents()
        #: How many events had to leave since it was opened, and how many of these are important.
        self.dropped = self.dropped_important = 0
        #: How many batches could not be read since it was opened.
        self.lost = 0
        #: No batch up to this position has ordinary events.
        self._stripped = 0

    def open(self) -> None:
        """Take the directory, and look at what is in it.

        Raises ConfigurationError if another process has it, or if it cannot be made; SpoolFailed if
        the disk cannot be read or written.
        """
        self._directory.take()
        try:
            with self._guarded():
                expected = self._directory.expected()
                try:
                    self._connect()
                except sqlite3.DatabaseError as error:
                    if not is_damage(error):
                        raise
                    self._rescue(error, expected)
                else:
                    self._compare(expected)
        except SpoolFailed:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file and of the directory."""
        if self._database is not None:
            self._database.close()
            self._database = None
        self._directory.leave()

    def __len__(self) -> int:
        return self.contents.batches

    @property
    def path(self) -> Path:
        """Its directory."""
        return self._directory.path

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise SpoolFailed(f"the spool {self.path} is not open.")
        return self._database

    def _connect(self) -> None:
        # Another thread opens it than the one that uses it
        database = self._database = sqlite3.connect(
            self._directory.file, _BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        database.execute(TABLE)
        batches, events, size = database.execute(SUMS).fetchone()
        first, last = database.execute("SELECT min(position), max(position) FROM batch").fetchone()
        self.contents = Contents(batches, int(events), int(size), first or 0, last or 0)
        self._stripped = 0

    def _compare(self, expected: Contents) -> None:
        """Tell what should be there, and is not."""
        found = self.contents
        found.last = max(found.last, expected.last)
        if found.batches < expected.batches or found.events < expected.events:
            self._tell_lost(expected, "a part of its files is missing")
        self._directory.expect(found)

    # --- writing ---

    def put(self, batches: Sequence[Batch], in_hand: int = 0) -> list[Dropped]:
        """Keep batches. Gives the events that had to go for them, by server.

        Batches up to the position ``in_hand`` are about to be published, and stay. Raises
        SpoolFailed if none of them could be written.
        """
        gone: dict[str, Dropped] = {}
        with self._guarded(), self._change() as (database, after):
            for batch in batches:
                self._insert(database, after, self._row(batch))
                self._stripped = min(self._stripped, batch.position - 1)
            while after.size > self._most_bytes and self._drop(database, after, in_hand, gone):
                pass
        for one in gone.values():
            self.dropped += one.events
            self.dropped_important += one.important
        return list(gone.values())

    def _row(self, batch: Batch) -> Row:
        envelopes = decode(batch.data)
        return row_of(batch, len(envelopes), len(self._ordinary(envelopes)))

    def _ordinary(self, envelopes: Iterable[Envelope]) -> list[Envelope]:
        return [one for one in envelopes if not self._is_important(one)]

    @staticmethod
    def _insert(database: sqlite3.Connection, after: Contents, row: Row) -> None:
        if database.execute(INSERT, row).rowcount:
            position, size = row[0], row[7]
            after.add(1, row[5], size)
            after.first = min(after.first or position, position)
            after.last = max(after.last, position)

    def forget(self, position: int) -> None:
        """Everything up to this position is on the engine. Raises SpoolFailed."""
        with self._guarded(), self._change() as (database, after):
            batches, events, size = database.execute(
                f"{SUMS} WHERE position <= ?", (position,)
            ).fetchone()
            after.add(-batches, -int(events), -int(size))
            after.first = max(after.first, position + 1)
            database.execute("DELETE FROM batch WHERE position <= ?", (position,))
        if not self.contents.batches:
            self._shrink()

    @contextmanager
    def _change(self) -> Iterator[tuple[sqlite3.Connection, Contents]]:
        """A transaction, and what will be in the file behind it."""
        database, after = self._opened, self.contents.copy()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database, after
            self._directory.expect(after.least(self.contents))
            database.execute("COMMIT")
        except BaseException:
            self._stripped = 0
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self.contents = after
        self._directory.expect(after)

    def _shrink(self) -> None:
        """It is empty: give the room of a large file back."""
        with self._guarded():
            database = self._opened
            if database.execute("PRAGMA page_count").fetchone()[0] > _LARGE_PAGES:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- room ---

    def _drop(
        self,
        database: sqlite3.Connection,
        after: Contents,
        in_hand: int,
        gone: dict[str, Dropped],
    ) -> bool:
        """Drop the oldest ordinary events, or, if there is none, the oldest of all.

        False if nothing may go.
        """
        row = database.execute(_ORDINARY, (max(in_hand, self._stripped),)).fetchone()
        everything = row is None
        if everything:
            self._stripped = after.last
            row = database.execute(_BEHIND, (in_hand, 1)).fetchone()
        if row is None:
            return False
        batch = batch_of(row)
        if batch is None:
            self._remove(database, after, row)
            return True
        envelopes = decode(batch.data)
        left = envelopes if everything else self._ordinary(envelopes)
        kept = [] if everything else [one for one in envelopes if self._is_important(one)]
        server = batch.first.server
        gone.setdefault(server, Dropped(server)).add(left, important=everything)
        if kept:
            after.add(0, -len(left), strip(database, batch.position, kept) - row[7])
        else:
            self._delete(database, after, row)
        if not everything:
            self._stripped = batch.position
        return True

    @staticmethod
    def _delete(database: sqlite3.Connection, after: Contents, row: Row) -> None:
        database.execute("DELETE FROM batch WHERE position = ?", row[:1])
        after.add(-1, -row[5], -row[7])

    def _remove(self, database: sqlite3.Connection, after: Contents, row: Row) -> None:
        """Its bytes are not those that were written."""
        self._delete(database, after, row)
        self.lost += 1
        logger.error(
            "the spool %s was damaged (the bytes of a batch have changed on the disk): %d events "
            "are lost, from %s to %s.",
            self.path,
            row[5],
            row[3],
            row[4],
        )

    # --- reading ---

    def after(self, position: int, most: int, most_bytes: int) -> list[Batch]:
        """The batches behind a position, in order: up to ``most``, of about ``most_bytes``.

        Raises SpoolFailed.
        """
        found: list[Batch] = []
        changed: list[Row] = []
        size = 0
        with self._guarded():
            for row in self._opened.execute(_BEHIND, (position, most)):
                if (batch := batch_of(row)) is None:
                    changed.append(row)
                    continue
                found.append(batch)
                size += len(batch.data)
                if size >= most_bytes:
                    break
            if changed:
                with self._change() as (database, after):
                    for row in changed:
                        self._remove(database, after, row)
        return found

    # --- what cannot be read or written ---

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Raises SpoolFailed for whatever the disk does."""
        try:
            try:
                yield
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._rescue(error, self._directory.expected())
                raise
        except sqlite3.Error as error:
            raise SpoolFailed(f"the spool {self.path}: {error}.") from None
        except OSError as error:
            raise SpoolFailed(f"the spool {self.path}: {error.strerror}.") from None

    def _rescue(self, error: sqlite3.Error, expected: Contents) -> None:
        """Begin a new file with all that can be read of this one."""
        if self._database is not None:
            self._database.close()
        aside = self._directory.set_aside()
        self._connect()
        self.contents.last = expected.last
        with suppress(sqlite3.Error), self._change() as (database, after):  # the disk may be full
            for row in readable(aside, expected):
                self._insert(database, after, row)
        self._tell_lost(expected, str(error), f" The damaged file is kept as {aside}.")

    def _tell_lost(self, expected: Contents, why: str, kept: str = "") -> None:
        found = self.contents
        batches = max(0, expected.batches - found.batches)
        self.lost += batches
        logger.error(
            "the spool %s was damaged (%s): %d batches with %d events can be read, %d batches with "
            "%d events are lost.%s",
            self.path,
            why,
            found.batches,
            found.events,
            batches,
            max(0, expected.events - found.events),
            kept,
        )
