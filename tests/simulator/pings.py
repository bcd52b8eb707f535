"""Pings of a size, and which of them are answered, for tests of TLS with the simulator and with a
real Asterisk.
"""

from __future__ import annotations

import contextlib
import re
import socket

#: How long to wait for more answers, once all expected ones are there.
QUIET_SECONDS = 0.1
PATIENCE_SECONDS = 20.0


def ping(number: int, size: int) -> bytes:
    """A Ping of so many bytes."""
    head = f"Action: Ping\r\nActionID: {number}\r\nFill: "
    return head.encode() + b"x" * (size - len(head) - 4) + b"\r\n\r\n"


def answered(sock: socket.socket, expected: int) -> list[int]:
    """The ActionIDs of the Pings that are answered.

    ``expected`` ones at least, and then until nothing more comes.
    """
    before, said, found = sock.gettimeout(), b"", list[int]()
    with contextlib.suppress(TimeoutError):
        while True:
            sock.settimeout(PATIENCE_SECONDS if len(found) < expected else QUIET_SECONDS)
            if not (data := sock.recv(65536)):
                break
            said += data
            found = [
                int(number) for number in re.findall(rb"^ActionID: (\d+)\r$", said, re.MULTILINE)
            ]
    sock.settimeout(before)
    return found
