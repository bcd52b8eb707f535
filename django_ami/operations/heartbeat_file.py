"""The heartbeat file: the words of a listener about itself, for probes on its machine.

Rule: neither its writer nor its reader needs a database, a web server or Django. It is written by a
thread of its own, and replaced as a whole, so that nobody reads half of it. Run as a program this
module reads it: ``python -m django_ami.operations.heartbeat_file PATH``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django_ami.core.lease import boottime
from django_ami.core.log import get_logger
from django_ami.listeners import STALE_BEATS, ListenerRole, ListenerStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HeartbeatFile", "Unreadable", "read"]

logger = get_logger(__name__)

_LOG_SECONDS: Final = 60.0
#: No such file is larger, in bytes: ten thousand servers.
_LARGEST_BYTES: Final = 2**24
#: The end waits so long for its last write.
_END_SECONDS: Final = 1.0


class Unreadable(Exception):
    """There is no heartbeat file, or it is none."""


def boot_id() -> str:
    """An id of the run of this machine: a file of before a restart is nobody's heartbeat."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def read(path: str) -> tuple[ListenerStatus, ...]:
    """The last words of the listener of a file, with their age now. Raises Unreadable."""
    said = _load(path)
    try:
        age = boottime() - said["at"] if said["boot"] == boot_id() else float("inf")
        stale = not 0 <= age <= STALE_BEATS * said["interval"]
        return tuple(_status(said, one, age, stale=stale) for one in said["servers"])
    except (ValueError, LookupError, TypeError):
        raise Unreadable(f"{path} is no heartbeat file of this version") from None


def _load(path: str) -> Any:
    try:
        with Path(path).open("rb") as file:
            return json.loads(file.read(_LARGEST_BYTES))
    except FileNotFoundError:
        raise Unreadable(f"there is no heartbeat file {path}: no listener runs here") from None
    except OSError as error:
        raise Unreadable(f"the heartbeat file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unreadable(f"{path} is no heartbeat file") from None


def _status(
    said: Mapping[str, Any], one: Mapping[str, Any], age: float, *, stale: bool
) -> ListenerStatus:
    return ListenerStatus(
        server=one["server"],
        host=said["host"],
        pid=said["pid"],
        version=said["version"],
        role=ListenerRole(one["role"]),
        state=one["state"],
        since=datetime.fromisoformat(one["since"]),
        started=datetime.fromisoformat(said["started"]),
        seen=datetime.fromisoformat(said["seen"]),
        age=age,
        stale=stale,
        token=one["token"],
        last_error=one["last_error"],
        counters=one["counters"],
    )


class HeartbeatFile:
    """The file of this process; ``say`` says what is written beside the times, as in ``read``."""

    def __init__(
        self, path: str, interval_seconds: float, say: Callable[[], dict[str, Any]]
    ) -> None:
        self._path = Path(path)
        self._interval_seconds = interval_seconds
        self._say = say
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._logged_at = float("-inf")
        self._me = uuid4().hex
        self._written = self._told = False

    def start(self) -> None:
        """Begin to write. Raises ConnectionFailed if the system refuses the thread."""
        from django_ami.core.refusals import start_thread  # a reader needs none

        self._thread = start_thread(self._run, "django_ami-heartbeat-file")

    def hurry(self) -> None:
        """Write now: something has changed."""
        self._wake.set()

    def close(self) -> None:
        """Remove the file, within a moment: this listener has ended."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    # --- its thread ---

    def _run(self) -> None:
        while not self._ending:
            try:
                self._tell_of_another()
                self._write()
                self._written = True
            except Exception as error:  # noqa: BLE001  (of the system; a listener goes on without)
                self._tell_failure(error)
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
        if not self._is_anothers():
            with suppress(OSError):
                self._path.unlink()

    def _write(self) -> None:
        said = {
            **self._say(),
            "me": self._me,
            "pid": os.getpid(),
            "boot": boot_id(),
            "at": boottime(),
            "seen": datetime.now(UTC).isoformat(),
            "interval": self._interval_seconds,
        }
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w") as file:  # noqa: PTH123  (a descriptor has no path)
                json.dump(said, file)
            new.replace(self._path)
        finally:
            with suppress(OSError):
                new.unlink()

    def _is_anothers(self) -> bool:
        """True if somebody else has replaced what this process has written."""
        try:
            return self._written and bool(_load(str(self._path))["me"] != self._me)
        except (Unreadable, LookupError, TypeError):
            return False

    def _tell_of_another(self) -> None:
        """Two that write one file hide each other's end."""
        if not self._told and self._is_anothers():
            self._told = True
            logger.warning(
                "The heartbeat file %s is written by another listener, too: give each one on this "
                "machine a file of its own (heartbeat_file of AMI_OPERATIONS).",
                self._path,
            )

    def _tell_failure(self, error: Exception) -> None:
        if time.monotonic() >= self._logged_at + _LOG_SECONDS:
            self._logged_at = time.monotonic()
            logger.warning(
                "The heartbeat file %s cannot be written (%s): probes take this listener for dead. "
                "It is tried again; check heartbeat_file of AMI_OPERATIONS, and its directory.",
                self._path,
                getattr(error, "strerror", None) or type(error).__name__,
            )


def main(arguments: list[str]) -> int:
    """Judge the listener of a file: 0 if it is well."""
    from django_ami.operations.health import judge, unknown

    paths = [one for one in arguments if not one.startswith("-")]
    if len(paths) != 1 or set(arguments) - {*paths, "--live"}:
        print("usage: python -m django_ami.operations.heartbeat_file [--live] PATH")
        return 1
    try:
        said = read(paths[0])
        names = sorted({one.server for one in said})
        health = judge(said, names, standby_suffices=True, live="--live" in arguments)
    except Unreadable as error:
        health = unknown(str(error))
    print(health)
    return 0 if health.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
