"""Pings of a size, and which of them are answered: what tests of TLS send to the simulator and to a real Asterisk."""

import contextlib
import re
import socket

#: What is not there after so long, when all is there that is expected, waits for something.
QUIET_SECONDS = 0.1
PATIENCE_SECONDS = 20.0


def ping(number: int, size: int) -> bytes:
    """A Ping of so many bytes."""
    head = f"Action: Ping\r\nActionID: {number}\r\nFill: "
    return head.encode() + b"x" * (size - len(head) - 4) + b"\r\n\r\n"


def answered(sock: socket.socket, expected: int) -> list[int]:
    """The ActionIDs of the Pings that are answered: so many at least, and then until nothing more comes."""
    before, said, found = sock.gettimeout(), b"", list[int]()
    with contextlib.suppress(TimeoutError):
        while True:
            sock.settimeout(PATIENCE_SECONDS if len(found) < expected else QUIET_SECONDS)
            if not (data := sock.recv(65536)):
                break
            said += data
            found = [int(number) for number in re.findall(rb"^ActionID: (\d+)\r$", said, re.MULTILINE)]
    sock.settimeout(before)
    return found
