"""How a process that wants no events gets OriginateResponse all the same.

It is an ordinary event of class ``call``, broadcast to everybody (fast_originate in main/manager.c). So the class is
opened behind a filter that lets only events with ActionIDs of ours by: a regular expression over the whole event, which
every version takes (manager_add_filter). It is done once per connection, before the first action that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.actions import Events, Filter
from django_ami.core.errors import ActionFailed, AmiError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.pending import PendingAction
    from django_ami.core.session.login import Ask

__all__ = ["Outcomes"]


class Outcomes:
    """Holds back actions that wait for an outcome until the connection can bring it."""

    def __init__(
        self,
        prefix: str,
        ask: Ask,
        transmit: Callable[[PendingAction], None],
        refuse: Callable[[PendingAction, str, type[AmiError]], None],
    ) -> None:
        self._prefix = prefix
        self._ask = ask
        self._transmit = transmit
        self._refuse = refuse
        self._open = False
        self._held: list[PendingAction] = []

    def transmit(self, pending: PendingAction) -> None:
        """Send the action now, or when the filter is in place; refuse it if the account may not set one."""
        if self._open:
            self._transmit(pending)
            return
        self._held.append(pending)
        if len(self._held) == 1:
            self._ask(Filter(f"ActionID: {self._prefix}"), self._filtered)

    def _filtered(self, answer: PendingAction) -> None:
        held, self._held = self._held, []
        error = answer.exception(0)
        if error is None:
            self._open = True
            self._ask(Events("call"), lambda _: None)
            for pending in held:
                self._transmit(pending)
            return
        if isinstance(error, ConnectionError):
            return  # those held back fail with the connection, too, or have moved on to another server
        assert isinstance(error, AmiError)  # noqa: S101  (for the type checker)
        for pending in held:
            if isinstance(error, ActionFailed):
                refusal = f"Filter refused: {error.response.message}"
                why = f"no event filter ({refusal}); give the AMI user write=system, or send with wait=False"
                self._refuse(pending, why, ConfigurationError)
            else:
                self._refuse(pending, f"no event filter ({error.message.rstrip('.')})", type(error))
