"""The parts of a tracker, and the things that they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core.messages import Event
    from django_ami.live.call import Call
    from django_ami.live.changes import ChangeLog
    from django_ami.live.lists import Lists
    from django_ami.live.options import Options

    Handler = Callable[[Event, float], None]

__all__ = ["Part", "Seeded", "Shared"]


class Part(Protocol):
    """A part of the picture, which keeps one kind of thing."""

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event, by the event's name as Asterisk spells it."""
        ...


class Seeded(Protocol):
    """A part that lists are about."""

    def seed(self, lists: Lists, now: float) -> None:
        """Take over the lists; an object that they do not know any more has ended."""
        ...


@dataclass(slots=True)
class Shared:
    """The things that all parts of one tracker share."""

    server: str
    options: Options
    changes: ChangeLog
    #: The live calls to people, by id.
    calls: dict[str, Call] = field(default_factory=dict)
    #: Events that do not fit with what was known.
    contradictions: int = 0
