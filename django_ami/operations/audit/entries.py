"""An entry of the action log: an action under way, and then its outcome."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    AmiError,
    ConnectionLost,
)
from django_ami.core.escaping import printable
from django_ami.operations.errors import ActionRefused, TooManyCalls
from django_ami.operations.models import ActionLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django_ami.core.actions import Action
    from django_ami.core.pending import PendingAction

__all__ = ["Author", "Entry", "as_dict", "program", "row_of"]

Outcome = ActionLog.Outcome

#: The first that fits counts: some are subclasses of others.
_OUTCOMES: Final[tuple[tuple[type[BaseException], ActionLog.Outcome], ...]] = (
    (TooManyCalls, Outcome.LIMITED),
    (ActionRefused, Outcome.REFUSED),
    (ActionFailed, Outcome.FAILED),
    (ActionCancelled, Outcome.CANCELLED),
    (ActionTimeout, Outcome.TIMEOUT),
    (ConnectionLost, Outcome.LOST),
)


@dataclass(frozen=True, slots=True)
class Author:
    """The sender of an action: a word of ``ActionLog.Kind``, a name, and a view."""

    kind: str = ActionLog.Kind.PROGRAM.value
    who: str = ""
    user_pk: str = ""
    via: str = ""


def program() -> str:
    """The task of Celery that runs here, or else the program, as ``manage.py ami_listen``."""
    celery = sys.modules.get("celery")
    task = getattr(celery, "current_task", None)
    if task:
        return str(getattr(task, "name", task))
    name, *arguments = getattr(sys, "argv", None) or [""]
    command = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    own = Path(name).name
    return f"{own} {command}" if own == "manage.py" and command else own


class Entry:
    """One action. ``settle`` and ``end`` tell its outcome, once; then ``done`` is called."""

    def __init__(
        self, author: Author, name: str, done: Callable[[Entry], object], *, is_tested: bool = False
    ) -> None:
        self.author = author
        self.pid = os.getpid()
        #: It was sent inside of the transaction of a test, which it must not outlive.
        self.is_tested = is_tested
        self.name = name
        self.action: Action | None = None
        self.server = ""
        self.action_id = ""
        self.at: datetime = timezone.now()
        self.outcome = Outcome.UNKNOWN
        self.reason = "the process ended before the outcome was known."
        self.sent = True
        self.latency: float | None = None
        self._began = time.monotonic()
        self._done = done
        #: Taken by the thread that ends it.
        self._open = threading.Lock()

    def follow(self, action: Action, pending: PendingAction) -> None:
        """It is this action, under way."""
        self.action, self.name = action, action.name
        self.server, self.action_id = pending.server, pending.action_id

    def settle(self, pending: PendingAction) -> None:
        """The action is over."""
        self.server = pending.server
        error = pending.error
        answer = pending.response
        outcome = None if answer is None else answer.outcome
        said = "" if answer is None else answer.message or ""
        self.end(error, said if outcome is None else outcome.description, sent=pending.sent)

    def end(self, error: BaseException | None, reason: str = "", *, sent: bool = False) -> None:
        """It is over, with this error or a good answer. Only the first one counts."""
        if not self._open.acquire(blocking=False):
            return
        if error is None:
            self.outcome, self.reason = Outcome.SUCCESS, reason
        else:
            found = (outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
            own = getattr(error, "sent", False) is True
            self.outcome = next(found, Outcome.NOT_SENT)
            self.reason = error.message if isinstance(error, AmiError) else str(error)
            sent = sent or (own and not isinstance(error, ActionRefused))
        self.sent = sent
        if self.outcome in {Outcome.SUCCESS, Outcome.FAILED}:
            self.latency = time.monotonic() - self._began
        self._done(self)

    def abandon(self) -> None:
        """The process ends, and nobody knows."""
        if self.pid == os.getpid() and self._open.acquire(blocking=False):
            self._done(self)


HOST: Final = socket.gethostname()[:150]


def row_of(entry: Entry, headers: list[list[str]], mask: Callable[[str], str]) -> ActionLog:
    """The row of an entry."""
    author = entry.author
    return ActionLog(
        at=entry.at,
        kind=author.kind,
        who=printable(author.who)[:200],
        user_pk=author.user_pk[:64],
        via=printable(author.via)[:200],
        host=HOST,
        pid=entry.pid,
        server=entry.server[:200],
        action=printable(entry.name)[:100],  # one that cannot be sent may not be storable either
        headers=headers,
        action_id=entry.action_id[:200],
        outcome=entry.outcome.value,
        reason=mask(entry.reason)[:500],
        sent=entry.sent,
        latency=entry.latency,
    )


def as_dict(row: ActionLog) -> dict[str, Any]:
    """A row as plain values, for a line of the log."""
    values = {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields}
    return {**values, "at": row.at.isoformat(), "id": None}
