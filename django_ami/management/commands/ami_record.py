"""``manage.py ami_record``: writes down what a server sends, to be played back in tests and by ``ami_replay``."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.client import Client
from django_ami.core.config import event_mask
from django_ami.core.errors import AuthenticationFailed, ConfigurationError
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Role
from django_ami.management.console import ConsoleCommand, Exit, count, names, seconds
from django_ami.management.hints import about_events
from django_ami.testing.masking import Mask
from django_ami.testing.recording import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig
    from django_ami.core.session import Notice

_MEGABYTE: Final = 2**20


class Command(ConsoleCommand):
    """Listens, and writes until it is stopped."""

    help = (
        "Write the events of a server into a file, with their times, until Ctrl-C. Secrets in them are masked, and "
        "with --mask-numbers telephone numbers are replaced by others. It logs in beside your workers and takes "
        "nothing away from them. Names of callers are written as they are: look before you give the file away."
    )
    examples = """\
calls.txt --run-for=3600 --mask-numbers
agents.txt --server=node_1 --events=agent,call --max-events=1000
hangups.txt --only=Hangup,Cdr --force"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped by Ctrl-C, SIGTERM, --run-for, --max-events or --max-size; all that came is written",
        Exit.REFUSED: "",
        Exit.UNREACHABLE: "the server was never connected; there is no file",
        Exit.UNWELL: "events came faster than they could be written: some are missing",
    }
    one_server = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path, help="where to; it must not exist")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")
        parser.add_argument("--mask-numbers", action="store_true", help="replace numbers of five digits or more")
        parser.add_argument("--only", type=names, metavar="NAME,…", help="only events of these names, in any case")
        parser.add_argument(
            "--events", metavar="CLASSES", help="classes of events to ask for, with commas (default: option events)"
        )
        parser.add_argument("--run-for", "--duration", type=seconds, metavar="SECONDS", help="stop after so many")
        parser.add_argument("--max-events", type=count, metavar="N", help="stop after so many events")
        parser.add_argument(
            "--max-size", type=count, default=100, metavar="MB", help="stop when the file is so large (default: 100)"
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        (server,) = servers
        if options["events"] is not None:
            server = replace(server, options=replace(server.options, events=event_mask(options["events"])))
        only: tuple[str, ...] | None = options["only"]
        for hint in about_events(only or ()):
            self.warn(hint, self.style.WARNING)
        client = Client([server], role=Role.LISTENER)
        client.set_interest(frozenset(name.lower() for name in only) if only else None)
        try:
            with _open(options["file"], force=options["force"]) as file:
                recorder = Recorder(self, client, server, file, options)
                with _stopping(recorder):
                    return recorder.run()
        finally:
            client.close()


@contextmanager
def _open(path: Path, *, force: bool) -> Iterator[TextIO]:
    """The file; what was in it stays until there is something to write. Raises ConfigurationError."""
    made = not path.exists()
    try:
        file = path.open("a" if force else "x", encoding="utf-8", newline="\n")
    except FileExistsError:
        raise ConfigurationError(f"{path} exists: give --force to replace it, or another name.") from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {os.strerror(error.errno or 0)}.") from None
    with file:
        yield file
        empty = file.tell() == 0
    if made and empty:
        path.unlink()


@contextmanager
def _stopping(recorder: Recorder) -> Iterator[None]:
    """SIGINT and SIGTERM end the recording when what has come is written; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # called from a program that has the signals itself
        return
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in stops}

    def stop(number: int, _frame: object) -> None:
        for one in stops:
            signal.signal(one, signal.SIG_DFL)
        recorder.stop(signal.Signals(number).name)

    for number in stops:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Recorder:
    """Takes what the client has received, and writes it."""

    def __init__(
        self, command: ConsoleCommand, client: Client, server: ServerConfig, file: TextIO, options: dict[str, Any]
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
        self._writer: Writer | None = None
        self._begun = 0.0
        self._stopped = ""
        self._refused = False

    def stop(self, why: str) -> None:
        """End soon; a signal handler may call it."""
        self._stopped = why
        self._client.wake()

    def run(self) -> Exit:
        """Until something ends it; says the exit code."""
        self._client.start(dispatcher=False)
        end = None if self._run_for is None else time.monotonic() + self._run_for
        while self._has_room and not self._stopped and not self._refused:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                self._stopped = "--run-for"
                break
            self._write_what_came(left)
        self._client.close()
        while self._has_room and self._write_what_came(0):
            pass
        return self._sum_up()

    def _write_what_came(self, wait: float | None) -> int:
        _, items = self._client.take(wait)
        for item in items:
            if not isinstance(item, Event):
                self._tell(item)
            elif self._has_room:
                self._opened().event(time.monotonic() - self._begun, self._mask(item))
                self._client.delivered(item.server, 1)
        self._file.flush()
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
            if self._file.tell():
                self._file.truncate(0)
            self._begun = time.monotonic()
            masked = "secrets and numbers are masked" if self._mask.numbers else "secrets are masked"
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._writer = Writer(self._file, f"{self._server.name}, {now}; {masked}")
        return self._writer

    def _tell(self, notice: Notice) -> None:
        if isinstance(notice, Lost):
            self._refused = self._refused or isinstance(notice.error, AuthenticationFailed)
            text = notice.error.message
            if self._writer is not None:
                self._writer.remark(f"lost: {text}")
        else:
            text = f"ready, Asterisk {notice.asterisk_version or '?'}, AMI {notice.ami_version or '?'}"
            self._opened().remark(text)
        with suppress(BrokenPipeError):
            self._command.warn(f"{self._server.name}: {text}")

    def _sum_up(self) -> Exit:
        status = self._client.status()[self._server.name]
        written = self._writer.events if self._writer else 0
        took = time.monotonic() - self._begun if self._writer else 0.0
        lost = f", {status.dropped} are missing" if status.dropped else ""
        if self._writer is not None:
            self._writer.remark(f"end: {written} events in {took:.1f} s{lost} ({self._stopped or 'refused'})")
        if self._json:
            self._command.say_json(
                {
                    "server": self._server.name,
                    "file": str(self._file.name),
                    "events": written,
                    "dropped": status.dropped,
                    "seconds": round(took, 3),
                    "stopped": self._stopped,
                }
            )
        elif self._writer is not None:
            self._command.say(f"{self._server.name}: {written} events in {took:.1f} s{lost}, {self._file.name}")
        if self._refused:
            return Exit.REFUSED
        if self._writer is None:
            self._command.warn(f"{self._server.name}: no connection was made, and {self._file.name} was not written.")
            return Exit.UNREACHABLE
        return Exit.UNWELL if status.dropped else Exit.OK
