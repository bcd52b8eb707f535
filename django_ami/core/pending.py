"""An action under way, as its sender holds it.

It stands on one of the private names that ``promise`` lists:
``concurrent.futures.Future._done_callbacks``.
"""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final, Protocol

from django_ami.core.arguments import callable_of
from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    AmiError,
    ConnectionLost,
    WouldBlock,
)
from django_ami.core.messages import Response
from django_ami.core.promise import UNSETTLED, Promise, completion, in_running_loop
from django_ami.core.timeouts import in_seconds, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from django_ami.core.messages import Event
    from django_ami.core.timeouts import Timeout

__all__ = ["GRACE_SECONDS", "LAST_LOOK_SECONDS", "Owner", "PendingAction"]

#: How long behind an action's own deadline a wait ends, even if the action is still not settled.
GRACE_SECONDS: Final = 5.0
#: How long the last part of a wait is. It is waited apart: a process that was stopped in the first
#: part, until its time was over, has yet to read the bytes that came meanwhile.
LAST_LOOK_SECONDS: Final = 0.25


class Owner(Protocol):
    """The methods of its client that a PendingAction needs."""

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs."""

    def expect(self, pending: PendingAction) -> bool:
        """A caller wants the answer as soon as it is there, and does not wait in a thread.

        False in a forked child: the answer comes in the parent.
        """

    def may_poll(self) -> bool:
        """True if a coroutine that awaits the answer is first to ``poll``, in its next step."""

    def poll(self, pending: PendingAction) -> None:
        """Look for a moment whether the answer comes. The event loop stands still meanwhile."""

    def before_wait(self, pending: PendingAction, timeout: float) -> float:
        """The calling thread is about to wait: say what is left of its time when this returns.

        It may be over by then. It is negative in a forked child. Raises WouldBlock if the wait can
        never end.
        """

    def holds_here(self) -> bool:
        """False in a forked child: the parent has the actions, and may send them at any moment."""

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left: nothing waits for it any more."""


class PendingAction(Promise[Response]):
    """An action under way: a ``concurrent.futures.Future`` of its Response which is also awaitable.

    ``pending.result(timeout=5)`` in a thread, ``await pending`` in a coroutine,
    ``pending.on_complete(function)`` for neither. ``cancel`` withdraws it while nothing of it has
    left: bytes on the wire cannot be taken back.
    """

    #: The server's answer, also one that says Error; None until it is known.
    response: Response | None = None
    #: The items of the answer's list, as far as they came; empty while it is under way.
    events: Sequence[Event] = ()

    def __init__(
        self,
        name: str,
        action_id: str,
        unsent: list[bytes],
        server: str,
        timeout: float,
        owner: Owner | None = None,
    ) -> None:
        # Not super().__init__(): a call less for each action.
        self._done_callbacks = [UNSETTLED]
        self.name = name
        self.action_id = action_id
        #: The server that it is for, by name.
        self.server = server
        #: Within how many seconds the answer must have come.
        self.timeout = timeout
        #: Its request's: the bytes, until a thread takes them out, to write them or to cancel.
        self._unsent = unsent
        self._owner = owner

    # --- its outcome ---

    def result(self, timeout: Timeout | None = None) -> Response:
        """Wait for the answer and return it.

        ``timeout`` is how long to wait here, in seconds or as a timedelta (None: until the action's
        own deadline; ValueError for anything else). The action goes on when this wait ends, so the
        ActionTimeout then has ``sent=True``, even if it has not left yet: it still may. Raises
        ActionTimeout if no answer came, ActionFailed if the server said Error, ConnectionLost,
        ConnectionFailed, AuthenticationFailed, Backpressure or ProtocolError; ActionCancelled after
        ``cancel``; WouldBlock on a thread that must not wait, and always in a running event loop:
        write ``await`` there. Only behind an ``await`` of this action, or in a function that was
        given for its end, ``result`` gives there what is known already.
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
    def error(self) -> AmiError | None:
        """The error that it ended with; None if it is under way, or has a good answer."""
        error = super().exception(0) if self.done() else None
        return error if isinstance(error, AmiError) else None

    @property
    def sent(self) -> bool:
        """Whether any of the action has left this process, or may leave at any moment.

        If False, ``cancel`` is in time.

        Of an action that is over it is what its error says, and True if it was answered.
        """
        if self.done():
            error = super().exception(0)
            return error.sent if isinstance(error, AmiError) else True
        return not self._unsent or not self._is_ours()

    def cancel(self) -> bool:
        """Withdraw the action if nothing of it has left this process; say whether it is withdrawn.

        If True the server never sees it, and ``result``, ``await`` and ``on_complete`` get
        ActionCancelled. If False it is over, or has left: it will be carried out, and its answer
        tells. Safe from any thread; never blocks.
        """
        if self.done() or not self._is_ours():
            return False
        try:
            self._unsent.pop()
        except IndexError:
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
        return self._owner is None or self._owner.holds_here()

    def cancelled(self) -> bool:
        """True once ``cancel`` has withdrawn it."""
        return self.done() and isinstance(super().exception(0), ActionCancelled)

    def on_complete(self, function: Callable[[AmiError | None, Response | None], Any]) -> None:
        """Call ``function(error, response)`` where user code runs, when the action is settled.

        An action that is settled already calls it, too.

        ``error`` is None if the answer is good. An ActionFailed comes with its response. A function
        that raises an error that the client tries again is called again: in a Django project, one
        of the database (``AMI_DISPATCH``). Raises TypeError for what is no function, and for an
        asynchronous one.
        """
        callable_of(function, "on_complete", "error", "response")

        # Nothing in here may refer to self, or a long list stays until the garbage collector comes
        # by.
        def call(settled: Promise[Response]) -> None:
            error = Promise.exception(settled, 0)
            if error is None:
                function(None, Promise.result(settled, 0))
            elif isinstance(error, AmiError):
                function(error, error.response if isinstance(error, ActionFailed) else None)

        told = update_wrapper(call, function)
        if self._owner is not None and self.done():
            self._owner.call_user(completion(told, self))
        else:
            self._when_done(told)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """As in ``concurrent.futures``, but user code never runs on the reactor thread.

        As there, it runs at once, in the calling thread, if the action is settled already. Raises
        TypeError for what is no function, and for an asynchronous one.
        """
        callable_of(fn, "add_done_callback", "pending")
        self._told = True
        self._when_done(fn)

    def _when_done(self, fn: Callable[[Any], object]) -> None:
        if self._owner is None or self.done():
            super().add_done_callback(fn)
            return
        call_user = self._owner.call_user
        if not self._owner.expect(self):
            self._disown_in_child()  # which forgets the functions that the parent calls
        super().add_done_callback(lambda future: call_user(completion(fn, future)))

    def __await__(self) -> Generator[Any, None, Response]:
        if self._owner is not None and not self.done():
            if self._owner.may_poll():
                yield  # other coroutines that are ready may send, too: then nothing is to be polled
                self._owner.poll(self)
            if not self.done() and not self._owner.expect(self):
                self._disown_in_child()
        try:
            return (yield from super().__await__())
        finally:
            del self  # the traceback of an error has this frame: they would hold each other

    def __repr__(self) -> str:
        state = "done" if self.done() else "waiting"
        return f"<PendingAction {self.name} {self.action_id} to {self.server}: {state}>"

    def _wait(self, timeout: Timeout | None) -> None:
        seconds = self.timeout + GRACE_SECONDS if timeout is None else in_seconds(timeout)
        done = self.over
        # Also of an action that is over: whether it is at this moment is a matter of luck.
        if not (done and self._told) and in_running_loop():
            raise WouldBlock(
                f"waiting for {self.name} would stop the event loop that is running here: write "
                "'await pending' instead of 'pending.result()'.",
                server=self.server,
            )
        if done:
            return
        looks = (seconds - LAST_LOOK_SECONDS, LAST_LOOK_SECONDS)
        for look in looks if seconds > LAST_LOOK_SECONDS else (seconds,):
            if self._owner is not None:
                look = self._owner.before_wait(self, look)
                if look < 0:
                    self._disown_in_child()
            if self.over:
                return
            try:
                super().exception(look)
            except TimeoutError:
                continue
            return
        raise ActionTimeout(
            (
                f"no answer to {self.name} in the {in_words(seconds)} that were waited; it is "
                "still under way."
            ),
            server=self.server,
            sent=True,  # if it has not left yet, it still may
        )

    # --- in a forked child ---

    def _disown_in_child(self) -> None:
        """Settle it in a forked child.

        Its answer, and the callers that wait for it, are the parent's.
        """
        if not self.done():
            self._disown(
                ConnectionLost(
                    f"{self.name} is under way in the parent process, from before the fork: its "
                    "answer comes there.",
                    server=self.server,
                    sent=True,  # the parent may still send it
                )
            )
