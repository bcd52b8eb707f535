"""``manage.py ami_simulator``: a simulated Asterisk for the demo and for trying things out."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.errors import ConfigurationError
from django_ami.simulator import PROFILES, CallCentre, ServerTLS, Simulator
from django_ami.tools import serving
from django_ami.tools.arguments import amount, count
from django_ami.tools.console import Program
from django_ami.tools.exits import Exit
from django_ami.tools.stopping import stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from django_ami.tools.stopping import Stopped

__all__ = ["Command"]

_KEPT_ACTIONS: Final = 1000
_CENTRE: Final = CallCentre()


class Command(Program):
    """Runs until SIGTERM, SIGINT or the end of ``--run-for``."""

    help = (
        "Run a simulated Asterisk that speaks AMI, with background calls if wanted. Not for "
        "production."
    )
    examples = """\
--port=5038
--port=0 --profile=16 --calls-per-second=2 --run-for=60
--call-centre --agents=20 --calls-per-minute=14"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped by Ctrl-C, SIGTERM or --run-for",
        Exit.CONFIGURATION: "wrong usage, or the port or the certificate cannot be used",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        serving.add_arguments(parser)
        parser.add_argument(
            "--profile", choices=tuple(PROFILES), default="22", help="Asterisk release to play"
        )
        parser.add_argument(
            "--calls-per-second", type=amount, default=0.0, help="background calls (default: none)"
        )
        parser.add_argument(
            "--call-duration", type=amount, default=5.0, help="seconds a call is up (default: 5)"
        )
        parser.add_argument(
            "--call-centre",
            action="store_true",
            help="be a call centre: queues, agents with breaks, callers who wait, give up or talk, "
            "transfers; --calls-per-minute of them come in, --agents answer",
        )
        parser.add_argument(
            "--calls-per-minute",
            type=amount,
            metavar="N",
            help=f"with --call-centre: calls from outside (default: {_CENTRE.calls_per_minute:g})",
        )
        parser.add_argument(
            "--agents",
            type=count,
            metavar="N",
            help=f"with --call-centre: how many (default: {_CENTRE.agents})",
        )
        parser.add_argument(
            "--seed", type=int, metavar="N", help="the same number, the same chance in each run"
        )
        parser.add_argument("--tls-cert", help="PEM file with the certificate: speak TLS")
        parser.add_argument(
            "--tls-key", help="PEM file with the key, if it is not in the certificate's file"
        )
        parser.add_argument(
            "--run-for", type=amount, help="stop after so many seconds (default: run until stopped)"
        )

    def on_stop(self, stopped: Stopped) -> Exit:
        return Exit.OK  # the usual end

    def work(self, options: dict[str, Any]) -> Exit:
        simulator = _simulator(options)
        stops: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put() may interrupt its own get()
        with stopping(stops.put):
            serving.start(simulator, options)
            try:
                self.say(_welcome(simulator, options))
                self.stdout.flush()
                if options["calls_per_second"]:
                    simulator.run_traffic(options["calls_per_second"])
                _wait(stops, options["run_for"])
            finally:
                simulator.stop()
        self.say(
            f"Simulator stopped: {simulator.connections} connections, {simulator.logins} logins, "
            f"{simulator.actions_received} actions received, {simulator.events_sent} events sent."
        )
        return Exit.OK


def _simulator(options: dict[str, Any]) -> Simulator:
    if options["tls_key"] and not options["tls_cert"]:
        raise ConfigurationError("--tls-key needs --tls-cert: add it.")
    tls = ServerTLS(options["tls_cert"], options["tls_key"]) if options["tls_cert"] else None
    try:
        simulator = Simulator(
            users=serving.users_of(options),
            host=options["host"],
            port=options["port"],
            tls=tls,
            profile=options["profile"],
            call_duration=options["call_duration"],
            seed=options["seed"],
            keep_received=_KEPT_ACTIONS,
            call_centre=_call_centre(options),
        )
    except OSError as error:  # SSLError is one
        raise ConfigurationError(
            f"cannot use the certificate {options['tls_cert']}: {error}"
        ) from None
    simulator.times.ring = 1.0
    return simulator


def _call_centre(options: dict[str, Any]) -> CallCentre | None:
    chosen = {
        name: options[name] for name in ("calls_per_minute", "agents") if options[name] is not None
    }
    if not options["call_centre"]:
        for name in chosen:
            option = f"--{name.replace('_', '-')}"
            raise ConfigurationError(f"{option} needs --call-centre: add it.")
        return None
    try:
        return replace(_CENTRE, **chosen)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _welcome(simulator: Simulator, options: dict[str, Any]) -> str:
    address = f"{simulator.host}:{simulator.port}"
    return (
        f"Simulated Asterisk {options['profile']} listens on {address}; connect to "
        f"{serving.url_of(simulator, options)}"
    )


def _wait(stops: queue.SimpleQueue[int], seconds: float | None) -> None:
    try:
        stops.get(timeout=seconds)
    except queue.Empty:
        return
