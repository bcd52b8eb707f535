"""Floods: as many events as each reader takes, or at a rate, counted one by one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.connection import Session
    from django_ami.simulator.events import Event
    from django_ami.simulator.server import Server

__all__ = ["FloodReport", "flood", "numbered_event"]

_NUMBER = b"\x00number\x00"
_CHUNK_EVENTS = 200


@dataclass(frozen=True, slots=True)
class FloodReport:
    """How many events of a flood went to each session (by its number), and how long it took."""

    queued: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Over all sessions."""
        return sum(self.queued.values())


def numbered_event(
    server: Server, name: str, headers: list[tuple[str, str]], classes: str | None
) -> Event:
    """An event whose ``Number`` header counts from 0 within the flood."""
    return server.event(name, [*headers, ("Number", _NUMBER.decode())], classes)


async def flood(server: Server, event: Event, count: int, rate: float | None) -> FloodReport:
    """Send ``count`` events to every session that may have them.

    Each session at the pace of its own reader.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    takers = [session for session in server.sessions if session.wants(event)]
    sent = await asyncio.gather(*(_feed(taker, event, count, rate) for taker in takers))
    return FloodReport(
        {taker.number: number for taker, number in zip(takers, sent, strict=True)},
        loop.time() - begun,
    )


async def _feed(session: Session, event: Event, count: int, rate: float | None) -> int:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    chunk = _CHUNK_EVENTS if rate is None else max(1, min(_CHUNK_EVENTS, int(rate / 50)))
    done = 0
    while done < count and await session.outbox.room():
        size = min(chunk, count - done)
        session.send_event(_copies(event.data, done, size))
        done += size
        ahead = done / rate - (loop.time() - begun) if rate else 0.0
        await asyncio.sleep(max(0.0, ahead))
    return done


def _copies(data: bytes, first: int, size: int) -> bytes:
    if _NUMBER not in data:
        return data * size
    return b"".join(data.replace(_NUMBER, b"%d" % number) for number in range(first, first + size))
