"""A host of its own for a listener: a network namespace with lines to this one that can be cut.

Only root may make one. Nothing of it reaches the network of this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_numbers = count()
#: Of the addresses that RFC 2544 sets aside, each namespace takes so many.
_ADDRESSES: Final = 8


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


def missing() -> str:
    """Why there can be none here; empty if there can."""
    if shutil.which("ip") is None:
        return "there is no program 'ip' (Debian's package iproute2)"
    try:
        with Namespace("probe"):
            return ""
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", b"").decode().strip()
        return f"network namespaces cannot be made here: {said or error}"


class Namespace:
    """Use it as a context manager. ``lines`` are names of lines, two at most."""

    def __init__(self, *lines: str) -> None:
        unique = f"{os.getpid()}{next(_numbers)}"
        self.name = f"ami-{unique}"
        first = int(unique) * _ADDRESSES % 2**17
        #: By line: its interface here, the first three numbers of its addresses, and the fourth.
        self._lines = {
            line: (f"ami{unique}{'ab'[place]}", _network(first + 4 * place), (first + 4 * place))
            for place, line in enumerate(lines)
        }

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        try:
            for interface, network, first in self._lines.values():
                there = f"{interface}x"
                _ip(
                    *("link", "add", interface, "type", "veth"),
                    *("peer", "name", there, "netns", self.name),
                )
                here, far = (f"{network}.{(first + host) % 256}" for host in (1, 2))
                _ip("addr", "add", f"{here}/30", "dev", interface)
                _ip("-n", self.name, "addr", "add", f"{far}/30", "dev", there)
                _ip("-n", self.name, "link", "set", there, "up")
                _ip("link", "set", interface, "up")
                # Packets that are sent while the line is cut reach no other network.
                _ip("route", "add", "blackhole", f"{network}.{first % 256}/30", "metric", "999")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for _, network, first in self._lines.values():
            with suppress(subprocess.SubprocessError):
                _ip("route", "del", "blackhole", f"{network}.{first % 256}/30")
        with suppress(subprocess.SubprocessError):
            _ip("netns", "del", self.name)

    def address(self, line: str) -> str:
        """The address of this machine on a line."""
        _, network, first = self._lines[line]
        return f"{network}.{(first + 1) % 256}"

    def cut(self, line: str) -> None:
        """From now on all that is sent is lost, in both directions."""
        _ip("link", "set", self._lines[line][0], "down")

    def mend(self, line: str) -> None:
        """The line works again."""
        _ip("link", "set", self._lines[line][0], "up")

    def command(self, command: Iterable[str]) -> list[str]:
        """The command, to be run there; its process keeps its id."""
        return ["ip", "netns", "exec", self.name, *command]


def _network(number: int) -> str:
    return f"198.{18 + number // 2**16}.{number // 256 % 256}"
