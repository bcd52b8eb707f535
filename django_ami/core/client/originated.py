"""A call that was originated, as its caller holds it: its state, and its outcome in the end."""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from django_ami.core.actions import Hangup
from django_ami.core.arguments import callable_of
from django_ami.core.errors import (
    ActionTimeout,
    AmiError,
    ConnectionLost,
    InvalidAction,
    WouldBlock,
)
from django_ami.core.progress import OriginateState
from django_ami.core.promise import Promise, completion, in_running_loop
from django_ami.core.timeouts import in_seconds, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from django_ami.core.call_outcome import CallOutcome
    from django_ami.core.client.originating import Calling
    from django_ami.core.pending import PendingAction
    from django_ami.core.progress import Progress
    from django_ami.core.timeouts import Timeout

__all__ = ["Awaited", "NoAction", "OriginatedCall"]

Result = TypeVar("Result")

#: A wait without an end is made of waits of this length.
_LONGEST_WAIT_SECONDS: Final = 60.0


class Underway(Protocol):
    """The methods of the action about a call that the call needs."""

    @property
    def server(self) -> str: ...
    def done(self) -> bool: ...
    def cancel(self) -> bool: ...


class NoAction:
    """No action of this process is about the call: another process made and follows it."""

    def __init__(self, server: str) -> None:
        self.server = server

    def done(self) -> bool:
        """There is nothing to wait for."""
        return True

    def cancel(self) -> bool:
        """There is nothing to withdraw."""
        return False


class Awaited(Promise[Result]):
    """Something about a call that is known later.

    Write ``result(timeout)`` in a thread, ``await`` in a coroutine.
    """

    def __init__(self, name: str, owner: Calling, pending: Underway) -> None:
        super().__init__()
        self.name = name
        self._owner = owner
        self._pending = pending

    @property
    def server(self) -> str:
        """The server that the call is on, by name."""
        return self._pending.server

    def result(self, timeout: Timeout | None = None) -> Result:
        """Wait for it and return it.

        ``timeout`` is in seconds, or a timedelta; None waits until it is known, for which the call
        itself has an end. Raises ActionTimeout if it is not known by then, WouldBlock on a thread
        that must not wait, and always in a running event loop: write ``await`` there. Only behind
        an ``await`` of it, or in a function that was given for its end, ``result`` gives there what
        is known already.
        """
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: Timeout | None = None) -> BaseException | None:
        """Wait as ``result`` does, and return the error, or None."""
        self._wait(timeout)
        return super().exception(0)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """As in ``concurrent.futures``, but ``fn`` never runs on the reactor thread.

        It runs at once, in the calling thread, if it is known already. Raises TypeError for what is
        no function, and for an asynchronous one.
        """
        callable_of(fn, "add_done_callback", "known")
        self._told = True
        self._disown_in_child()
        call_user = self._owner.call_user
        super().add_done_callback(
            fn if self.done() else lambda known: call_user(completion(fn, known))
        )

    def __await__(self) -> Generator[Any, None, Result]:
        self._disown_in_child()
        return super().__await__()

    def _wait(self, timeout: Timeout | None) -> None:
        seconds = None if timeout is None else in_seconds(timeout)
        done = self.done()
        # Also if it is known already: whether it is at this moment is a matter of luck.
        if not (done and self._told) and in_running_loop():
            raise WouldBlock(
                f"waiting for {self.name} would stop the event loop that is running here: write "
                "'await'.",
                server=self.server,
            )
        self._disown_in_child()
        left = seconds
        while not self.done():
            part = _LONGEST_WAIT_SECONDS if left is None else min(left, _LONGEST_WAIT_SECONDS)
            # It may be settled by any thread: by the one that follows another process's listener.
            rest = self._owner.before_wait(self, part, lead=False)
            try:
                super().exception(rest)
            except TimeoutError:
                left = None if left is None else left - part
                if left is not None and left <= 0:
                    raise ActionTimeout(
                        f"{self.name} is not known within {in_words(seconds or 0)}; the call goes "
                        "on.",
                        server=self.server,
                        sent=True,
                    ) from None

    def __str__(self) -> str:
        return self.name

    def _disown_in_child(self) -> None:
        if not self.done() and not self._owner.holds_here():
            self._disown(
                ConnectionLost(
                    f"{self.name} is followed by the parent process, from before the fork.",
                    server=self.server,
                    sent=True,
                )
            )


class OriginatedCall:
    """A call that ``originate`` has made, or that ``call`` looks for by its ``id``.

    ``await call`` or ``call.wait(timeout)`` is its outcome; ``await call.answered()`` says whether
    it was answered as soon as that is known. ``id`` is the Uniqueid of its first channel, and the
    Linkedid of all of them: it may be stored, and any process may find the call by it.
    """

    def __init__(
        self,
        owner: Calling,
        progress: Progress,
        pending: Underway,
        over: Callable[[], None],
    ) -> None:
        self.id = progress.id
        #: The action looks for the call, and does not make it.
        self._search = False
        self._owner = owner
        self._over = over
        self._progress = progress
        self._pending = pending
        self._ended: Awaited[CallOutcome] = Awaited(f"the end of {self}", owner, pending)
        self._answered: Awaited[bool] = Awaited(f"the answer to {self}", owner, pending)
        self._listeners: dict[object, Callable[[OriginatedCall, OriginateState], Any]] = {}
        progress.listener = self._change

    # --- the call as it is known ---

    @property
    def server(self) -> str:
        """The server that it is on, by name. Until it has left, that may change."""
        return self._pending.server

    @property
    def state(self) -> OriginateState:
        """How far it is."""
        return self._progress.state

    @property
    def outcome(self) -> CallOutcome | None:
        """The outcome of the call; None as long as it goes on."""
        return self._progress.outcome

    @property
    def error(self) -> AmiError | None:
        """Why it was not made, or why nothing is known of it; None if nothing went wrong."""
        return self._progress.error

    @property
    def note(self) -> str:
        """Why less than usual is known of it, with the cure; empty if there is nothing to say."""
        return self._progress.note

    @property
    def gone(self) -> bool:
        """True if its end was concluded from a list of the server, which has no such call."""
        return self._progress.gone

    # --- waiting ---

    def wait(self, timeout: Timeout | None = None) -> CallOutcome:
        """Wait until it has ended, and return what became of it.

        ``timeout`` is in seconds, or a timedelta; None waits for as long as the call lasts. A call
        that failed, or was never made, is an outcome like all others. Raises ActionTimeout if it
        goes on, and WouldBlock in a running event loop: write ``await call`` there, or look at
        ``call.outcome``.
        """
        return self._ended.result(timeout)

    def __await__(self) -> Generator[Any, None, CallOutcome]:
        return self._ended.__await__()

    def answered(self) -> Awaited[bool]:
        """Whether two parties talk: True when they do, False when it is clear that they never will.

        ``await call.answered()``, or ``call.answered().result(timeout)`` in a thread. A call to an
        application is answered when the first party picks up.
        """
        return self._answered

    def on_change(self, function: Callable[[OriginatedCall, OriginateState], Any]) -> None:
        """Call ``function(call, state)`` at each change from now on, where user code runs.

        If the call has ended already, it is called once, with that state. Raises TypeError for what
        is no function, and for an asynchronous one.
        """
        callable_of(function, "on_change", "call", "state")
        key = object()
        self._listeners[key] = function
        if self._progress.ended:
            self._tell_end(key)

    # --- ending it ---

    def hangup(self) -> None:
        """End it: withdraw it if it has not left, else hang up its channels. Never blocks.

        The outcome tells when it is over. Does nothing if it is.
        """
        progress = self._progress
        if progress.ended:
            return
        progress.unwanted = True  # also if its channel is only about to come
        if self._search and not self._pending.done():
            return  # its channels are hung up when they are found
        if self._pending.cancel() or not self._owner.holds_here():
            return
        for channel in progress.channels:
            with suppress(InvalidAction):  # an id that the server gave, and does not take
                self._owner.send(Hangup(channel), server=self.server)

    # --- told by the connection ---

    def searched(self, pending: PendingAction) -> None:
        """This action looks for the call on its server from now on."""
        self._pending, self._search = pending, True

    def _change(self, progress: Progress) -> None:
        state, outcome = progress.state, progress.outcome
        if not self._answered.done():
            if outcome is not None:
                _settle(self._answered, outcome.answered)
            elif state is OriginateState.ANSWERED or (
                progress.single and state is OriginateState.PICKED_UP
            ):
                _settle(self._answered, True)
        for key, function in list(self._listeners.items()):
            if outcome is None:
                self._tell(function, state)
            else:
                self._tell_end(key)
        if outcome is not None and _settle(self._ended, outcome):
            self._over()

    def _tell_end(self, key: object) -> None:
        """Of two threads that come to tell it, one finds the function."""
        function = self._listeners.pop(key, None)
        if function is not None:
            self._tell(function, OriginateState.ENDED)

    def _tell(
        self, function: Callable[[OriginatedCall, OriginateState], Any], state: OriginateState
    ) -> None:
        self._owner.call_user(completion(function, self, state))

    def __str__(self) -> str:
        return f"the call {self.id}"

    def __repr__(self) -> str:
        return f"<OriginatedCall {self.id} on {self.server}: {self.state}>"


def _settle(known: Awaited[Result], result: Result) -> bool:
    """False if it is known already: two threads may come to tell it."""
    try:
        known.set_result(result)
    except InvalidStateError:
        return False
    return True
