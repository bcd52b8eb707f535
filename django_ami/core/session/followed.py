"""A call that is followed, and where."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.causes import CallResult
from django_ami.core.errors import ActionCancelled, AmiError
from django_ami.core.promise import Promise

if TYPE_CHECKING:
    from django_ami.core.pending import PendingAction
    from django_ami.core.progress import Progress
    from django_ami.core.session.following import Following

__all__ = ["FIRST_PAUSE_SECONDS", "Followed"]

#: How soon a server is asked that has not told anything of a call.
FIRST_PAUSE_SECONDS: Final = 1.0


class Followed:
    """A call that is followed, and where. ``search``: it was made elsewhere, and is looked for."""

    __slots__ = (
        "ask_at",
        "heard",
        "home",
        "leave_by",
        "missed",
        "pause",
        "progress",
        "search",
        "settled",
    )

    def __init__(self, progress: Progress, *, search: bool = False) -> None:
        self.progress = progress
        self.search = search
        self.home: Following | None = None
        #: Until when its Originate may wait for its turn; on the clock of its dialler.
        self.leave_by = inf
        #: The action about it is settled.
        self.settled = False
        self.heard = False
        #: No list had it, though nothing was ever seen of it: it may just be on its way.
        self.missed = False
        self.ask_at = inf
        self.pause = FIRST_PAUSE_SECONDS

    def settle(self, pending: PendingAction) -> None:
        """The action about it is settled; perhaps before any connection had it."""
        error = Promise.exception(pending, 0)
        if self.home is not None:
            self.home.settled(self, pending)
            return
        assert isinstance(error, AmiError)  # noqa: S101  (it cannot have been answered)
        cancelled = isinstance(error, ActionCancelled)
        self.progress.failed(error, CallResult.CANCELLED if cancelled else CallResult.FAILED)
