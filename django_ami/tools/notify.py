"""sd_notify(3): words to the service manager, each a datagram to the socket in NOTIFY_SOCKET.

Rule: telling never waits and never raises. A word that the socket does not take goes with the next.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["ServiceManager"]

logger = get_logger(__name__)

_MICROSECONDS: Final = 1_000_000


class ServiceManager:
    """The service manager that has started this process, if it wants to hear of it.

    It takes the variables of systemd out of the ``environment``, so that no child speaks for this
    process.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        #: True if it wants to hear of this process.
        self.listens = address.startswith(("/", "@"))
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        microseconds = environment.pop("WATCHDOG_USEC", "")
        wanted = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        #: After so long without ``WATCHDOG=1`` it kills this process; None if it never does.
        self.watchdog_seconds: float | None = None
        if self.listens and wanted and microseconds.isdecimal() and int(microseconds):
            self.watchdog_seconds = int(microseconds) / _MICROSECONDS
        self._owed: dict[str, str] = {}
        self._lock = threading.Lock()
        self._warned = False
        if address and not self.listens:
            logger.warning(
                "NOTIFY_SOCKET begins with neither / nor @: the service manager is told nothing."
            )

    def tell(self, **words: str) -> None:
        """Tell words and their values, such as ``READY="1"``. From any thread."""
        if not self.listens:
            return
        with self._lock:
            for word, value in words.items():
                self._owed.pop(word, None)  # of READY and RELOADING the last one counts
                self._owed[word] = " ".join(value.splitlines())
            message = "\n".join(f"{word}={value}" for word, value in self._owed.items())
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
                    one.connect(self._address)
                    one.send(message.encode())
            except BlockingIOError:
                return
            except OSError as error:
                if not self._warned:
                    self._warned = True
                    logger.warning(
                        "The service manager is not told of this process, this is said once: %s.",
                        error,
                    )
                return
            self._owed.clear()
