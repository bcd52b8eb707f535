"""The bytes of a socket that the system has taken and not sent, or that nobody has acknowledged.

Linux alone tells. On other systems each function gives the answer that is safe.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

if sys.platform == "linux":
    from fcntl import ioctl

__all__ = ["has_unsent", "is_unacknowledged", "make_writable_when_sent"]

#: SIOCOUTQ in include/uapi/linux/sockios.h: how many bytes of a socket the other side has not
#: acknowledged.
_OUTQ: Final = 0x5411
#: SIOCOUTQNSD, there too: how many bytes of a socket the system has not sent yet.
_OUTQ_UNSENT: Final = 0x894B


def has_unsent(sock: socket.socket) -> bool:
    """True if the system has not sent all that it was given. Raises OSError if it does not tell."""
    return any(ioctl(sock.fileno(), _OUTQ_UNSENT, bytes(4)))


def is_unacknowledged(sock: socket.socket) -> bool:
    """True if bytes wait to be sent, or may not have arrived, or if the system does not tell."""
    if sys.platform != "linux":
        return True
    try:
        return any(ioctl(sock.fileno(), _OUTQ, bytes(4)))
    except (OSError, ValueError):  # it is closed already, or the kernel only looks like Linux
        return True


def make_writable_when_sent(sock: socket.socket) -> bool:
    """Have the system call a socket writable once it has sent all; False if it cannot."""
    if sys.platform != "linux":
        return False
    try:
        ioctl(sock.fileno(), _OUTQ_UNSENT, bytes(4))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1)
    except OSError:  # the kernel only looks like Linux
        return False
    return True
