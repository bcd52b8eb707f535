"""Sets the event filters of one connection, before its events are turned on.

Rule: a filter that is refused costs no event. Before any is set, the account may turn out to set
none; behind the first of several, the connection is of no use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.errors import ActionFailed
from django_ami.core.escaping import quoted
from django_ami.core.filters import PROBE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.filters import Selection
    from django_ami.core.pending import PendingAction
    from django_ami.core.session.login import Ask

__all__ = ["Filtering"]

#: The answer of a server that reads the advanced form, and finds fault with it.
_ADVANCED = "formatted incorrectly"


class Filtering:
    """The filters of a connection, set one after the other.

    ``done`` is called with the reason why there are no filters, empty if they are in place;
    ``failed`` if only some are.
    """

    def __init__(
        self,
        selection: Selection,
        ask: Ask,
        *,
        done: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> None:
        self._selection = selection
        self._ask = ask
        self._done = done
        self._failed = failed
        self._left = 0
        self._why = ""

    def begin(self) -> None:
        """Ask which form of filters the server has, and whether this account may set any."""
        self._ask(PROBE, self._probed)

    def _probed(self, answer: PendingAction) -> None:
        why = _refusal(answer)
        if why and _ADVANCED not in why:
            self._done(why)
            return
        filters = self._selection.filters(advanced=bool(why))
        self._left = len(filters)
        for one in filters:
            self._ask(one, self._taken)

    def _taken(self, answer: PendingAction) -> None:
        self._left -= 1
        self._why = self._why or _refusal(answer)
        if self._left == 0:
            if self._why:
                self._failed(self._why)
            else:
                self._done("")


def _refusal(answer: PendingAction) -> str:
    """Why an action failed, in the words of the server or ours; empty if it did not."""
    error = answer.exception(0)
    if isinstance(error, ActionFailed):
        return quoted(error.response.message)
    return "" if error is None else str(error)
