"""The wallboard as lines of a terminal, and the terminal itself.

Rule: ``picture`` is pure and never wider or longer than it may be; the rest is curses and nothing else.
"""

from __future__ import annotations

import curses
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_ami.management.text import clip, counted, printable, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.management.wallboard import ServerBoard, Wallboard

__all__ = ["Line", "Screen", "picture", "why_not"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line and how it looks: ``title``, ``head``, ``good``, ``bad`` or nothing."""

    text: str
    look: str = ""


def picture(board: Wallboard, now: float, clock: str, *, width: int, height: int, first: int = 0) -> list[Line]:
    """What fits on a terminal of this size, the channels from the one of number ``first`` on."""
    lines = [*_head(board, now, clock), *_queues(board, now)]
    channels = _channels(board, now)
    title, head, *rows = channels
    room = max(0, height - len(lines) - 2)
    lines += [title, head, *rows[first : first + room]]
    return [Line(clip(line.text, width), line.look) for line in lines[:height]]


def _head(board: Wallboard, now: float, clock: str) -> Iterator[Line]:
    yield Line(f"ami_top  {clock}  q: quit, arrows and Page keys: scroll", "title")
    for server in board.servers.values():
        yield Line(_about(server, now), "good" if server.state == "ready" else "bad")
        for note in server.notes.values():
            yield Line(f"  {note}", "bad")
    yield Line("")


def _about(server: ServerBoard, now: float) -> str:
    if server.state != "ready":
        return f"{server.name}: {server.state}"
    dropped = f", {server.dropped} events dropped" if server.dropped else ""
    calls, channels = counted(server.live_calls(), "call"), counted(len(server.channels), "channel")
    return (
        f"{server.name}: ready, Asterisk {server.version or 'of unknown version'}, {calls}, {channels}, "
        f"{server.events.per_second(now):.1f} events/s, "
        f"{server.calls.per_second(now) * 60:.0f} new calls/min{dropped}"
    )


def _queues(board: Wallboard, now: float) -> Iterator[Line]:
    many = len(board.servers) > 1
    rows = [
        {
            **({"Server": server.name} if many else {}),
            "Queue": queue.name,
            "Waiting": str(len(queue.waiting)),
            "Longest": _clock(queue.longest(now)) if queue.waiting else "",
            **{state.capitalize(): str(queue.count(state)) for state in ("free", "busy", "paused", "away")},
            "Completed": str(queue.completed),
            "Abandoned": str(queue.abandoned),
        }
        for server in board.servers.values()
        for queue in sorted(server.queues.values(), key=lambda queue: queue.name)
    ]
    if rows:
        head, *lines = table(rows, list(rows[0]))
        yield Line(head, "head")
        for text, row in zip(lines, rows, strict=True):
            yield Line(text, "bad" if row["Waiting"] != "0" and row["Free"] == "0" else "")
        yield Line("")


def _channels(board: Wallboard, now: float) -> list[Line]:
    """A title, the headings, and a line for each channel, the oldest first."""
    many = len(board.servers) > 1
    live = [(server, channel) for server in board.servers.values() for channel in server.channels.values()]
    live.sort(key=lambda pair: pair[1].since)
    rows = [
        {
            **({"Server": server.name} if many else {}),
            "Channel": channel.name,
            "State": channel.state,
            "Caller": channel.caller,
            "Connected": channel.connected,
            "Exten": channel.exten,
            "Application": channel.application,
            "Time": _clock(now - channel.since),
        }
        for server, channel in live
    ]
    columns = [*(["Server"] if many else []), "Channel", "State", "Caller", "Connected", "Exten", "Application", "Time"]
    head, *lines = table(rows, columns)
    return [Line(f"Channels ({len(rows)})", "head"), Line(head, "head"), *map(Line, lines)]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


# --- the terminal --------------------------------------------------------------------------------------------------


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
    """A full-screen terminal. ``run`` shows what ``draw`` makes until the user, or ``draw`` itself, has had enough."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._first = 0

    def run(self, turn: Callable[[], bool], draw: Callable[[int, int, int], list[Line]]) -> None:
        """``turn()`` takes what comes for a moment and says whether to go on; ``draw(width, height, first)``."""
        curses.wrapper(self._loop, turn, draw)

    def _loop(
        self, window: curses.window, turn: Callable[[], bool], draw: Callable[[int, int, int], list[Line]]
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
                    window.addstr(y, 0, printable(line.text, window.encoding), looks.get(line.look, curses.A_NORMAL))
            window.refresh()
            if not turn() or not self._keys(window):
                return

    def _looks(self) -> dict[str, int]:
        looks = {"title": curses.A_REVERSE, "head": curses.A_BOLD, "good": curses.A_NORMAL, "bad": curses.A_BOLD}
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
