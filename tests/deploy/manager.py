"""The service manager's end of sd_notify(3), for a test: a real datagram socket that is read."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

from tests.running import wait_until

if TYPE_CHECKING:
    from pathlib import Path


class Manager:
    """Collects all datagrams. Use it as a context manager.

    ``path`` is that of its socket, which must be short; without one it is an abstract socket.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("" if path is None else str(path))
        name = self._socket.getsockname()
        #: For NOTIFY_SOCKET.
        self.address = name if isinstance(name, str) else "@" + name[1:].decode()
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        while datagram := self._socket.recv(4096):
            self.told.append(datagram.decode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            name = self._socket.getsockname()
            one.sendto(b"", name)
        self._thread.join(30)
        self._socket.close()

    def variables(self, seconds: float | None = None) -> dict[str, object]:
        """The environment of the service; ``seconds`` is its WatchdogSec."""
        watchdog = {} if seconds is None else {"WATCHDOG_USEC": int(seconds * 1_000_000)}
        return {"NOTIFY_SOCKET": self.address, **watchdog}

    @property
    def pings(self) -> int:
        return sum("WATCHDOG=1" in one for one in list(self.told))

    def wait_for(self, *words: str) -> None:
        """Until these were told, in this order."""

        def heard() -> bool:
            lines = iter([line for one in list(self.told) for line in one.splitlines()])
            return all(any(word == line for line in lines) for word in words)

        wait_until(heard, what=f"{words} in {self.told}")

    def wait_for_pings(self, count: int) -> None:
        """Until so many more have come."""
        enough = self.pings + count
        wait_until(lambda: self.pings >= enough, what=f"{count} more pings in {self.told}")
