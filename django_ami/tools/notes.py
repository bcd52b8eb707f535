"""The notes by which listeners on this machine know of one another.

Each process that listens holds a lock (``flock``) on a note of its own, in a directory that only
its user may read. A note whose lock can be had belongs to nobody: the kernel lets go of a lock when
its process ends, however it ends.

Rule: a listener never fails, waits or says more than a debug line because of this. It does not know
processes that it cannot see: a process of another user, of another machine, or in a container with
a ``/tmp`` of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4
from weakref import WeakSet

from django_ami.checks.servers import identity
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.core.config import ServerConfig

__all__ = ["Listening", "Neighbour", "listeners_of"]

logger = get_logger(__name__)

#: systemd makes this one for the unit in ``deploy``, whose ``/tmp`` is private.
_RUNTIME_DIRECTORY: Final = Path("/run/django_ami")
_SUFFIX: Final = ".listening"
#: No note is larger than this, in bytes: ten thousand servers.
_LARGEST_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another process that listens to a server. ``since`` is a time as ``time.time()`` has it."""

    note: str
    pid: int
    since: float
    meant: bool
    """True if it was started with ``--allow-others``, or with ``--standby``."""
    standby: bool = False
    """True if it was started with ``--standby``: of all of these one delivers."""

    def __str__(self) -> str:
        return (
            f"process {self.pid}, since "
            f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since))}"
        )


class Listening:
    """The note of this process, kept until ``end``.

    ``meant`` says that other listeners are meant to be there, ``standby`` that it delivers under a
    lease.
    """

    def __init__(
        self, servers: Iterable[ServerConfig], *, meant: bool = False, standby: bool = False
    ) -> None:
        self._name = f"{os.getpid()}-{uuid4().hex}{_SUFFIX}"
        self._said = {
            "pid": os.getpid(),
            "since": time.time(),
            "meant": meant,
            "standby": standby,
            "servers": _identities(servers),
        }
        #: By directory: the descriptor that holds the lock.
        self._held: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._ended = False
        _notes.add(self)
        self.keep()

    def keep(self) -> None:
        """Put the note wherever it is not, and make it young.

        Directories for temporary files are swept.
        """
        with self._lock:
            for place in () if self._ended else _places():
                try:
                    held = self._held.get(place)
                    if held is None or not os.fstat(held).st_nlink:
                        self._drop(place)
                        self._held[place] = self._write(place)
                    else:
                        os.utime(held)
                except OSError as error:
                    _untold(error)

    def _write(self, place: Path) -> int:
        """A note that is locked before it has its name, so that nobody finds it unlocked.

        Raises OSError.
        """
        unnamed = place / f"{self._name}.new"
        descriptor = os.open(
            unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, json.dumps(self._said).encode())
            unnamed.rename(place / self._name)
        except BaseException:
            os.close(descriptor)
            unnamed.unlink(missing_ok=True)
            raise
        return descriptor

    def others(self) -> dict[tuple[str, int, str], list[Neighbour]]:
        """The other processes that listen, by what they listen to."""
        return {
            key: [one for one in found if one.note != self._name]
            for key, found in _listeners().items()
        }

    def end(self) -> None:
        """Take the note away: events do not come any more."""
        with self._lock:
            self._ended = True
            for place in list(self._held):
                with suppress(OSError):
                    (place / self._name).unlink(missing_ok=True)
                self._drop(place)

    def abandon(self) -> None:
        """In a forked child: the note is the parent's, and lasts no longer than that one."""
        self._lock, self._ended = threading.Lock(), True
        for place in list(self._held):
            self._drop(place)

    def _drop(self, place: Path) -> None:
        descriptor = self._held.pop(place, None)
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


_notes: WeakSet[Listening] = WeakSet()


def _after_fork() -> None:
    for note in list(_notes):
        note.abandon()


os.register_at_fork(after_in_child=_after_fork)


def listeners_of(server: ServerConfig) -> list[Neighbour]:
    """The processes of this user on this machine that listen to a server, the oldest first."""
    return _listeners().get(identity(server), [])


def _identities(servers: Iterable[ServerConfig]) -> list[tuple[str, int, str]]:
    return list(dict.fromkeys(map(identity, servers)))


def _places() -> Iterator[Path]:
    """The directories that are ours alone; the one for temporary files is made."""
    if _is_ours(_RUNTIME_DIRECTORY):
        yield _RUNTIME_DIRECTORY
    try:
        place = Path(tempfile.gettempdir()) / f"django_ami-{os.getuid()}"
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
    except OSError as error:
        _untold(error)
        return
    if _is_ours(place):
        yield place
    else:
        _untold(PermissionError(f"{place} is not a directory of this user alone"))


def _is_ours(place: Path) -> bool:
    """A directory of this user, into which nobody else may put anything."""
    try:
        status = place.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    )


def _listeners() -> dict[tuple[str, int, str], list[Neighbour]]:
    found: dict[str, tuple[Neighbour, list[tuple[str, int, str]]]] = {}
    for place in _places():
        try:
            paths = list(place.glob(f"*{_SUFFIX}"))
        except OSError as error:
            _untold(error)
            continue
        for path in paths:
            # Ignore a note that another version has written, or that is being written.
            with suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
                said = _read(path)
                if said is not None:
                    since = float(said["since"])
                    time.localtime(since)  # raises for a time that there is not
                    neighbour = Neighbour(
                        path.name,
                        int(said["pid"]),
                        since,
                        bool(said["meant"]),
                        bool(said.get("standby")),
                    )
                    found[path.name] = (
                        neighbour,
                        [(host, port, user) for host, port, user in said["servers"]],
                    )
    listeners: dict[tuple[str, int, str], list[Neighbour]] = {}
    for neighbour, keys in sorted(found.values(), key=lambda pair: pair[0].since):
        for key in keys:
            listeners.setdefault(key, []).append(neighbour)
    return listeners


def _read(path: Path) -> dict[str, Any] | None:
    """The content of a note; None, and the note is removed, if its process has ended.

    Raises OSError and ValueError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            said = json.loads(os.read(descriptor, _LARGEST_BYTES))
            return said if isinstance(said, dict) else None
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(descriptor)


_told = threading.Event()


def _untold(error: OSError) -> None:
    """One debug line, and no more."""
    if not _told.is_set():
        _told.set()
        logger.debug("Other listeners on this machine cannot be seen: %s", error)
