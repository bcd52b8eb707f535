"""Writes what a client has received into a file, until something ends it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import CommandError

from django_ami.core.deadline import Deadline
from django_ami.core.errors import AmiError, AuthenticationFailed, ConfigurationError
from django_ami.core.messages import Event
from django_ami.core.session import Gap, Lost, Ready
from django_ami.testing.masking import Mask
from django_ami.testing.recording import Writer, clear, open_private
from django_ami.tools.exits import Exit
from django_ami.tools.output import why
from django_ami.tools.streams import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.session import Notice
    from django_ami.tools.console import ConsoleCommand

__all__ = ["Recorder", "new_file"]

_MEGABYTE: Final = 2**20


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """The file; its old content stays until there is something to write.

    Raises ConfigurationError.
    """
    made = not os.path.exists(path)  # noqa: PTH110  (Path.exists raises for some names)
    try:
        file = open_private(path, replace=force)
    except FileExistsError:
        raise ConfigurationError(
            f"{path} exists: give --force to replace it, or another name."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ConfigurationError(f"cannot write {path}: {why(error)}") from None
    try:
        with file:
            yield file
    finally:
        if made and path.stat().st_size == 0:
            path.unlink()


class Recorder:
    """Takes what the client has received, and writes it."""

    def __init__(
        self,
        command: ConsoleCommand,
        client: Client,
        server: ServerConfig,
        file: TextIO,
        options: dict[str, Any],
    ) -> None:
        self._command = command
        self._client = client
        self._server = server
        self._file = file
        self._mask = Mask(numbers=options["mask_numbers"])
        self._most: int | None = options["max_events"]
        self._largest: int = options["max_size"] * _MEGABYTE
        self._run_for: float | None = options["run_for"]
        self._json: bool = options["json"]
        #: On stderr, which may be a pipe that nobody reads: the file matters more.
        self._remarks = Lines(command.stderr)
        self._writer: Writer | None = None
        self._begun = self._took = 0.0
        #: How many bytes and events are safely in the file.
        self._whole_bytes = self._whole_events = 0
        #: Where the events end, in bytes, that may still be in a buffer.
        self._ends: list[int] = []
        self._stopped = ""
        self._refused = False

    def stop_by(self, number: int) -> None:
        """End when what has come is written; a signal handler calls it."""
        self._stopped = signal.Signals(number).name
        self._client.inbox.wake()

    def run(self) -> Exit:
        """Until something ends it; says the exit code.

        Raises CommandError if the file cannot be written.
        """
        try:
            self._record()
        except AmiError:
            raise  # some are OSErrors, too
        except OSError as error:
            self._cut()
            text = (
                f"cannot write {self._file.name}: {why(error)} {self._whole_events} events are "
                "in it."
            )
            raise CommandError(text, returncode=Exit.SYSTEM) from None
        finally:
            self._remarks.close()
        return self._sum_up()

    def _record(self) -> None:
        self._client.start(dispatcher=False)
        deadline = Deadline(self._run_for)
        while self._has_room and not self._stopped and not self._refused:
            if deadline.over:
                self._stopped = "--run-for"
                break
            self._write_what_came(deadline.timeout)
        self._client.close()
        while self._has_room and self._write_what_came(0):
            pass
        if self._writer is not None:
            self._took = time.monotonic() - self._begun
            self._writer.remark(f"end: {self._figures()} ({self._stopped or 'refused'})")
            self._file.flush()

    def _cut(self) -> None:
        """Leave whole events, and nothing behind them."""
        descriptor = self._file.fileno()
        size = os.fstat(descriptor).st_size
        for end in self._ends:
            if end <= size:
                self._whole_bytes, self._whole_events = end, self._whole_events + 1
        with suppress(OSError):
            os.ftruncate(descriptor, self._whole_bytes)
        with suppress(OSError):
            # The file object would write its buffer when it is closed.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)

    def _write_what_came(self, wait: float | None) -> int:
        _, items = self._client.inbox.take(wait)
        for item in items:
            if not isinstance(item, Event):
                self._tell(item)
            elif self._has_room:
                self._opened().event(time.monotonic() - self._begun, self._mask(item))
                self._ends.append(self._opened().size)
                self._client.inbox.delivered(item.server, 1)
        if self._writer is not None:
            self._file.flush()
            self._whole_bytes, self._whole_events = self._writer.size, self._writer.events
            self._ends.clear()
        return len(items)

    @property
    def _has_room(self) -> bool:
        """Is it not the end yet, by number and size?"""
        if self._writer is None:
            return True
        if self._most is not None and self._writer.events >= self._most:
            self._stopped = "--max-events"
            return False
        if self._writer.size >= self._largest:
            self._stopped = "--max-size"
            return False
        return True

    def _opened(self) -> Writer:
        if self._writer is None:
            clear(self._file)
            self._begun = time.monotonic()
            masked = (
                "secrets and numbers are masked" if self._mask.numbers else "secrets are masked"
            )
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._writer = Writer(
                self._file, f"{self._server.name}, {now}; {masked}", *self._mask.remarks
            )
        return self._writer

    def _tell(self, notice: Notice) -> None:
        if isinstance(notice, Lost):
            self._refused = self._refused or isinstance(notice.error, AuthenticationFailed)
            text = notice.error.message
            if self._writer is not None:
                self._writer.remark(f"lost: {text}")
        elif isinstance(notice, Ready):
            text = (
                f"ready, Asterisk {notice.asterisk_version or '?'}, AMI {notice.ami_version or '?'}"
            )
            self._opened().remark(text)
        elif isinstance(notice, Gap):
            lost = "events" if notice.lost is None else f"{notice.lost} events"
            text = f"gap of {notice.end - notice.begin:.1f} s, {lost} missing: {notice.reason}"
            self._opened().remark(text)
        else:
            return
        self._remarks.say(f"{self._server.name}: {text}")

    def _figures(self) -> str:
        dropped = self._client.status()[self._server.name].dropped
        written, took = self._writer.events if self._writer else 0, self._took
        return f"{written} events in {took:.1f} s{f', {dropped} are missing' if dropped else ''}"

    def _sum_up(self) -> Exit:
        status = self._client.status()[self._server.name]
        if self._writer is not None:
            self._command.done = f"{self._figures()} are in {self._file.name}."
        if self._json:
            self._command.say_json(
                {
                    "server": self._server.name,
                    "file": str(self._file.name),
                    "events": self._writer.events if self._writer else 0,
                    "dropped": status.dropped,
                    "seconds": round(self._took, 3),
                    "stopped": self._stopped,
                }
            )
        elif self._writer is not None:
            self._command.say(f"{self._server.name}: {self._figures()}, {self._file.name}")
        if self._refused:
            return Exit.REFUSED
        if self._writer is None:
            self._command.warn(
                f"{self._server.name}: no connection was made, and {self._file.name} was not "
                "written."
            )
            return Exit.UNREACHABLE
        return Exit.UNWELL if status.dropped else Exit.OK
