"""The file of a spool: opened, changed in transactions, rescued when it is damaged.

Rule: each fault of the disk is SpoolFailed, and the next use tries again. Batches that cannot be
read are counted and told, and the rest goes on.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.forwarding.spool_directory import Contents, SpoolDirectory
from django_ami.forwarding.spool_rows import (
    INSERT,
    SUMS,
    TABLE,
    is_damage,
    is_of_another_version,
    readable,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.forwarding.spool_rows import Row

__all__ = ["SpoolFailed", "SpoolFile", "insert"]

logger = get_logger(__name__)

#: The journal is cut to that when it has been larger.
_JOURNAL_BYTES: Final = 2**26
#: Nobody but this process has the file; somebody may look at it.
_BUSY_SECONDS: Final = 5.0
_EVERYTHING: Final = "SELECT * FROM batch ORDER BY position"


class SpoolFailed(Exception):
    """The disk takes nothing more, or nothing can be read from it: one line that says why."""


class _Unusable(Exception):
    """The directory cannot be had any more: one line that says why."""


class _AnotherVersion(Exception):
    """This version cannot read the file: one line that says so, and what to do."""


class SpoolFile:
    """The database of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = SpoolDirectory(directory)
        self._database: sqlite3.Connection | None = None
        #: How much is in it; until it can be opened, how much should be.
        self.contents = Contents()
        #: How many batches could not be read since the start.
        self.lost = 0

    @property
    def path(self) -> Path:
        """Its directory."""
        return self._directory.path

    def take(self) -> None:
        """Have the directory for this process, and look at what is in it.

        Raises ConfigurationError if another process has it, if it cannot be made, or if another
        version wrote it; SpoolFailed if the disk cannot be read or written: that is tried again
        with each use.
        """
        self._directory.take()
        self.contents = self._directory.expected()
        with self.guarded():
            try:
                self._open()
            except _AnotherVersion as error:
                self.close()
                raise ConfigurationError(str(error)) from None

    def close(self) -> None:
        """Let go of the file and of the directory."""
        is_open = self._database is not None
        if is_open and self.contents.batches and not self._directory.is_whole:
            try:
                with self.guarded():
                    self._come_back()
            except SpoolFailed as error:
                logger.error("%s %d events in it are lost.", error, self.contents.events)  # noqa: TRY400
        self._let_go()
        self._directory.leave()

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def database(self) -> sqlite3.Connection:
        """The database, opened if need be; inside of ``guarded``."""
        return self._database or self._open()

    def _open(self) -> sqlite3.Connection:
        expected = self._directory.expected()
        try:
            database = self._connect()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return self._rescue(error, expected)
        found = self.contents
        found.last = max(found.last, expected.last)
        if found.batches < expected.batches or found.events < expected.events:
            self._tell_lost(expected, "a part of its files is missing")
        self._directory.expect(found)
        return database

    def _connect(self) -> sqlite3.Connection:
        # Another thread opens it than the one that uses it
        database = sqlite3.connect(
            self._directory.file,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
            database.execute(TABLE)
            if is_of_another_version(database):
                raise _AnotherVersion(
                    f"the spool {self.path} was written by another version of django_ami: run that "
                    "one until the spool is empty, or move the files out of that directory, and "
                    "their events are not forwarded."
                )
            batches, events, size = database.execute(SUMS).fetchone()
            limits = database.execute("SELECT min(position), max(position) FROM batch")
            first, last = limits.fetchone()
        except BaseException:
            database.close()
            raise
        self._database = database
        self.contents = Contents(batches, int(events), int(size), first or 0, last or 0)
        return database

    @contextmanager
    def change(self) -> Iterator[tuple[sqlite3.Connection, Contents]]:
        """A transaction, and the contents of the file behind it; inside of ``guarded``."""
        if not self._directory.is_whole:
            self._come_back()
        with self._transaction() as opened:
            yield opened

    @contextmanager
    def _transaction(self) -> Iterator[tuple[sqlite3.Connection, Contents]]:
        database, after = self.database, self.contents.copy()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database, after
            self._directory.expect(after.least(self.contents))
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self.contents = after
        with suppress(OSError):  # the note from before is no more than there is
            self._directory.expect(after)

    def clear(self) -> None:
        """Have an empty file: nothing of this one is wanted any more. Needs no room on the disk."""
        empty = Contents(first=self.contents.last + 1, last=self.contents.last)
        self._directory.expect(empty)
        self._let_go()
        self._directory.clear()
        self.contents = empty

    # --- faults of the disk ---

    def _come_back(self) -> None:
        """Somebody has removed the directory, or a file of it: begin it anew, with all of it.

        The system keeps what was written into it until this process closes it, and no longer.
        """
        gone, before = self._database, self.contents
        try:
            self._directory.take_again()
        except ConfigurationError as error:
            raise _Unusable(error.message) from None
        self._database = None
        try:
            self._connect()
            self.contents.last = max(self.contents.last, before.last)
            with self._transaction() as (database, after):
                for row in () if gone is None else gone.execute(_EVERYTHING):
                    insert(database, after, row)
        except BaseException:
            self._let_go()
            self._directory.leave()  # and so it is not whole: the next use tries again
            self._database, self.contents = gone, before
            raise
        if gone is not None:
            gone.close()
        logger.error(
            "the spool %s was removed, or a file of it, while this process has it: it is made "
            "anew, with the %d events that were in it. Let nothing clean that directory up.",
            self.path,
            before.events,
        )

    @contextmanager
    def guarded(self) -> Iterator[None]:
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
        except (_AnotherVersion, _Unusable) as error:
            raise SpoolFailed(str(error)) from None

    def _rescue(self, error: sqlite3.Error, expected: Contents) -> sqlite3.Connection:
        """Begin a new file with all that can be read of this one."""
        self._let_go()
        aside = self._directory.set_aside()
        opened = self._connect()
        self.contents.last = expected.last
        with suppress(sqlite3.Error), self.change() as (database, after):  # the disk may be full
            for row in readable(aside, expected):
                insert(database, after, row)
        self._tell_lost(expected, str(error), f" The damaged file is kept as {aside}.")
        return opened

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

    def tell_changed(self, row: Row) -> None:
        """The bytes of a row are not those that were written."""
        self.lost += 1
        logger.error(
            "the spool %s was damaged (the bytes of a batch have changed on the disk): %d events "
            "are lost, from %s to %s.",
            self.path,
            whole(row[5]),
            row[3],
            row[4],
        )


def insert(database: sqlite3.Connection, after: Contents, row: Row) -> None:
    """Write a row, unless it is there."""
    written = database.execute(INSERT, row).rowcount
    if not written and _is_of_another_run(database, row):
        row = (after.last + 1, *row[1:])
        written = database.execute(INSERT, row).rowcount
    if written:
        position, size = row[0], row[7]
        after.add(1, row[5], size)
        after.first = min(after.first or position, position)
        after.last = max(after.last, position)


def _is_of_another_run(database: sqlite3.Connection, row: Row) -> bool:
    """True if the position of a row has the batch of another run.

    A run that could not open the file at its start may have begun below what is in it.
    """
    found = database.execute("SELECT source FROM batch WHERE position = ?", row[:1]).fetchone()
    return found is not None and found[0] != row[2]
