"""The HTTP server of a listener, from which Prometheus scrapes."""

from __future__ import annotations

import errno
import socket
import sys
import time
from contextlib import contextmanager, suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import REGISTRY, make_wsgi_app

from django_ami.contrib.prometheus.workers import register
from django_ami.core.errors import ConnectionFailed
from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serving"]

_END_SECONDS: Final = 2.0
#: A client that connects has so long to ask, and to take the answer.
_PATIENCE_SECONDS: Final = 10.0
#: If the system refuses a connection, the next attempt waits so long.
_REFUSED_SECONDS: Final = 0.1


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


class _Server(ThreadingMixIn, WSGIServer):
    """Waits for a request without a look at the time: it is idle for nearly all of it."""

    daemon_threads = True

    def __init__(self, address: str, port: int, patience_seconds: float) -> None:
        infos = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, (host, _, *more) = infos[0][0], infos[0][4]
        handler = type("Handler", (_Handler,), {"timeout": patience_seconds})
        super().__init__((host, port, *more), handler)  # type: ignore[arg-type]  # of IPv6: four
        self.set_app(make_wsgi_app(REGISTRY))
        self._ending = False

    def serve(self) -> None:
        """Answer requests until ``end``."""
        while not self._ending:
            self.handle_request()

    def get_request(self) -> Any:
        """As there. The selector goes on to say that a refused connection waits."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_REFUSED_SECONDS)
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As there, but a client that goes away, or says nothing, is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Let ``serve`` return: a connection wakes it."""
        self._ending = True
        with suppress(OSError):
            # One to "any address" leads to this machine.
            host, port = self.socket.getsockname()[:2]
            socket.create_connection((host, port), _END_SECONDS).close()


@contextmanager
def serving(
    address: str, port: int, *, patience_seconds: float = _PATIENCE_SECONDS
) -> Iterator[str]:
    """Serve all metrics of this process there; gives the URL. Port 0 is any that is free.

    A client that says nothing for ``patience_seconds`` is sent away. Raises ConnectionFailed if the
    system refuses the port, or the thread.
    """
    register()
    try:
        server = _Server(address, port, patience_seconds)
    except (OSError, OverflowError) as error:
        raise ConnectionFailed(_why(address, port, error)) from None
    with server:
        thread = start_thread(server.serve, "django_ami-metrics")
        try:
            host = f"[{address}]" if ":" in address else address
            yield f"http://{host}:{server.server_port}/metrics"
        finally:
            server.end()
            thread.join(_END_SECONDS)


def _why(address: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"--metrics-port: another program has port {port} of {address}, perhaps another "
            "ami_listen: name a port of its own for each."
        )
    reason = getattr(error, "strerror", None) or error
    return f"--metrics-port: port {port} of {address} cannot be had ({reason}): name another one."
