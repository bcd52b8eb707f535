"""The terminal of the live picture: curses and nothing else."""

from __future__ import annotations

import curses
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django_ami.core.escaping import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.tools.picture import Line

__all__ = ["Screen", "why_not"]


def why_not() -> str | None:
    """Why there can be no full screen here; None if there can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "it needs a terminal"
    try:
        curses.setupterm(os.environ.get("TERM") or "unknown", sys.stdout.fileno())
    except curses.error:
        return f"the terminal {os.environ.get('TERM', '')!r} (TERM) is unknown here"
    if not curses.tigetstr("cup"):
        return f"the terminal {os.environ.get('TERM', '')!r} (TERM) cannot place the cursor"
    return None


class Screen:
    """A full-screen terminal.

    ``run`` shows what ``draw`` makes until the user, or ``draw`` itself, has had enough.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._first = 0

    def run(self, turn: Callable[[], bool], draw: Callable[[int, int, int], list[Line]]) -> None:
        """``turn()`` takes what comes for a moment and says whether to go on.

        ``draw(width, height, first)``.
        """
        curses.wrapper(self._loop, turn, draw)

    def _loop(
        self,
        window: curses.window,
        turn: Callable[[], bool],
        draw: Callable[[int, int, int], list[Line]],
    ) -> None:
        window.nodelay(True)
        with suppress(curses.error):
            curses.curs_set(0)
        looks = self._looks()
        while True:
            height, width = window.getmaxyx()
            window.erase()
            for y, line in enumerate(draw(width - 1, height, self._first)):
                # A window that has just become smaller is told on the next turn.
                with suppress(curses.error):
                    window.addstr(
                        y,
                        0,
                        printable(line.text, window.encoding),
                        looks.get(line.look, curses.A_NORMAL),
                    )
            window.refresh()
            if not turn() or not self._keys(window):
                return

    def _looks(self) -> dict[str, int]:
        looks = {
            "title": curses.A_REVERSE,
            "head": curses.A_BOLD,
            "good": curses.A_NORMAL,
            "bad": curses.A_BOLD,
        }
        if self._colours and curses.has_colors():
            curses.use_default_colors()
            curses.init_pair(1, curses.COLOR_GREEN, -1)
            curses.init_pair(2, curses.COLOR_RED, -1)
            looks |= {"good": curses.color_pair(1), "bad": curses.color_pair(2)}
        return looks

    def _keys(self, window: curses.window) -> bool:
        """Do what was typed; False if that is the end."""
        while (key := window.getch()) != -1:
            if key in (ord("q"), ord("Q")):
                return False
            if key == _CTRL_L:
                window.redrawwin()
            self._first = max(0, self._first + _STEPS.get(key, 0))
        return True


_CTRL_L: Final = 12
_STEPS: Final = {curses.KEY_DOWN: 1, curses.KEY_UP: -1, curses.KEY_NPAGE: 20, curses.KEY_PPAGE: -20}
