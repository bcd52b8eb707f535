"""How the forwarding of a listener is, for people and metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ForwardStatus"]


@dataclass(frozen=True, slots=True)
class ForwardStatus:
    """The forwarding of one listener.

    * ``outlet``: the name of the engine
    * ``up``: whether it confirms what is published; ``why`` says why not, ``since`` is when that
      began, in seconds of Unix time
    * ``forwarded``: envelopes that are on the engine or in the spool, of this run
    * ``unsafe``: those that are neither
    * ``spool_batches``, ``spool_events``, ``spool_bytes``: contents of the spool; 0 without one
    * ``spool_most_bytes``: the most that it may keep
    * ``spool_failure``: why it cannot be used
    * ``dropped``, ``dropped_important``: events that had to leave a full spool, since the start
    * ``lost``: batches of the spool that could not be read, since the start
    * ``lag``: batches on the engine that no consumer has finished, by partition; None if unknown
    """

    outlet: str
    up: bool
    why: str | None = None
    since: float | None = None
    forwarded: int = 0
    unsafe: int = 0
    spool_batches: int = 0
    spool_events: int = 0
    spool_bytes: int = 0
    spool_most_bytes: int = 0
    spool_failure: str | None = None
    dropped: int = 0
    dropped_important: int = 0
    lost: int = 0
    lag: Mapping[int, int] | None = None

    def counters(self) -> dict[str, int]:
        """Counts for other processes, beside those of the listener's events."""
        return {
            "outlet_up": int(self.up),
            "unsafe": self.unsafe,
            "spool_events": self.spool_events,
            "spool_bytes": self.spool_bytes,
            "spool_dropped": self.dropped,
        }

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        return asdict(self)
