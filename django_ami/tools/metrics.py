"""The metrics of a run of ``ami_listen``, over HTTP, if they are wanted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django_ami import signals
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

__all__ = ["add_arguments", "metrics_of"]


def add_arguments(parser: CommandParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="serve metrics for Prometheus there (needs the extra django-ami[prometheus])",
    )
    parser.add_argument(
        "--metrics-address",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to serve metrics at (default: %(default)s, for this machine alone)",
    )
    parser.add_argument(
        "--metrics-calls",
        action="store_true",
        help="have metrics of calls, queues and agents, too: keep the live picture for them",
    )


@contextmanager
def metrics_of(options: dict[str, Any]) -> Iterator[str]:
    """Serve metrics while it is open; gives the line that says where, empty if none are wanted.

    Raises ConfigurationError without the extra, and for ``--metrics-calls`` alone; ConnectionFailed
    if the port is taken.
    """
    if options["metrics_port"] is None:
        if options["metrics_calls"]:
            raise ConfigurationError(
                "--metrics-calls needs a port to serve metrics: --metrics-port."
            )
        yield ""
        return
    try:
        from django_ami.contrib.prometheus.serving import serving
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        raise ConfigurationError(
            "--metrics-port needs prometheus_client: pip install 'django-ami[prometheus]'."
        ) from None
    if options["metrics_calls"]:
        signals.want_picture()
    with serving(options["metrics_address"], options["metrics_port"]) as url:
        yield f"Metrics: {url}"
