"""An action on its way: its bytes, its deadline and its answer, as its connection knows them.

Rule: the session and the registry of unsettled actions write here, and no other module does. The
sender holds the ``pending`` action alone, which is settled once.
"""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django_ami.core.calls import Call
from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    AmiError,
    AuthenticationFailed,
    Backpressure,
    ConnectionFailed,
    ConnectionForbidden,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.escaping import quoted
from django_ami.core.pending import PendingAction
from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_ami.core.actions import Action
    from django_ami.core.messages import Event, Response
    from django_ami.core.metering import ActionMeter
    from django_ami.core.pending import Owner
    from django_ami.core.session.followed import Followed

__all__ = ["OUTCOMES", "Request"]

#: The outcome of an action, in the words of metrics, by the class of its error.
OUTCOMES: Final = {
    type(None): "success",
    ActionFailed: "refused",
    ActionTimeout: "timeout",
    ActionCancelled: "cancelled",
    ConnectionLost: "connection_lost",
    ConnectionFailed: "not_connected",
    AuthenticationFailed: "not_connected",
    ConnectionForbidden: "not_connected",
    Backpressure: "backpressure",
    ProtocolError: "unreadable",
}


class Request:
    """One action for one server, until it is settled."""

    #: On the loop's clock; 0 until the first server has taken it.
    deadline = 0.0
    #: How many bytes its connection had queued before its own; None if it was not handed over for
    #: writing.
    position: int | None = None
    response: Response | None = None
    #: The items of its list, or the events of its call. Few actions have any.
    events: Sequence[Event] = ()
    #: Whether an outcome is wanted, and of which call.
    final_broadcast = False
    call: Call | None = None
    #: The call that it makes or looks for, if a caller follows it.
    followed: Followed | None = None
    #: Finds another server for an action that could not leave; None if it may go to none but this.
    reroute: Callable[[Request], bool] | None = None
    #: Counts its outcome, and when it was sent, by the meter's clock; None: it is our own.
    meter: ActionMeter | None = None
    began = 0.0

    def __init__(
        self,
        action: Action,
        action_id: str,
        wire: bytes,
        *,
        server: str,
        timeout: float,
        owner: Owner | None = None,
    ) -> None:
        self.action_id = action_id
        #: The bytes, until a thread takes them out, which says what becomes of the action: to
        #: write, or to cancel it.
        self.unsent = unsent = [wire]
        self.final_event = action.final_event
        if action.final_broadcast:
            self.final_broadcast = True
            self.call = Call(action.headers, action_id)
        self.pending = PendingAction(action.name, action_id, unsent, server, timeout, owner)

    @property
    def name(self) -> str:
        """The name of the action."""
        return self.pending.name

    @property
    def server(self) -> str:
        """The server that it is for."""
        return self.pending.server

    @property
    def timeout(self) -> float:
        """Within how many seconds its answer must have come."""
        return self.pending.timeout

    def gather(self, event: Event) -> None:
        """Keep an item of its list, or the events of its call."""
        if isinstance(self.events, list):
            self.events.append(event)
        else:
            self.events = [event]

    def done(self) -> bool:
        """True once it is settled."""
        return self.pending.done()

    def complete(self) -> None:
        """Settle with the response."""
        response, pending = self.response, self.pending
        if response is None:
            return
        pending.response = response
        if self.events:
            response.events = pending.events = tuple(self.events)
        try:
            # Asking for the property alone costs a call.
            if response.status == "Success" or response.ok:
                pending.set_result(response)
                outcome = "success"
            else:
                pending.set_exception(self._refusal(response))
                outcome = "refused"
        except InvalidStateError:
            return  # a thread has cancelled it, or its time was over
        if self.meter is not None:
            self.meter.settled(pending.name, outcome, self.began)

    def _refusal(self, response: Response) -> ActionFailed:
        # A CLI command that fails is answered with "Command output follows": its output says why.
        text = quoted(response.output) or quoted(response.message) or "no message"
        if text == "Permission denied":
            # process_message in main/manager.c says no more than that.
            text += (
                ": write= of the AMI user lacks its class (the CLI's 'manager show command "
                f"{self.name}' names it)."
            )
        return ActionFailed(f"{self.name} refused: {text}", response=response, server=self.server)

    def fail(self, error: AmiError) -> None:
        """Settle with an error.

        Or move on, if nothing was handed over for writing and there is another server.
        """
        if self.done():
            return
        unreached = self.position is None and isinstance(error, ConnectionError)
        if unreached and self.reroute is not None and self.reroute(self):
            return
        pending = self.pending
        pending.response, pending.events = self.response, tuple(self.events)
        if isinstance(error, ConnectionLost):
            error = error.having(pending.events)
        # Another thread may have cancelled or refused it at this moment.
        with suppress(InvalidStateError):
            pending.set_exception(error)
            if self.meter is not None:
                self.meter.settled(pending.name, OUTCOMES.get(type(error), "failed"), self.began)

    def out_of_time(self, obstacle: Callable[[], str], *, passed_over: bool) -> ActionTimeout:
        """The error of an action whose time is over.

        ``obstacle()`` says why it was never sent, if it knows. ``passed_over``: the server, which
        answers in order, has answered a later one.
        """
        if passed_over:
            what = "answer to" if self.response is None else "end of the list of"
            return ActionTimeout(
                f"no {what} {self.name}: the server, which answers in order, has answered a "
                "later action. It was sent, so it may have been carried out: look before you "
                "repeat it.",
                server=self.server,
                sent=True,
            )
        if self.position is None:
            why = obstacle()
            text = (
                f"it was never sent, so it is safe to repeat. {why[:1].upper()}{why[1:]}".rstrip()
            )
        elif self.response is not None and self.call is not None:
            text = f"it was accepted, {self.call.why_untold(self.timeout, self.events)}"
        elif self.response is not None and self.final_event:
            text = f"it was accepted, but no {self.final_event} came."
        else:
            text = "it was sent, so it may have been carried out: look before you repeat it."
        return ActionTimeout(
            f"no answer to {self.name} within {in_words(self.timeout)}; {text}",
            server=self.server,
            sent=self.position is not None,
        )
