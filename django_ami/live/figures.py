"""The figures of queues and agents: one pure function each.

The docstring of a figure begins with its name, and its first sentence is the formula, for tooltips
and for the docs. A figure whose divisor is nothing is None: nothing is known, which is not 0 %.
Shares are from 0 to 1, waits and talks are in seconds. Asterisk's own Holdtime, TalkTime and
ServicelevelPerf (apps/app_queue.c) are moving averages and shares of other things, and are not
used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Figure = Callable[["Counts"], float | None]

__all__ = [
    "FIGURES",
    "SERVICE_LEVELS",
    "Counts",
    "abandon_rate",
    "answered_rate",
    "asa",
    "average_wait",
    "blocked",
    "formula_of",
    "handle_time",
    "longest_wait",
    "mean_talk",
    "occupancy",
    "offered",
    "saturated",
    "service_level",
    "service_level_1",
    "service_level_2",
    "service_level_3",
    "service_level_4",
    "total",
]


@dataclass(slots=True)
class Counts:
    """The counts of a queue in an interval. A call belongs to the interval in which it joined.

    ``answered_in_time`` and ``abandoned_in_time`` are those within the seconds T of the service
    level. ``short_abandons`` were so quick that they are in no other number and no share; ``left``
    has all other ways out of the queue, by their ``VisitResult``.
    """

    joined: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_in_time: int = 0
    short_abandons: int = 0
    left: dict[str, int] = field(default_factory=dict)
    #: The waits of those who were answered; and of those who were answered, abandoned, or left
    #: empty or by a timeout.
    answered_wait_seconds: float = 0.0
    wait_seconds: float = 0.0
    longest_wait_seconds: float = 0.0
    #: Talks that have ended: holds are part of them. Each is followed by the wrap-up that the queue
    #: grants.
    talks: int = 0
    talk_seconds: float = 0.0
    wrapup_seconds: float = 0.0

    def copy(self) -> Counts:
        """The same numbers, which do not go on."""
        return replace(self, left=dict(self.left))

    def left_by(self, *results: str) -> int:
        """How many left in one of these ways."""
        return sum(self.left.get(result, 0) for result in results)


#: A wait that is the longest of all is not a sum.
_GREATEST: Final = "longest_wait_seconds"
_NUMBERS: Final = tuple(one.name for one in fields(Counts) if one.name not in {"left", _GREATEST})


def total(parts: Iterable[Counts]) -> Counts:
    """The counts of several queues together."""
    made = Counts()
    for part in parts:
        for name in _NUMBERS:
            setattr(made, name, getattr(made, name) + getattr(part, name))
        made.longest_wait_seconds = max(made.longest_wait_seconds, part.longest_wait_seconds)
        for result, count in part.left.items():
            made.left[result] = made.left.get(result, 0) + count
    return made


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def offered(counts: Counts) -> float:
    """Offered = joined - short abandons.

    A caller who was not let in, as the queue was full or empty, is not in it.
    """
    return counts.joined - counts.short_abandons


def service_level_1(counts: Counts) -> float | None:
    """Service level 1 = (answered within T + abandoned within T) ÷ (answered + abandoned).

    Asterisk calls it ServicelevelPerf2.
    """
    return _share(
        counts.answered_in_time + counts.abandoned_in_time, counts.answered + counts.abandoned
    )


def service_level_2(counts: Counts) -> float | None:
    """Service level 2 = answered within T ÷ answered. Asterisk calls it ServicelevelPerf."""
    return _share(counts.answered_in_time, counts.answered)


def service_level_3(counts: Counts) -> float | None:
    """Service level 3 = answered within T ÷ (answered + abandoned)."""
    return _share(counts.answered_in_time, counts.answered + counts.abandoned)


def service_level_4(counts: Counts) -> float | None:
    """Service level 4, the default = answered within T ÷ (answered + abandoned after T)."""
    return _share(
        counts.answered_in_time, counts.answered + counts.abandoned - counts.abandoned_in_time
    )


#: The formulas by their number.
SERVICE_LEVELS: Final[Mapping[int, Figure]] = {
    1: service_level_1,
    2: service_level_2,
    3: service_level_3,
    4: service_level_4,
}


def service_level(counts: Counts, formula: int = 4) -> float | None:
    """The service level by the formula of that number, 1 to 4. Raises KeyError for another."""
    return SERVICE_LEVELS[formula](counts)


def answered_rate(counts: Counts) -> float | None:
    """Answered rate = answered ÷
    (answered + abandoned + full + empty on joining + empty while waiting + timeout).
    """  # noqa: D205  (a formula is told in one paragraph: see ``formula_of``)
    lost = counts.left_by("full", *_EMPTY, "timeout")
    return _share(counts.answered, counts.answered + counts.abandoned + lost)


def abandon_rate(counts: Counts) -> float | None:
    """Abandon rate = abandoned ÷ offered. Timeouts and other ways out are not abandoned."""
    return _share(counts.abandoned, offered(counts))


def asa(counts: Counts) -> float | None:
    """Average speed of answer = Σ waits of the answered ÷ answered."""
    return _share(counts.answered_wait_seconds, counts.answered)


def average_wait(counts: Counts) -> float | None:
    """Average wait = Σ waits ÷ (answered + abandoned + empty while waiting + timeout)."""
    left = counts.left_by(*_LEFT_EMPTY, "timeout")
    return _share(counts.wait_seconds, counts.answered + counts.abandoned + left)


def longest_wait(counts: Counts) -> float:
    """Longest wait = the greatest wait that has ended, in whatever way."""
    return counts.longest_wait_seconds


def mean_talk(counts: Counts) -> float | None:
    """Mean talk = Σ talks with agents of the queue ÷ talks that have ended.

    A hold is part of a talk.
    """
    return _share(counts.talk_seconds, counts.talks)


def handle_time(counts: Counts) -> float | None:
    """Average handle time (AHT) = (Σ talks + Σ wrap-ups) ÷ talks that have ended."""
    return _share(counts.talk_seconds + counts.wrapup_seconds, counts.talks)


def blocked(counts: Counts) -> float:
    """Blocked = empty on joining + empty while waiting: no member could have answered."""
    return counts.left_by(*_EMPTY)


def saturated(counts: Counts) -> float:
    """Saturated = full: the queue had no place left."""
    return counts.left_by("full")


def occupancy(talk: float, wrapup: float, login: float, pause: float) -> float | None:
    """Occupancy, of an agent = (talk + wrap-up) ÷ (login - pause), in an interval.

    All are seconds in that interval.
    """
    return _share(talk + wrapup, login - pause)


_LEFT_EMPTY: Final = ("leave_empty", "leave_unavailable")
_EMPTY: Final = ("join_empty", "join_unavailable", *_LEFT_EMPTY)

#: The figures of a queue, by the names that they have in JSON, on boards and in the docs.
FIGURES: Final[Mapping[str, Figure]] = {
    "offered": offered,
    "service_level_1": service_level_1,
    "service_level_2": service_level_2,
    "service_level_3": service_level_3,
    "service_level_4": service_level_4,
    "answered_rate": answered_rate,
    "abandon_rate": abandon_rate,
    "asa": asa,
    "average_wait": average_wait,
    "longest_wait": longest_wait,
    "mean_talk": mean_talk,
    "handle_time": handle_time,
    "blocked": blocked,
    "saturated": saturated,
}


def formula_of(figure: Callable[..., float | None]) -> str:
    """The formula of a figure, as a tooltip shows it; empty without docstrings (``-OO``)."""
    first, stop, _ = " ".join((figure.__doc__ or "").split("\n\n")[0].split()).partition(". ")
    return first if stop else first.removesuffix(".")
