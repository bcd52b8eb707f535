"""The directory of a spool: whose it is, what should be in it, and where damaged files go.

Rule: one process has it. The contents that it notes are never more than the spool has: so a batch
that is missing later was lost.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Self
from weakref import WeakSet

from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Contents", "SpoolDirectory"]

_FILE: Final = "spool.sqlite3"
#: The files that belong to it, as sqlite names them.
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
#: Each writing of the contents replaces the one before as a whole.
_CONTENTS_BYTES: Final = 256
_PRIVATE: Final = 0o600
_PID_BYTES: Final = 20


@dataclass(slots=True)
class Contents:
    """The contents of a spool, of ``size`` bytes: nothing outside of these positions."""

    batches: int = 0
    events: int = 0
    size: int = 0
    first: int = 0
    last: int = 0

    def copy(self) -> Contents:
        return replace(self)

    def add(self, batches: int, events: int, size: int) -> None:
        """Add so many; negative numbers take away."""
        self.batches += batches
        self.events += events
        self.size += size

    def least(self, other: Contents) -> Contents:
        """The part that is there in any case, if either of them is true."""
        return Contents(
            min(self.batches, other.batches),
            min(self.events, other.events),
            min(self.size, other.size),
            min(self.first, other.first),
            max(self.last, other.last),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The contents that ``to_bytes`` wrote; empty ones for other bytes."""
        try:
            found = json.loads(data)
            return cls(*(int(found[item.name]) for item in fields(cls)))
        except (ValueError, KeyError, TypeError):
            return cls()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode().ljust(_CONTENTS_BYTES - 1) + b"\n"


class SpoolDirectory:
    """A directory that one process has at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._contents: int | None = None
        #: Of the database: another number is another file.
        self._inode = 0

    @property
    def file(self) -> Path:
        """The database with the batches."""
        return self.path / _FILE

    def take(self) -> None:
        """Have it from now on.

        Raises ConfigurationError if another process has it, or if it cannot be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        except OSError as error:
            raise ConfigurationError(
                f"the spool {self.path} cannot be used ({error.strerror}): SPOOL of AMI_FORWARD "
                "must name a directory that this user may write."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(lock, _PID_BYTES, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise ConfigurationError(
                f"the spool {self.path} belongs to another process that runs (pid {owner}): give "
                "each listener a directory of its own (SPOOL of AMI_FORWARD)."
            ) from None
        self._lock = lock
        _taken.add(self)
        try:
            with suppress(OSError):  # the disk may be full
                os.pwrite(lock, f"{os.getpid():<{_PID_BYTES}}\n".encode(), 0)
            self._contents = os.open(
                self.path / "contents", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE
            )
            self._make_file()
        except OSError as error:
            self.leave()
            raise ConfigurationError(
                f"the spool {self.path} cannot be used ({error.strerror}): SPOOL of AMI_FORWARD "
                "must name a directory with room, whose files this user may write."
            ) from None

    @property
    def is_whole(self) -> bool:
        """False if somebody has removed it, or a file of it, while this process has it."""
        if self._lock is None or self._contents is None:
            return False
        try:
            found = [(self.path / name).stat().st_ino for name in ("lock", "contents", _FILE)]
            ours = [os.fstat(one).st_ino for one in (self._lock, self._contents)]
        except OSError:
            return False
        return found == [*ours, self._inode]

    def take_again(self) -> None:
        """Have it anew, since it is not whole. Raises ConfigurationError as ``take`` does."""
        self.leave()
        self.take()

    def leave(self) -> None:
        """Another process may have it."""
        for descriptor in (self._contents, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._contents = self._lock = None

    def expected(self) -> Contents:
        """The contents that the spool should have."""
        return Contents.from_bytes(os.pread(self._taken, _CONTENTS_BYTES, 0))

    def expect(self, contents: Contents) -> None:
        """Write down what is in the spool. Raises OSError."""
        os.pwrite(self._taken, contents.to_bytes(), 0)

    @property
    def _taken(self) -> int:
        if self._contents is None:
            raise OSError(errno.EBADF, "it is not taken")
        return self._contents

    def clear(self) -> None:
        """Have an empty file instead of the one with batches. Raises OSError."""
        for beside in _BESIDE:
            with suppress(FileNotFoundError):
                os.unlink(f"{self.file}{beside}")  # noqa: PTH108
        self._make_file()

    def _make_file(self) -> None:
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        self._inode = os.fstat(descriptor).st_ino
        os.close(descriptor)

    def set_aside(self) -> Path:
        """Give a damaged file another name, and say which. Raises OSError."""
        name = time.strftime("damaged-%Y%m%dT%H%M%S")
        aside = self.path / f"{name}.sqlite3"
        count = 1
        while aside.exists():
            count += 1
            aside = self.path / f"{name}-{count}.sqlite3"
        for beside in _BESIDE:
            with suppress(FileNotFoundError):
                os.rename(f"{self.file}{beside}", f"{aside}{beside}")  # noqa: PTH104
        self._make_file()
        return aside


#: Those that this process has.
_taken: Final[WeakSet[SpoolDirectory]] = WeakSet()


def _leave_all() -> None:
    """A child has none of them: it would keep them from others when its parent is gone."""
    for one in tuple(_taken):
        one.leave()


os.register_at_fork(after_in_child=_leave_all)
