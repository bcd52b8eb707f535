"""Pings of a size, and which of them are answered: what tests of TLS send to the simulator and to a real Asterisk."""

import contextlib
import re
import socket

#: An answer within a machine takes a hundredth of it: what is not there by then waits for something.
QUIET_SECONDS = 0.1


def ping(number: int, size: int) -> bytes:
    """A Ping of so many bytes."""
    head = f"Action: Ping\r\nActionID: {number}\r\nFill: "
    return head.encode() + b"x" * (size - len(head) - 4) + b"\r\n\r\n"


def answered(sock: socket.socket) -> list[int]:
    """The ActionIDs of the Pings that are answered until nothing more comes."""
    before, said = sock.gettimeout(), b""
    sock.settimeout(QUIET_SECONDS)
    with contextlib.suppress(TimeoutError):
        while data := sock.recv(65536):
            said += data
    sock.settimeout(before)
    return [int(number) for number in re.findall(rb"^ActionID: (\d+)\r$", said, re.MULTILINE)]
