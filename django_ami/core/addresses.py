"""The addresses of a host: found by the system, which may ask DNS, and shown."""

from __future__ import annotations

# The codec of host names, which is else imported at the first lookup, on the reactor thread: a
# child that is forked meanwhile would wait for that import for ever.
import encodings.idna  # noqa: F401
import socket
from collections.abc import Sequence
from typing import Any

from django_ami.core import permission
from django_ami.core.errors import ConnectionFailed

__all__ = ["Address", "Addresses", "is_numeric", "resolve", "shown"]

#: One resolved address, as ``socket.getaddrinfo`` gives it.
Address = tuple[int, int, int, str, Any]
Addresses = Sequence[Address]


def resolve(host: str, port: int) -> Addresses:
    """All addresses of a host. It may block for long (DNS): not for the reactor thread.

    Raises ConnectionFailed, and ConnectionForbidden before anything is asked: without an address
    nothing is opened.
    """
    permission.check(host, port)
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConnectionFailed(
            f"the name {host!r} cannot be resolved ({reason}): is HOST right, and does DNS work?"
        ) from None


def is_numeric(host: str) -> bool:
    """True if the host is an address already, so that ``resolve`` does not ask DNS."""
    try:
        socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def shown(address: Address) -> str:
    """``host:port``, and an address of IPv6 in brackets."""
    family, *_, (host, port, *_) = address
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
