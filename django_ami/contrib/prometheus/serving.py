"""The HTTP server of a listener, from which Prometheus scrapes."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, start_http_server

from django_ami.contrib.prometheus.workers import register
from django_ami.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serving"]

_END_SECONDS = 2.0


@contextmanager
def serving(address: str, port: int) -> Iterator[str]:
    """Serve all metrics of this process there; gives the URL. Port 0 is any that is free.

    Raises ConnectionFailed if the system refuses the port.
    """
    register()
    try:
        server, thread = start_http_server(port, address, REGISTRY)
    except (OSError, OverflowError) as error:
        raise ConnectionFailed(_why(address, port, error)) from None
    try:
        host = f"[{address}]" if ":" in address else address
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_END_SECONDS)


def _why(address: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"--metrics-port: another program has port {port} of {address}, perhaps another "
            "ami_listen: name a port of its own for each."
        )
    reason = getattr(error, "strerror", None) or error
    return f"--metrics-port: port {port} of {address} cannot be had ({reason}): name another one."
