"""``manage.py ami_replay``: plays a recording, as a server or to this project's receivers."""

from __future__ import annotations

import math
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami import signals
from django_ami.accessor import ami
from django_ami.core.errors import ConfigurationError
from django_ami.simulator.masks import CLASSES
from django_ami.testing import locmem
from django_ami.testing.fake import FakeAsterisk
from django_ami.testing.receivers import play
from django_ami.testing.recording import Recording, RecordingError
from django_ami.tools import serving
from django_ami.tools.console import ConsoleCommand
from django_ami.tools.exits import Exit
from django_ami.tools.output import why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig
    from django_ami.tools.stopping import Stopped

__all__ = ["Command"]

_LONGEST_SECONDS: Final = 1e9


def _speed(text: str) -> float:
    """The type of an argument: how many times as fast, or ``max``."""
    try:
        value = math.inf if text == "max" else float(text)
    except ValueError:
        value = 0.0
    if not value > 0 or (math.isinf(value) and text != "max"):  # so that NaN is none
        raise ArgumentTypeError(f"{text!r} is neither a number above 0 nor 'max'")
    return value


class Command(ConsoleCommand):
    """Plays once, or again and again."""

    help = (
        "Play a recording of ami_record. As a server on a port of its own: it waits until "
        "somebody listens, sends the events in the time that they took, and ends. Or, with "
        "--receivers, to the receivers of this project, in this process; what they send goes "
        "nowhere then, so that nobody is called. Not for production."
    )
    examples = """\
calls.txt --port=5038
calls.txt --port=5038 --speed=10 --loop
calls.txt --receivers --speed=max"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "played, or stopped by Ctrl-C or SIGTERM",
        Exit.UNWELL: "receivers raised",
    }
    one_server = True
    connects = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path, help="a recording")
        parser.add_argument(
            "--speed", type=_speed, default=1.0, metavar="X", help="so many times as fast, or 'max'"
        )
        parser.add_argument(
            "--loop", action="store_true", help="begin anew at the end, until stopped"
        )
        parser.add_argument(
            "--receivers", action="store_true", help="to the receivers of this project"
        )
        serving.add_arguments(parser)

    def _servers(self, options: dict[str, Any]) -> tuple[ServerConfig, ...]:
        return super()._servers(options) if options["receivers"] else ()

    def on_stop(self, stopped: Stopped) -> Exit:
        return Exit.OK

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        recording = _load(options["file"])
        if not recording.seconds / options["speed"] <= _LONGEST_SECONDS:
            raise ConfigurationError(
                f"--speed={options['speed']:g} is too slow: it would take more than thirty years."
            )
        if servers:
            return self._to_receivers(recording, servers[0], options)
        return self._as_server(recording, options)

    # --- to the receivers ---

    def _to_receivers(
        self, recording: Recording, server: ServerConfig, options: dict[str, Any]
    ) -> Exit:
        if not signals.events_have_receivers():
            self.warn("No receivers are connected to django_ami.signals: add one.")
        ami._adopt(locmem.Client([server]))  # noqa: SLF001  (for our commands alone)
        failures = signals.classes.receivers.failures.total()
        try:
            while True:
                play(recording, server=server.name, speed=options["speed"], robust=True)
                failed = signals.classes.receivers.failures.total() - failures
                self._told(
                    recording, options, {"failures": failed}, f"{failed} failures of receivers"
                )
                if not options["loop"]:
                    return Exit.UNWELL if failed else Exit.OK
        finally:
            ami.close()

    # --- as a server ---

    def _as_server(self, recording: Recording, options: dict[str, Any]) -> Exit:
        server = FakeAsterisk(
            host=options["host"],
            port=options["port"],
            users=serving.users_of(options),
            keep_received=1000,
        )
        serving.start(server, options)
        try:
            self.say(f"Listening on {serving.url_of(server, options)}")
            self.stdout.flush()
            while True:
                while not _listeners(server):
                    time.sleep(0.02)
                server.play(recording, speed=options["speed"], timeout=None)
                count = _listeners(server)
                self._told(recording, options, {"listeners": count}, f"{count} listening")
                if not options["loop"]:
                    server.drop()  # when what is on its way has arrived
                    return Exit.OK
        finally:
            server.stop()

    def _told(
        self, recording: Recording, options: dict[str, Any], figures: dict[str, int], text: str
    ) -> None:
        if options["json"]:
            self.say_json({"file": str(options["file"]), "events": len(recording), **figures})
        else:
            self.say(f"Played {len(recording)} events, {text}.")
        self.stdout.flush()


def _listeners(server: FakeAsterisk) -> int:
    """How many sessions are logged in, and ask for more events than FullyBooted."""
    return sum(bool(session.mask & ~CLASSES["system"]) for session in server.sessions)


def _load(path: Path) -> Recording:
    try:
        return Recording.load(path)
    except RecordingError as error:
        raise ConfigurationError(str(error)) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ConfigurationError(f"cannot read {path}: {why(error)}") from None
