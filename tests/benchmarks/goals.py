"""What is to be reached: ratios of figures that were measured side by side, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OURS: Final = "django_ami"


@dataclass(frozen=True)
class Goal:
    """A figure of a scenario against somebody else's, or, without anybody, by itself.

    ``most`` and ``least`` are bounds of the ratio ours / theirs, or of our figure itself.
    """

    scenario: str
    figure: str
    against: str | None = None
    most: float | None = None
    least: float | None = None

    def reached(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        bounds = [f"≥ {self.least:.3g}"] if self.least is not None else []
        return " and ".join([*bounds, f"≤ {self.most:.3g}"] if self.most is not None else bounds)


GOALS: Final = (
    Goal("selective", "CPU per event", "framing only", most=2.5),
    Goal("selective", "CPU per event", "panoramisk", most=1 / 15),
    Goal("flood", "CPU per event", "panoramisk", most=1 / 7),
    Goal("flood", "CPU per event", "asterisk-ami", most=1 / 3),
    Goal("signals", "CPU per event", "panoramisk", most=1 / 3.5),
    Goal("ping", "p50", "panoramisk", most=0.7),
    Goal("ping", "p50", "asterisk-ami", most=1),
    Goal("ping", "p99", "panoramisk", most=1),
    Goal("ping", "p99", "asterisk-ami", most=1),
    Goal("ping", "p50 by ticks", "blocking socket", most=1.5),
    Goal("pipeline", "100 outstanding, 1 thread", "asterisk-ami", least=1.5),
    Goal("pipeline", "100 outstanding, 8 threads", "asterisk-ami", least=1.5),
    Goal("pipeline", "100 outstanding, asyncio", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, 1 thread", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, 8 threads", "asterisk-ami", least=1.5),
    Goal("pipeline", "1000 outstanding, asyncio", "asterisk-ami", least=1.5),
    Goal("pipeline", "wrong answers", most=0),
)
