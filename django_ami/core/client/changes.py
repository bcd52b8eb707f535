"""The servers that a reload has added, changed and removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Changes"]


@dataclass(frozen=True, slots=True)
class Changes:
    """Which servers came, went, or have other settings now: their names."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
        """The steps from some servers to others. An unchanged server is the very same object."""
        return cls(
            added=tuple(name for name in after if name not in before),
            changed=tuple(
                name for name in after if name in before and after[name] is not before[name]
            ),
            removed=tuple(name for name in before if name not in after),
        )

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.added + other.added, self.changed + other.changed, self.removed + other.removed
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        parts = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        return (
            "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)
            or "no server has changed"
        )
