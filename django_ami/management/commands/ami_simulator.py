"""``ami_simulator``: a simulated Asterisk for the demo and for trying things out."""

import queue
import signal
import ssl
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_ami.management.console import why_no_port
from django_ami.testing import PROFILES, ServerTLS, Simulator, User

_DEFAULT_SECRET = "amp111"  # noqa: S105 - the simulator's well-known secret; another one is not printed
_KEPT_ACTIONS = 1000
_MOST = 1e9


class Command(BaseCommand):
    """Runs until SIGTERM, SIGINT or the end of ``--run-for``."""

    requires_system_checks = ()
    help = "Run a simulated Asterisk that speaks AMI, with background calls if wanted. Not for production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=5038, help="port; 0 takes any free one (default: %(default)s)")
        parser.add_argument("--user", default="admin", help="user name (default: %(default)s)")
        parser.add_argument("--secret", default=_DEFAULT_SECRET, help="the user's secret (default: %(default)s)")
        parser.add_argument("--profile", choices=tuple(PROFILES), default="22", help="Asterisk release to play")
        parser.add_argument("--calls-per-second", type=float, default=0.0, help="background calls (default: none)")
        parser.add_argument("--call-duration", type=float, default=5.0, help="seconds a call is up (default: 5)")
        parser.add_argument("--tls-cert", help="PEM file with the certificate: speak TLS")
        parser.add_argument("--tls-key", help="PEM file with the key, if it is not in the certificate's file")
        parser.add_argument("--run-for", type=float, help="stop after so many seconds (default: run until stopped)")

    def handle(self, *args: Any, **options: Any) -> None:
        simulator = _simulator(options)
        with _signals() as signals:
            try:
                simulator.start()
            except (OSError, OverflowError) as error:
                address = f"{options['host']}:{options['port']}"
                raise CommandError(f"Cannot listen on {address}: {why_no_port(error)}", returncode=2) from error
            try:
                self.stdout.write(_welcome(simulator, options))
                self.stdout.flush()
                if options["calls_per_second"]:
                    simulator.run_traffic(options["calls_per_second"])
                _wait(signals, options["run_for"])
            finally:
                simulator.stop()
        self.stdout.write(
            f"Simulator stopped: {simulator.connections} connections, {simulator.logins} logins, "
            f"{simulator.actions_received} actions received, {simulator.events_sent} events sent."
        )


def _simulator(options: dict[str, Any]) -> Simulator:
    for name in ("calls_per_second", "call_duration", "run_for"):
        if options[name] is not None and not 0 <= options[name] <= _MOST:
            option = f"--{name.replace('_', '-')}"
            raise CommandError(f"{option} must not be negative, nan or more than {_MOST:g}", returncode=2)
    if options["tls_key"] and not options["tls_cert"]:
        raise CommandError("--tls-key needs --tls-cert", returncode=2)
    tls = ServerTLS(options["tls_cert"], options["tls_key"]) if options["tls_cert"] else None
    try:
        simulator = Simulator(
            users={options["user"]: User(secret=options["secret"])},
            host=options["host"],
            port=options["port"],
            tls=tls,
            profile=options["profile"],
            call_duration=options["call_duration"],
            keep_received=_KEPT_ACTIONS,
        )
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"Cannot use the certificate {options['tls_cert']}: {error}", returncode=2) from error
    simulator.times.ring = 1.0
    return simulator


def _welcome(simulator: Simulator, options: dict[str, Any]) -> str:
    scheme = simulator.url.partition(":")[0]
    secret = _DEFAULT_SECRET if options["secret"] == _DEFAULT_SECRET else "***"
    address = f"{simulator.host}:{simulator.port}"
    return (
        f"Simulated Asterisk {options['profile']} listens on {address}; "
        f"connect to {scheme}://{options['user']}:{secret}@{address}"
    )


@contextmanager
def _signals() -> Iterator["queue.SimpleQueue[int]"]:
    """SIGTERM and SIGINT as numbers in a queue. A SimpleQueue, because its put() may interrupt its own get()."""
    caught: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        caught.put(number)

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _wait(signals: "queue.SimpleQueue[int]", seconds: float | None) -> None:
    try:
        signals.get(timeout=seconds)
    except queue.Empty:
        return
