"""An action under way, as its sender holds it."""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from contextlib import suppress
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final, Protocol

from django_ami.core.calls import Call
from django_ami.core.errors import ActionCancelled, ActionFailed, ActionTimeout, AmiError, ConnectionLost
from django_ami.core.messages import Event, Response
from django_ami.core.promise import Promise
from django_ami.core.timeouts import in_seconds, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from django_ami.core.actions import Action
    from django_ami.core.timeouts import Timeout

__all__ = ["GRACE", "LAST_LOOK_SECONDS", "Owner", "PendingAction"]

#: So many seconds behind an action's own deadline a wait ends, whatever has become of the action.
GRACE: Final = 5.0
#: So much of a wait, in seconds, is waited apart: a process that was stopped in the rest, until its time was over, has
#: yet to read what came meanwhile.
LAST_LOOK_SECONDS: Final = 0.25


class Owner(Protocol):
    """What a PendingAction needs of the client that made it."""

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs."""

    def expect(self, pending: PendingAction) -> None:
        """Somebody wants the answer as soon as it is there, and does not wait in a thread."""

    def before_wait(self, pending: PendingAction, timeout: float) -> float:
        """The calling thread is about to wait: say what is left of its time when this returns. It may be over by then.

        Raises WouldBlock if the wait can never end.
        """

    def refuse_in_loop(self, pending: PendingAction) -> None:
        """Raise WouldBlock if an event loop is running in the calling thread."""

    def holds(self, pending: PendingAction) -> bool:
        """False in a forked child: the parent has the action, and may send it at any moment."""

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left: nothing waits for it any more."""


class PendingAction(Promise[Response]):
    """An action under way: a ``concurrent.futures.Future`` of its Response which is also awaitable.

    ``pending.result(timeout=5)`` in a thread, ``await pending`` in a coroutine, ``pending.on_complete(function)`` for
    neither. ``cancel`` withdraws it while nothing of it has left: what is on the wire is on the wire.
    """

    deadline = 0.0
    position: int | None = None
    response: Response | None = None
    #: Finds another server for an action that could not leave; None if it may go to none but this.
    reroute: Callable[[PendingAction], bool] | None = None

    def __init__(
        self, action: Action, action_id: str, wire: bytes, *, server: str, timeout: float, owner: Owner | None = None
    ) -> None:
        super().__init__()
        self.name = action.name
        self.action_id = action_id
        self.server = server
        self.timeout = timeout
        self.final_event = action.final_event
        self.final_broadcast = action.final_broadcast
        #: The call whose outcome is wanted.
        self.call = Call(action.headers, action_id) if action.final_broadcast else None
        self.size = len(wire)
        #: The bytes, until a thread takes them out: to write them, or to cancel the action.
        self._wire = [wire]
        self.events: list[Event] = []
        self._owner = owner

    # --- for users ---

    def result(self, timeout: Timeout | None = None) -> Response:
        """Wait for the answer and return it.

        ``timeout`` is how long to wait here, in seconds or as a timedelta (None: until the action's own deadline;
        ValueError for anything else). The action goes on
        when this wait ends, so the ActionTimeout then has ``sent=True``, even if it has not left yet: it still may.
        Raises ActionTimeout if no answer came, ActionFailed if the server said Error, ConnectionLost, ConnectionFailed,
        AuthenticationFailed, Backpressure or ProtocolError; ActionCancelled after ``cancel``; WouldBlock on a thread
        that must not wait, and always in a running event loop: write ``await`` there. Only behind an ``await`` of this
        action, or in a function that was given for its end, ``result`` gives there what is known already.
        """
        self._wait(timeout)
        try:
            return super().result(0)
        finally:
            del self  # the traceback of an error has this frame: they would hold each other

    def exception(self, timeout: Timeout | None = None) -> BaseException | None:
        """Wait as ``result`` does, and return the error, or None."""
        self._wait(timeout)
        return super().exception(0)

    @property
    def sent(self) -> bool:
        """Whether any of the action has left this process, or may leave at any moment; if False, ``cancel`` is in time.

        Of an action that is over it is what its error says, and True if it was answered.
        """
        if self.done():
            error = super().exception(0)
            return error.sent if isinstance(error, AmiError) else True
        return not self._wire or not self._is_ours()

    def cancel(self) -> bool:
        """Withdraw the action if nothing of it has left this process; say whether it is withdrawn.

        If True the server never sees it, and ``result``, ``await`` and ``on_complete`` get ActionCancelled. If False it
        is over, or has left: it will be carried out, and its answer tells. Safe from any thread; never blocks.
        """
        if self.done() or not self._is_ours() or not self.take_wire():
            return False
        error = ActionCancelled(f"{self.name} was cancelled; it was not sent.", self.server)
        try:
            self.set_exception(error)
        except InvalidStateError:  # its time was over at the same moment
            return False
        if self._owner is not None:
            self._owner.withdraw(self)
        return True

    def _is_ours(self) -> bool:
        return self._owner is None or self._owner.holds(self)

    def cancelled(self) -> bool:
        """True once ``cancel`` has withdrawn it."""
        return self.done() and isinstance(super().exception(0), ActionCancelled)

    def on_complete(self, function: Callable[[AmiError | None, Response | None], Any]) -> None:
        """Call ``function(error, response)`` when it is settled, where user code runs, also if it is settled already.

        ``error`` is None if the answer is good. An ActionFailed comes with its response. A function that raises an
        error that the client tries again is called again: in a Django project, one of the database (``AMI_DISPATCH``).
        """

        # Nothing in here may refer to self, or a long list stays until the garbage collector comes by.
        def call(settled: Promise[Response]) -> None:
            error = Promise.exception(settled, 0)
            if error is None:
                function(None, Promise.result(settled, 0))
            elif isinstance(error, AmiError):
                function(error, error.response if isinstance(error, ActionFailed) else None)

        told = update_wrapper(call, function)
        if self._owner is not None and self.done():
            self._owner.call_user(partial(told, self))
        else:
            self._when_done(told)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """As in ``concurrent.futures``, but the function runs where user code runs, never on the reactor thread.

        As there, it runs at once, in the calling thread, if the action is settled already.
        """
        self._told = True
        self._when_done(fn)

    def _when_done(self, fn: Callable[[Any], object]) -> None:
        if self._owner is None or self.done():
            super().add_done_callback(fn)
            return
        call_user = self._owner.call_user
        # First: in a forked child this ends it, and forgets the functions that the parent calls.
        self._owner.expect(self)
        super().add_done_callback(lambda future: call_user(partial(fn, future)))

    def __await__(self) -> Generator[Any, None, Response]:
        if self._owner is not None and not self.done():
            self._owner.expect(self)
        return super().__await__()

    def __repr__(self) -> str:
        state = "done" if self.done() else "waiting"
        return f"<PendingAction {self.name} {self.action_id} to {self.server}: {state}>"

    def _wait(self, timeout: Timeout | None) -> None:
        seconds = self.timeout + GRACE if timeout is None else in_seconds(timeout)
        owner = self._owner
        if owner is not None and not (self._told and self.done()):
            # Also of an action that is over: whether it is at this moment is a matter of luck.
            owner.refuse_in_loop(self)
        if self.done():
            return
        for part in (seconds - LAST_LOOK_SECONDS, LAST_LOOK_SECONDS) if seconds > LAST_LOOK_SECONDS else (seconds,):
            left = part if owner is None else owner.before_wait(self, part)
            if self.done():
                return
            with suppress(TimeoutError):
                super().exception(left)
                return
        raise ActionTimeout(
            f"no answer to {self.name} in the {in_words(seconds)} that were waited; it is still under way.",
            server=self.server,
            sent=True,  # if it has not left yet, it still may
        )

    # --- for the session ---

    def take_wire(self) -> bytes:
        """The bytes of the action, once: the thread that gets them says what becomes of it. Empty for any other."""
        try:
            return self._wire.pop()
        except IndexError:
            return b""

    def complete(self) -> None:
        """Settle with the response."""
        response = self.response
        if self.done() or response is None:
            return
        response.events = tuple(self.events)
        if response.ok:
            self._settle(response, None)
            return
        # A CLI command that fails is answered with "Command output follows": what it printed says why.
        text = response.output.strip() or response.message or "no message"
        if text == "Permission denied":
            # process_message in main/manager.c says no more than that.
            text += f": write= of the AMI user lacks its class (the CLI's 'manager show command {self.name}' names it)."
        self.set_exception(ActionFailed(f"{self.name} refused: {text}", response=response, server=self.server))

    def disown(self, error: AmiError) -> None:
        """Settle it in a forked child: the answer, and whoever waits for it, are the parent's."""
        if not self.done():
            # The parent may have held its lock at the fork, or have begun to settle it; and it calls these functions.
            self._open, self._waited_on = [True], None
            self._done_callbacks.clear()
            self.set_exception(error)

    def fail(self, error: AmiError) -> None:
        """Settle with an error; or move on, if nothing was handed over for writing and there is another server."""
        if self.done():
            return
        unreached = self.position is None and isinstance(error, ConnectionError)
        if unreached and self.reroute is not None and self.reroute(self):
            return
        if isinstance(error, ConnectionLost):
            error.events = tuple(self.events)
        with suppress(InvalidStateError):  # another thread has cancelled or refused it at this moment
            self.set_exception(error)
