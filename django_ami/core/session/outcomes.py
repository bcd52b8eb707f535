"""How a process that wants no events is told what became of a call that it makes.

OriginateResponse, DialEnd and Hangup are ordinary events of class ``call``, broadcast to everybody (fast_originate in
main/manager.c). So the class is opened behind filters that let only those of our calls by: regular expressions over the
whole event, which every version takes (manager_add_filter). Each is set once per connection, before the first action
that needs it, and serves all later ones: a filter cannot be removed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from django_ami.core.actions import Events, Filter
from django_ami.core.errors import ActionFailed, AmiError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.pending import PendingAction
    from django_ami.core.session.login import Ask

__all__ = ["Outcomes"]

#: Of channels whose ids somebody else gave: every Hangup of a call that was not answered, and every DialEnd without a
#: caller, as an Originate has it. A filter for each id would stay, and the server tries them all with every event.
_OF_ANY_ID: Final = "^Event: (Hangup[^A-Za-z].*ChannelState: [^6]|DialEnd[^A-Za-z].*call,all[^C]*DestChannel: )"


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
        self._of_ours = f"^Event: (OriginateResponse|Hangup|DialEnd)[^A-Za-z].*(ActionID|Uniqueid): {prefix}"
        self._ask = ask
        self._transmit = transmit
        self._refuse = refuse
        self._set: set[str] = set()
        self._held: list[PendingAction] = []

    def transmit(self, pending: PendingAction) -> None:
        """Send the action now, or when the filters are in place; refuse it if the account may not set one."""
        missing = self._filters_for(pending) - self._set
        if not missing:
            self._transmit(pending)
            return
        under_way = {text for each in self._held for text in self._filters_for(each)}
        self._held.append(pending)
        for text in sorted(missing - under_way, reverse=True):
            self._ask(Filter(text), partial(self._filtered, text))

    def _filters_for(self, pending: PendingAction) -> set[str]:
        ids = () if pending.call is None else pending.call.ids
        ours = all(channel_id.startswith(self._prefix) for channel_id in ids)
        return {self._of_ours} if ours else {self._of_ours, _OF_ANY_ID}

    def _filtered(self, text: str, answer: PendingAction) -> None:
        held = [pending for pending in self._held if text in self._filters_for(pending)]
        error = answer.exception(0)
        if error is None:
            if not self._set:
                self._ask(Events("call"), lambda _: None)
            self._set.add(text)
            for pending in held:
                if self._filters_for(pending) <= self._set:
                    self._held.remove(pending)
                    self._transmit(pending)
            return
        self._held = [pending for pending in self._held if pending not in held]
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
