"""Which simulated Asterisks listen: a test run and its children may connect to no other server.

Rule: an address stands in the environment from the start of a simulator until the end of its
``with``: one that is stopped for a while is a simulated one all the same.
"""

from __future__ import annotations

import os
import threading
from typing import Final

__all__ = ["SIMULATORS", "announce", "withdraw"]

#: The addresses, as ``host:port host:port``.
SIMULATORS: Final = "DJANGO_AMI_SIMULATORS"

_lock = threading.Lock()


def announce(host: str, port: int) -> None:
    """A simulator listens here."""
    with _lock:
        _write({*_addresses(), f"{host}:{port}"})


def withdraw(host: str, port: int) -> None:
    """It is gone for good."""
    with _lock:
        _write({*_addresses()} - {f"{host}:{port}"})


def _addresses() -> list[str]:
    return os.environ.get(SIMULATORS, "").split()


def _write(addresses: set[str]) -> None:
    if addresses:
        os.environ[SIMULATORS] = " ".join(sorted(addresses))
    else:
        os.environ.pop(SIMULATORS, None)
