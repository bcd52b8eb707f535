"""How a process that wants no events is told what became of a call that it makes.

OriginateResponse, DialEnd and Hangup are ordinary events of class ``call``, broadcast to everybody
(fast_originate in main/manager.c). So the class is opened behind filters that let only those of our
calls by: regular expressions over the whole event, which every version takes (manager_add_filter).
Each is set once per connection, before the first action that needs it, and serves all later ones: a
filter cannot be removed.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from django_ami.core.actions import Events, Filter
from django_ami.core.calls import CALL_EVENTS, PROGRESS_EVENTS
from django_ami.core.errors import ActionFailed, AmiError, ConfigurationError
from django_ami.core.escaping import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.correlation import PendingActions
    from django_ami.core.pending import PendingAction
    from django_ami.core.protocol import Parser
    from django_ami.core.request import Request
    from django_ami.core.session.login import Ask

__all__ = ["Outcomes"]

_CALL_EVENTS: Final = frozenset(map(str.lower, CALL_EVENTS))
_FOLLOWED_EVENTS: Final = _CALL_EVENTS | frozenset(map(str.lower, PROGRESS_EVENTS))
_FOLLOWED: Final = "|".join(sorted(PROGRESS_EVENTS))
#: How ids begin that clients like this one give.
_PREFIX: Final = re.compile(r"[0-9a-f]{16}-")

#: Of channels whose ids another client gave: every Hangup of a call that was not answered, and
#: every DialEnd without a caller, as an Originate has it. A filter for each id would stay, and the
#: server tries them all with every event.
_OF_ANY_ID: Final = (
    "^Event: (Hangup[^A-Za-z].*ChannelState: [^6]|DialEnd[^A-Za-z].*call,all[^C]*DestChannel: )"
)


class Outcomes:
    """Holds back actions that wait for an outcome until the connection can bring it.

    ``filters`` is False for a listener: a filter would keep events from its receivers.
    """

    def __init__(
        self,
        prefix: str,
        mask: str,
        pending: PendingActions,
        *,
        filters: bool,
        ask: Ask,
        transmit: Callable[[Request], None],
    ) -> None:
        self._prefix = prefix
        self._mask = mask
        self._pending = pending
        self._filters = filters
        self._of_ours = (
            f"^Event: (OriginateResponse|Hangup|DialEnd)[^A-Za-z].*(ActionID|Uniqueid): {prefix}"
        )
        self._ask = ask
        self._transmit = transmit

    def begin(self, parser: Parser) -> None:
        """A new connection: no filter is set."""
        self._parser = parser
        #: The filters of this listener let some events in, and no other ones.
        self.narrowed = False
        self._set: set[str] = set()
        self._held: list[Request] = []

    def transmit(self, request: Request) -> None:
        """Send the action now, or when the filters are in place.

        Refuse it if the account may not set one, or if a listener does not ask for such events.
        """
        self._parser.kinds.also |= _CALL_EVENTS if request.followed is None else _FOLLOWED_EVENTS
        if self._gets_calls:
            if request.followed is not None:
                self.listen(request.followed.progress.id)
            self._transmit(request)
            return
        if not self._filters:
            why = f"this listener's events are {self._mask!r}; add 'call' to them"
            self._refuse(request, why, ConfigurationError)
            return
        missing = self._filters_for(request) - self._set
        if not missing:
            self._transmit(request)
            return
        under_way = {text for each in self._held for text in self._filters_for(each)}
        self._held.append(request)
        for text in sorted(missing - under_way, reverse=True):
            self._ask(Filter(text), partial(self._filtered, text))

    def _refuse(self, request: Request, why: str, kind: type[AmiError]) -> None:
        followed = request.followed
        self._pending.discard(request)
        if followed is None or kind is not ConfigurationError:
            text = f"cannot wait for the outcome of {request.name}: {why}. It was not sent."
            request.fail(kind(text, server=request.server, sent=False))
            return
        # Make the call, though its events cannot come: lists will tell what they can.
        followed.progress.note = why.partition(", or send")[0]
        request.call = request.final_event = None
        self._pending.add(request, 0.0, anyway=True)  # it keeps its deadline
        self._transmit(request)

    def _filters_for(self, request: Request) -> set[str]:
        ids = () if request.call is None else request.call.ids
        ours = all(channel_id.startswith(self._prefix) for channel_id in ids)
        filters = {self._of_ours} if ours else {self._of_ours, _OF_ANY_ID}
        if request.followed is not None:
            filters.add(_following(request.followed.progress.id))
        return filters

    def listen(self, call_id: str) -> None:
        """Let the events of a whole call come, if the account may have them."""
        self._parser.kinds.also |= _FOLLOWED_EVENTS
        text = _following(call_id)
        if text in self._set:
            return
        if self.narrowed:  # one more of the filters that let some names in
            self._set.add(text)
            self._ask(Filter(text), lambda _: None)
        elif self._filters and not self._gets_calls:
            self._ask(Filter(text), partial(self._filtered, text))

    def hush(self) -> None:
        """No caller follows a call."""
        self._parser.kinds.also = _CALL_EVENTS

    @property
    def _gets_calls(self) -> bool:
        """The mask of the login has the events of calls."""
        return self._mask == "on" or "call" in self._mask.split(",")

    def _filtered(self, text: str, answer: PendingAction) -> None:
        held = [request for request in self._held if text in self._filters_for(request)]
        error = answer.exception(0)
        if error is None:
            if not self._set:
                self._ask(Events("call"), lambda _: None)
            self._set.add(text)
            for request in held:
                if self._filters_for(request) <= self._set:
                    self._held.remove(request)
                    self._transmit(request)
            return
        self._held = [request for request in self._held if request not in held]
        if isinstance(error, ConnectionError):
            # Those held back fail with the connection, too, or have moved on to another server
            return
        assert isinstance(error, AmiError)  # noqa: S101  (for the type checker)
        for request in held:
            if isinstance(error, ActionFailed):
                refusal = f"Filter refused: {quoted(error.response.message)}"
                why = (
                    f"no event filter ({refusal}); give the AMI user write=system, or send with "
                    "wait=False"
                )
                self._refuse(request, why, ConfigurationError)
            else:
                self._refuse(request, f"no event filter ({error.message.rstrip('.')})", type(error))


def _following(call_id: str) -> str:
    """The filter that lets all channels of a call by.

    One for all calls of a process, since a filter stays: their ids begin alike.
    """
    own = _PREFIX.match(call_id)
    # Letters, digits and hyphens stand for themselves in a regular expression.
    begin = own[0] if own else re.sub(r"[^A-Za-z0-9-]", ".", call_id)
    return f"^Event: ({_FOLLOWED})[^A-Za-z].*(Linkedid|Uniqueid): {begin}"
