"""Keeps batches on disk while the engine is away, or slower than the events.

Rule: a batch that ``put`` has returned from survives the end of the process, and of the machine.
Batches are read in the order of their positions, in whatever order they were put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.forwarding.dropped import Dropped
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.spool_file import SpoolFailed, SpoolFile, insert
from django_ami.forwarding.spool_rows import SUMS, batch_of, row_of, strip, whole

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.outlet import Batch
    from django_ami.forwarding.spool_directory import Contents
    from django_ami.forwarding.spool_rows import Row

__all__ = ["Spool", "SpoolFailed"]

#: An empty file that is larger gives its room back.
_LARGE_PAGES: Final = 2**14
_BEHIND: Final = "SELECT * FROM batch WHERE position > ? ORDER BY position LIMIT ?"
_ORDINARY: Final = (
    "SELECT * FROM batch WHERE position > ? AND ordinary > 0 ORDER BY position LIMIT 1"
)


class Spool:
    """Batches in a file of a directory, up to ``most_bytes``. One thread uses it, others may look.

    ``is_important`` says which events leave a full spool last.
    """

    def __init__(
        self, directory: Path, most_bytes: int, is_important: Callable[[Envelope], bool]
    ) -> None:
        self._file = SpoolFile(directory)
        self._most_bytes = most_bytes
        self._is_important = is_important
        #: How many events had to leave since the start, and how many of these are important.
        self.dropped = self.dropped_important = 0
        #: No batch up to this position has ordinary events.
        self._stripped = 0

    def open(self) -> None:
        """Take the directory, and look at what is in it.

        Raises ConfigurationError if another process has it, or if it cannot be made; SpoolFailed if
        the disk cannot be read or written: that is tried again with each use.
        """
        self._file.take()

    def close(self) -> None:
        """Let go of the file and of the directory."""
        self._file.close()

    @property
    def path(self) -> Path:
        """Its directory."""
        return self._file.path

    @property
    def contents(self) -> Contents:
        """How much is in it."""
        return self._file.contents

    @property
    def lost(self) -> int:
        """How many batches could not be read since the start."""
        return self._file.lost

    def __len__(self) -> int:
        return self.contents.batches

    # --- writing ---

    def put(self, batches: Sequence[Batch], in_hand: int = 0) -> list[Dropped]:
        """Keep batches. Gives the events that had to go for them, by server.

        Batches up to the position ``in_hand`` are about to be published, and stay. Raises
        SpoolFailed if none of them could be written.
        """
        gone: dict[str, Dropped] = {}
        stripped = self._stripped
        self._stripped = 0
        with self._file.guarded(), self._file.change() as (database, after):
            for batch in batches:
                insert(database, after, self._row(batch))
                stripped = min(stripped, batch.position - 1)
            while after.size > self._most_bytes:
                at = self._drop(database, after, in_hand, stripped, gone)
                if at is None:
                    break
                stripped = at
        self._stripped = stripped
        for one in gone.values():
            self.dropped += one.events
            self.dropped_important += one.important
        return list(gone.values())

    def _row(self, batch: Batch) -> Row:
        envelopes = decode(batch.data)
        return row_of(batch, len(envelopes), len(self._ordinary(envelopes)))

    def _ordinary(self, envelopes: Iterable[Envelope]) -> list[Envelope]:
        return [one for one in envelopes if not self._is_important(one)]

    def forget(self, position: int) -> None:
        """Everything up to this position is on the engine. Raises SpoolFailed."""
        with self._file.guarded():
            try:
                with self._file.guarded():
                    self._delete_to(position)
            except SpoolFailed:
                if position < self.contents.last:
                    raise
                self._file.clear()  # not even to delete is there room on a full disk
            if not self.contents.batches:
                self._shrink()

    def _delete_to(self, position: int) -> None:
        with self._file.change() as (database, after):
            batches, events, size = database.execute(
                f"{SUMS} WHERE position <= ?", (position,)
            ).fetchone()
            after.add(-batches, -int(events), -int(size))
            after.first = max(after.first, position + 1)
            database.execute("DELETE FROM batch WHERE position <= ?", (position,))

    def _shrink(self) -> None:
        """It is empty: give the room of a large file back."""
        database = self._file.database
        if database.execute("PRAGMA page_count").fetchone()[0] > _LARGE_PAGES:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- room ---

    def _drop(
        self,
        database: sqlite3.Connection,
        after: Contents,
        in_hand: int,
        stripped: int,
        gone: dict[str, Dropped],
    ) -> int | None:
        """Drop the oldest ordinary events, or, if there is none, the oldest of all.

        Gives the position up to which no batch has ordinary events; None if nothing may go.
        """
        row = database.execute(_ORDINARY, (max(in_hand, stripped),)).fetchone()
        everything = row is None
        if everything:
            row = database.execute(_BEHIND, (in_hand, 1)).fetchone()
        if row is None:
            return None
        until = after.last if everything else int(row[0])
        batch = batch_of(row)
        if batch is None:
            self._remove(database, after, row)
            return until
        envelopes = decode(batch.data)
        left = envelopes if everything else self._ordinary(envelopes)
        kept = [] if everything else [one for one in envelopes if self._is_important(one)]
        server = batch.first.server
        gone.setdefault(server, Dropped(server)).add(left, important=everything)
        if kept:
            after.add(0, -len(left), strip(database, batch.position, kept) - whole(row[7]))
        else:
            self._delete(database, after, row)
        return until

    @staticmethod
    def _delete(database: sqlite3.Connection, after: Contents, row: Row) -> None:
        database.execute("DELETE FROM batch WHERE position = ?", row[:1])
        after.add(-1, -whole(row[5]), -whole(row[7]))

    def _remove(self, database: sqlite3.Connection, after: Contents, row: Row) -> None:
        self._delete(database, after, row)
        self._file.tell_changed(row)

    # --- reading ---

    def after(self, position: int, most: int, most_bytes: int) -> list[Batch]:
        """The batches behind a position, in order: up to ``most``, of about ``most_bytes``.

        Raises SpoolFailed.
        """
        found: list[Batch] = []
        changed: list[Row] = []
        size = 0
        with self._file.guarded():
            for row in self._file.database.execute(_BEHIND, (position, most)):
                if (batch := batch_of(row)) is None:
                    changed.append(row)
                    continue
                found.append(batch)
                size += len(batch.data)
                if size >= most_bytes:
                    break
            if changed:
                with self._file.change() as (database, after):
                    for row in changed:
                        self._remove(database, after, row)
        if changed and not found:  # behind them there may be others
            return self.after(int(changed[-1][0]), most, most_bytes)
        return found
