"""The wallboard as lines of a terminal of some size.

Rule: pure, and never wider or longer than it may be. Columns that do not fit are left out, the
least important first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from django_ami.core.escaping import printable
from django_ami.tools.text import Column, clip, counted, fitted, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django_ami.tools.board import ServerBoard, Wallboard

__all__ = ["Line", "picture"]

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line and how it looks: ``title``, ``head``, ``good``, ``bad`` or nothing."""

    text: str
    look: str = ""


def picture(
    board: Wallboard, now: float, clock: str, *, width: int, height: int, first: int = 0
) -> list[Line]:
    """The lines that fit on this terminal, with agents and channels from number ``first`` on."""
    lines = [*_head(board, now, clock, width), *_queues(board, now, width)]
    for title, (head, *rows) in _sections(board, now, width):
        shown = rows[first : first + max(0, height - len(lines) - 2)]
        first = max(0, first - len(rows))
        if shown or title.startswith("Channels"):
            lines += [Line(title, "head"), Line(head, "head"), *map(Line, shown), Line("")]
    return [Line(clip(line.text, width), line.look) for line in lines[:-1][:height]]


def _sections(board: Wallboard, now: float, width: int) -> Iterator[tuple[str, list[str]]]:
    """The parts that scroll: a title, and a table."""
    agents = _agents(board, now)
    if agents:
        yield f"Agents ({len(agents)})", fitted(agents, _columns(board, _OF_AGENTS), width)
    channels = _channels(board, now)
    yield f"Channels ({len(channels)})", fitted(channels, _columns(board, _OF_CHANNELS), width)


# --- queues, agents and channels ---

_TITLES: Final = (
    "  q: quit, arrows and Page keys: scroll",
    "  q: quit, arrows: scroll",
    "  q: quit",
    "",
)


def _head(board: Wallboard, now: float, clock: str, width: int) -> Iterator[Line]:
    titles = [f"ami_top  {clock}{keys}" for keys in _TITLES]
    yield Line(next((title for title in titles if len(title) <= width), titles[-1]), "title")
    for server in board.servers.values():
        look = "good" if server.state == "ready" else "bad"
        yield from (Line(text, look) for text in _about(server, now, width))
        for note in server.notes.values():
            yield from (Line(f"  {text}", "bad") for text in _wrapped(note, width - 2))
    yield Line("")


def _about(server: ServerBoard, now: float, width: int) -> Iterable[str]:
    if server.state != "ready":
        return _wrapped(f"{server.name}: {server.state}", width)
    version = server.version
    if width < _ROOMY_COLUMNS:
        version = re.split(r"[+~]", version)[0]  # without the package's own number
    said = [
        f"{server.name}: ready, Asterisk {version or 'of unknown version'}",
        counted(server.live_calls(), "call"),
        counted(len(server.channels()), "channel"),
        f"{server.events.per_second(now):.1f} events/s",
        f"{server.calls.per_second(now) * 60:.0f} new calls/min",
    ]
    return _joined([*said, f"{server.dropped} events dropped"] if server.dropped else said, width)


#: How many columns are enough for everything.
_ROOMY_COLUMNS: Final = 100


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(printable(text), max(20, width), subsequent_indent="  ")


def _joined(parts: Sequence[str], width: int) -> Iterator[str]:
    """The parts with commas between them, in as few lines as there have to be."""
    line = parts[0]
    for part in parts[1:]:
        if width_of(f"{line}, {part}") > width:
            yield line
            line = f"  {part}"
        else:
            line = f"{line}, {part}"
    yield line


# --- the tables ---

#: A telephone number that is cut is of no use.
_NUMBER_COLUMNS: Final = 13
_OF_QUEUES: Final = (
    Column("Queue", 10), Column("Waiting"), Column("Longest", goes=6), Column("Free"),
    Column("Busy", goes=4),
    Column("Paused", goes=5), Column("Away", goes=3), Column("Completed", goes=1),
    Column("Abandoned", goes=2),
)  # fmt: skip
_OF_AGENTS: Final = (
    Column("Agent", 10), Column("State"), Column("Since", goes=4), Column("Reason", 6, goes=2),
    Column("Call", _NUMBER_COLUMNS), Column("Talk", goes=3), Column("Queues", 8, goes=1),
)  # fmt: skip
_OF_CHANNELS: Final = (
    Column("Channel", 12), Column("State", goes=4), Column("Caller", _NUMBER_COLUMNS),
    Column("Connected", _NUMBER_COLUMNS, goes=3),
    Column("Exten", 5, goes=2), Column("Application", 11, goes=1), Column("Time"),
)  # fmt: skip


def _columns(board: Wallboard, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """With several servers the name of each comes first."""
    return (Column("Server", 6, goes=5), *columns) if len(board.servers) > 1 else columns


def _queues(board: Wallboard, now: float, width: int) -> Iterator[Line]:
    rows: list[Row] = [
        {
            "Server": server.name,
            "Queue": queue.name,
            "Waiting": str(queue.waiting),
            "Longest": _clock(queue.longest_wait_now(now) or 0.0) if queue.waiting else "",
            **{word.capitalize(): str(count) for word, count in shown.members.items()},
            "Completed": str(queue.today.talks),
            "Abandoned": str(queue.today.abandoned),
        }
        for server in board.servers.values()
        for shown in sorted(server.queues(now), key=lambda shown: shown.queue.name)
        for queue in (shown.queue,)
    ]
    if rows:
        head, *lines = fitted(rows, _columns(board, _OF_QUEUES), width)
        yield Line(head, "head")
        for text, row in zip(lines, rows, strict=True):
            yield Line(text, "bad" if row["Waiting"] != "0" and row["Free"] == "0" else "")
        yield Line("")


def _agents(board: Wallboard, now: float) -> list[Row]:
    return [
        {
            "Server": server.name,
            "Agent": shown.agent.name,
            "State": shown.doing,
            "Since": "" if shown.agent.since is None else _clock(now - shown.agent.since),
            "Reason": shown.agent.pause_reason,
            "Call": shown.other_side or "",
            "Talk": "" if shown.call_since is None else _clock(now - shown.call_since),
            "Queues": ", ".join(
                f"{name} (paused)" if paused else name
                for name, paused in shown.agent.queues.items()
            ),
        }
        for server in board.servers.values()
        for shown in server.agents(now)
    ]


def _channels(board: Wallboard, now: float) -> list[Row]:
    """The oldest first."""
    live = [(server, one) for server in board.servers.values() for one in server.channels()]
    live.sort(key=lambda pair: pair[1].since)
    return [
        {
            "Server": server.name,
            "Channel": channel.name,
            "State": channel.state,
            "Caller": channel.number,
            "Connected": channel.connected_number,
            "Exten": channel.exten,
            "Application": channel.application,
            "Time": _clock(now - channel.since),
        }
        for server, channel in live
    ]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
