"""The argument of a handler: the request, its sender, the server's world, and helpers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_ami.simulator.frames import render
from django_ami.simulator.requests import echo_of

if TYPE_CHECKING:
    from django_ami.simulator.connection import Session
    from django_ami.simulator.pbx import Pbx
    from django_ami.simulator.requests import ReceivedAction
    from django_ami.simulator.server import Server

__all__ = ["Exchange", "Pairs"]

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request being answered."""

    request: ReceivedAction
    session: Session
    server: Server

    @property
    def pbx(self) -> Pbx:
        """The world of channels and queues."""
        return self.server.pbx

    def get(self, key: str, default: str = "") -> str:
        """A header of the request."""
        return self.request.get(key, default)

    def milliseconds(self, key: str, default: int = 0) -> int:
        """A header that is a time in digits; no more than an int of C holds."""
        return min(int(self.get(key) or default), 2**31 - 1)

    @property
    def echo(self) -> list[tuple[str, str]]:
        """The ActionID header of the answer; none if none was sent."""
        return echo_of(self.request)

    def answer(self, response: str, *headers: tuple[str, str]) -> bytes:
        """A response with these headers after the ActionID."""
        return render([("Response", response), *self.echo, *headers])

    def ok(self, message: str, *headers: tuple[str, str]) -> bytes:
        """``Success`` with a message."""
        return self.answer("Success", ("Message", message), *headers)

    def error(self, message: str) -> bytes:
        """``Error`` with a message."""
        return self.answer("Error", ("Message", message))

    def listing(
        self,
        message: str,
        items: Iterable[Pairs],
        complete: str,
        *extra: tuple[str, str],
        count: int | None = None,
        start: str = "start",
    ) -> bytes:
        """A list: its response, its items, and the event that ends it.

        Each item has its ActionID already in place.
        """
        frames = [render(item) for item in items]
        total = len(frames) if count is None else count
        head = self.answer("Success", ("EventList", start), ("Message", message))
        end = [
            ("Event", complete),
            *self.echo,
            ("EventList", "Complete"),
            ("ListItems", str(total)),
            *extra,
        ]
        return b"".join([head, *frames, render(end)])

    def item(self, event: str, *headers: tuple[str, str]) -> Pairs:
        """A list item that carries the ActionID as second line, as most do."""
        return [("Event", event), *self.echo, *headers]

    def item_id_last(self, event: str, *headers: tuple[str, str]) -> Pairs:
        """A list item that carries the ActionID as its last line.

        Those of Status, queues, parking, astdb and Hangup do.
        """
        return [("Event", event), *headers, *self.echo]
