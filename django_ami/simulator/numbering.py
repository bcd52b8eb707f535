"""The numbers of channels: Uniqueids, and the ends of their names."""

from __future__ import annotations

__all__ = ["Numbering"]


class Numbering:
    """Counts the channels since the start of the server."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """The server starts at that time, in seconds."""
        self._epoch = epoch
        self._ids = self._names = 0

    def uniqueid(self) -> str:
        """The next Uniqueid: the start of the server, and a number."""
        self._ids += 1
        return f"{self._prefix}{self._epoch}.{self._ids - 1}"

    def serial(self) -> str:
        """The next eight digits at the end of a channel's name."""
        self._names += 1
        return f"{self._names - 1:08x}"
