"""A clock for the programs of a site which a test puts forward: hours go by in a moment.

``time.monotonic`` goes on as ever: no program thinks that another one has been silent.
"""

from __future__ import annotations

import mmap
import struct
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PAGE_CLOCK", "Ahead", "follow"]

_SECONDS: Final = struct.Struct("d")

#: In the page, before its own scripts: both of its clocks are ahead by ``window.ahead`` seconds,
#: and that of the day is wrong by an hour as well.
PAGE_CLOCK: Final = """
window.ahead = 0;
const monotonic = performance.now.bind(performance), day = Date.now;
performance.now = () => monotonic() + window.ahead * 1000;
Date.now = () => day() + window.ahead * 1000 + 3600_000;
"""


class Ahead:
    """By how much the programs of a site are ahead; ``file`` tells them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(_SECONDS.pack(0.0))

    def put(self, seconds: float) -> None:
        """From now on they are ahead by so many seconds."""
        with self.file.open("r+b") as file:
            file.write(_SECONDS.pack(seconds))


def follow(path: str) -> None:
    """Let ``time.time`` of this process be ahead by as much as the file tells."""
    with open(path, "rb") as file:  # noqa: PTH123
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    real = time.time
    time.time = lambda: real() + _SECONDS.unpack_from(memory)[0]
