"""The table of a spool: a batch as a row, and back."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from zlib import crc32

from django_ami.core.event_id import EventId
from django_ami.forwarding.envelope import encode
from django_ami.forwarding.outlet import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.spool_directory import Contents

__all__ = [
    "INSERT",
    "SUMS",
    "TABLE",
    "Row",
    "batch_of",
    "is_damage",
    "is_of_another_version",
    "readable",
    "row_of",
    "strip",
    "whole",
]

Row: TypeAlias = tuple[Any, ...]

#: About so many bytes are taken by a batch beside its own.
_ROW_BYTES: Final = 200
TABLE: Final = """
CREATE TABLE IF NOT EXISTS batch (
    position INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    source TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    events INTEGER NOT NULL,
    ordinary INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL
)
"""
INSERT: Final = "INSERT OR IGNORE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SUMS: Final = "SELECT count(*), total(events), total(size) FROM batch"
_STRIP: Final = """
UPDATE batch SET first = ?, last = ?, events = ?, ordinary = 0, size = ?, checksum = ?, data = ?
WHERE position = ?
"""
_COLUMNS: Final = [
    "position", "partition", "source", "first", "last", "events", "ordinary", "size", "checksum",
    "data",
]  # fmt: skip
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def row_of(batch: Batch, events: int, ordinary: int) -> Row:
    """The row of a batch with so many events, of which so many are ordinary."""
    return (
        batch.position, batch.partition, batch.source, str(batch.first), str(batch.last), events,
        ordinary, len(batch.data) + _ROW_BYTES, crc32(batch.data), batch.data,
    )  # fmt: skip


def batch_of(row: Row) -> Batch | None:
    """The batch of a row; None if it is not what was written."""
    position, partition, source, first, last, _, _, _, checksum, data = row
    try:
        if crc32(data) != checksum or not isinstance(partition, int) or partition < 0:
            return None
        return Batch(
            partition, data, EventId.parse(first), EventId.parse(last), str(source), position
        )
    except (ValueError, TypeError, AttributeError):  # sqlite takes any value for each column
        return None


def whole(value: object) -> int:
    """A number of a row; 0 if there is anything else."""
    return value if isinstance(value, int) else 0


def is_of_another_version(database: sqlite3.Connection) -> bool:
    """True if the table has not the columns of this version."""
    found = [row[1] for row in database.execute("PRAGMA table_info(batch)")]
    return found != _COLUMNS


def strip(database: sqlite3.Connection, position: int, kept: Sequence[Envelope]) -> int:
    """Leave some events of a batch alone. Says how many bytes it has now."""
    data = encode(kept)
    size = len(data) + _ROW_BYTES
    database.execute(
        _STRIP, (str(kept[0].id), str(kept[-1].id), len(kept), size, crc32(data), data, position)
    )
    return size


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """True if the file is not what was written."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def readable(file: Path, expected: Contents) -> Iterator[Row]:
    """The rows of a damaged file that can be read, each looked up by itself."""
    database = sqlite3.connect(file)
    # Without it sqlite reads nothing at all of a file that is shorter than it was (lockBtree of
    # src/btree.c)
    database.execute("PRAGMA writable_schema = ON")
    try:
        for position in range(expected.first, expected.last + 1):
            try:
                row = database.execute(
                    "SELECT * FROM batch WHERE position = ?", (position,)
                ).fetchone()
                if row is not None and batch_of(row) is not None:
                    yield row
            except (sqlite3.DatabaseError, ValueError, TypeError):
                continue
    finally:
        database.close()
