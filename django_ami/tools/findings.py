"""A finding: how one step of an examination went, and the cure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "Verdict", "failed", "ok", "warning"]


class Verdict(StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: its result, and what to do about it."""

    step: str
    verdict: Verdict
    said: str
    cure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def ok(step: str, said: str) -> Finding:
    """It went well."""
    return Finding(step, Verdict.OK, said)


def warning(step: str, said: str, cure: str) -> Finding:
    """It went on, and something is to be looked at."""
    return Finding(step, Verdict.WARNING, said, cure)


def failed(step: str, said: str, cure: str) -> Finding:
    """It did not go on."""
    return Finding(step, Verdict.FAILED, said, cure)
