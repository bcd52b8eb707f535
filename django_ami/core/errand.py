"""Work that keeps its place among the events of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Errand"]


class Errand:
    """``run()`` is called behind the events before it, and before those behind it.

    ``discard()`` is called in its place if these events reach no receiver any more.
    """

    __slots__ = ("discard", "run", "server")

    def __init__(
        self, server: str, run: Callable[[], object], discard: Callable[[], object]
    ) -> None:
        self.server = server
        self.run = run
        self.discard = discard
