"""Which answer belongs to which action: the ActionIDs, ``PendingAction``, and the registry of those unanswered.

Rule: every action is settled exactly once: by its answer, by its deadline, or by the end of the connection. An answer
is found by its ActionID alone; whatever carries an ActionID of somebody else is none of our business.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import deque
from concurrent.futures import Future, InvalidStateError
from concurrent.futures._base import FINISHED, RUNNING
from contextlib import suppress
from functools import partial, update_wrapper
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from weakref import WeakKeyDictionary, ref

from django_ami.core.errors import ActionFailed, ActionTimeout, AmiError, Backpressure, ConnectionLost, ProtocolError
from django_ami.core.messages import Event, Response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

    from django_ami.core.actions import Action

__all__ = ["ActionIds", "PendingAction", "PendingActions"]


logger = logging.getLogger(__name__)


class ActionIds:
    """ActionIDs that no other client has, on whatever host: 64 random bits and a counter, about 20 bytes long.

    They must be unique among *all* clients of a server, because OriginateResponse and UserEvent are broadcast with the
    ActionID of whoever asked; and at most 64 bytes of ``[A-Za-z0-9_.:-]``, because several list actions echo them from
    small buffers (action_confbridgelist in apps/app_confbridge.c).
    """

    def __init__(self) -> None:
        self.prefix = f"{secrets.token_hex(8)}-"
        self._next = count(1).__next__

    def __call__(self) -> str:
        """The next one; safe from any thread."""
        return f"{self.prefix}{self._next()}"


class Owner(Protocol):
    """What a PendingAction needs of the client that made it."""

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs."""

    def before_wait(self, pending: PendingAction, timeout: float | None) -> None:
        """The calling thread is about to wait: raise WouldBlock if that can never end."""


class Promise(Future[Response]):
    """A ``concurrent.futures.Future`` that makes its condition variable only when somebody waits.

    Two rules take the place of the lock. Whoever settles takes ``_open`` out of the dictionary first, which one thread
    alone can; and sets the state before it looks for a condition, while whoever waits makes the condition before it
    looks at the state. It is running from the beginning, so it cannot be cancelled.
    """

    def __init__(self) -> None:
        # Not super().__init__(): the condition variable is half the cost of an action.
        self._state = RUNNING
        self._open = True
        self._result: Response | None = None
        self._exception: BaseException | None = None
        self._waiters: list[Any] = []
        self._done_callbacks: list[Callable[[Future[Response]], object]] = []

    @property
    def _condition(self) -> Any:  # type: ignore[override]  # what the functions of concurrent.futures lock and wait on
        return self.__dict__.get("_waited_on") or self.__dict__.setdefault("_waited_on", Future()._condition)  # noqa: SLF001

    def done(self) -> bool:
        """True once it is settled."""
        return self._state == FINISHED

    def set_result(self, result: Response) -> None:
        self._settle(result, None)

    def set_exception(self, exception: BaseException | None) -> None:
        self._settle(None, exception)

    def _settle(self, result: Response | None, exception: BaseException | None) -> None:
        if self.__dict__.pop("_open", None) is None:
            raise InvalidStateError(f"{self!r} is settled already")
        self._result, self._exception = result, exception
        self._state = FINISHED
        condition = self.__dict__.get("_waited_on")
        if condition is not None:
            with condition:
                for waiter in self._waiters:
                    (waiter.add_result if exception is None else waiter.add_exception)(self)
                condition.notify_all()
        self._invoke_callbacks()

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        self._done_callbacks.append(fn)
        if self._state == FINISHED:
            self._invoke_callbacks()

    def _invoke_callbacks(self) -> None:
        # Each is taken out by one thread alone, whether it settles or came when all was settled.
        while self._done_callbacks:
            with suppress(IndexError):
                callback = self._done_callbacks.pop(0)
                try:
                    callback(self)
                except Exception:
                    logger.exception("calling %r for %r failed", callback, self)


class PendingAction(Promise):
    """An action under way: a ``concurrent.futures.Future`` of its Response which is also awaitable.

    ``pending.result(timeout=5)`` in a thread, ``await pending`` in a coroutine, ``pending.on_complete(function)`` for
    neither. It cannot be cancelled: what is on the wire is on the wire.
    """

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
        self.wire = wire
        self.deadline = 0.0
        self.position: int | None = None
        self.response: Response | None = None
        self.events: list[Event] = []
        #: Finds another server for an action that could not leave; None if it may go to none but this.
        self.reroute: Callable[[PendingAction], bool] | None = None
        self._owner = owner

    # --- for users ---

    def result(self, timeout: float | None = None) -> Response:
        """Wait for the answer and return it.

        ``timeout`` is how long to wait here, in seconds (None: until the action's own deadline). Raises ActionTimeout
        if no answer came, ActionFailed if the server said Error, ConnectionLost, ConnectionFailed,
        AuthenticationFailed, Backpressure or ProtocolError; WouldBlock on a thread that must not wait, and in a running
        event loop: write ``await`` there.
        """
        self._wait(timeout)
        try:
            return super().result(0)
        finally:
            del self  # the traceback of an error has this frame: they would hold each other

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait as ``result`` does, and return the error, or None."""
        self._wait(timeout)
        return super().exception(0)

    def on_complete(self, function: Callable[[AmiError | None, Response | None], Any]) -> None:
        """Call ``function(error, response)`` when it is settled, where user code runs: never on the reactor thread.

        ``error`` is None if the answer is good. An ActionFailed comes with its response.
        """

        # Nothing in here may refer to self, or a long list stays until the garbage collector comes by.
        def call(settled: Future[Response]) -> None:
            error = settled.exception(0)
            if error is None:
                function(None, settled.result(0))
            elif isinstance(error, AmiError):
                function(error, error.response if isinstance(error, ActionFailed) else None)

        self.add_done_callback(update_wrapper(call, function))

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """As in ``concurrent.futures``, but the function runs where user code runs, never on the reactor thread."""
        if self._owner is None or self.done():
            super().add_done_callback(fn)
            return
        call_user = self._owner.call_user
        super().add_done_callback(lambda future: call_user(partial(fn, future)))

    def __await__(self) -> Generator[Any, None, Response]:
        if not self.done():
            yield from _Awaiting.in_this_loop().future_of(self)
        try:
            return super().result(0)
        finally:
            del self  # as in result

    def __repr__(self) -> str:
        state = "done" if self.done() else "waiting"
        return f"<PendingAction {self.name} {self.action_id} to {self.server}: {state}>"

    def _wait(self, timeout: float | None) -> None:
        if self.done():
            return
        if self._owner is not None:
            self._owner.before_wait(self, timeout)
        try:
            super().exception(timeout)
        except TimeoutError:
            raise ActionTimeout(
                f"no answer to {self.name} in the {timeout:g} s that were waited; it is still under way.",
                server=self.server,
                sent=self.position is not None,
            ) from None

    # --- for the session ---

    def complete(self) -> None:
        """Settle with the response."""
        response = self.response
        if self.done() or response is None:
            return
        response.events = tuple(self.events)
        if response.ok:
            self.set_result(response)
            return
        # A CLI command that fails is answered with "Command output follows": what it printed says why.
        text = response.output.strip() or response.message or "no message"
        if text == "Permission denied":
            # process_message in main/manager.c says no more than that.
            text += f": write= of the AMI user lacks its class (the CLI's 'manager show command {self.name}' names it)."
        self.set_exception(ActionFailed(f"{self.name} refused: {text}", response=response, server=self.server))

    def fail(self, error: AmiError) -> None:
        """Settle with an error; or move on, if nothing was handed over for writing and there is another server."""
        unreached = self.position is None and isinstance(error, ConnectionError)
        if unreached and self.reroute is not None and self.reroute(self):
            return
        if not self.done():
            if isinstance(error, ConnectionLost):
                error.events = tuple(self.events)
            self.set_exception(error)


class _Awaiting:
    """Those who await in one event loop. A loop is woken once for all answers that come together."""

    _loops: ClassVar[WeakKeyDictionary[Any, _Awaiting]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._settled: deque[asyncio.Future[None]] = deque()
        self._told = False

    @classmethod
    def in_this_loop(cls) -> _Awaiting:
        """That of the running loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        return cls._loops.get(loop) or cls._loops.setdefault(loop, cls(loop))

    def future_of(self, pending: PendingAction) -> asyncio.Future[None]:
        """A future of this loop that is done when the action is settled."""
        loop = self._loop()
        assert loop is not None  # noqa: S101  (it is running)
        waiter = loop.create_future()
        Promise.add_done_callback(pending, lambda _: self._wake(waiter))
        return waiter

    def _wake(self, waiter: asyncio.Future[None]) -> None:
        self._settled.append(waiter)
        # The loop takes the flag down before it looks; so what is added behind its back is seen, or told anew.
        if not self._told:
            self._told = True
            loop = self._loop()
            # A loop that is closed by now has nobody who waits.
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._told = False
        while self._settled:
            waiter = self._settled.popleft()
            if not waiter.done():
                waiter.set_result(None)


class PendingActions:
    """The actions of one connection that are not settled yet."""

    def __init__(self, prefix: str, *, server: str, most: int, most_items: int) -> None:
        self.server = server
        self.late = 0
        self.unmatched = 0
        self._most = most
        self._most_items = most_items
        self.mark = b"\r\nActionID: " + prefix.encode()
        self._find_id = re.compile(re.escape(self.mark) + rb"\d+(?=\r\n|$)")
        self._prefix = prefix
        self._by_id: dict[str, PendingAction] = {}
        self._unanswered: dict[str, PendingAction] = {}
        self._deadlines: list[tuple[float, int, PendingAction]] = []
        self.listing: PendingAction | None = None
        self._overdue = False
        self._tie = count()

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, pending: PendingAction, now: float) -> None:
        """Watch over an action from now on; raises Backpressure if there are too many."""
        if len(self._by_id) >= self._most:
            raise Backpressure(
                f"{self._most} actions are unanswered (option max_pending_actions): {pending.name} was not sent. "
                "Wait for answers, or raise the option.",
                server=self.server,
            )
        pending.deadline = pending.deadline or now + pending.timeout  # of the first server it was for
        self._by_id[pending.action_id] = pending
        heappush(self._deadlines, (pending.deadline, next(self._tie), pending))
        if len(self._deadlines) > 2 * len(self._by_id) + 64:
            self._deadlines = [entry for entry in self._deadlines if not entry[2].done()]
            heapify(self._deadlines)

    def written(self, pending: PendingAction) -> None:
        """It was handed over for writing: from now on the server may be running it."""
        self._unanswered[pending.action_id] = pending

    def match(self, response: Response) -> None:
        """Settle the action that this is the response to, unless it says that there is more to come."""
        self._overdue = False
        action_id = response.get("ActionID", "")
        pending = self._unanswered.pop(action_id, None)
        if pending is None:
            # A second response (JabberSend sends two), one after the deadline, or the answer to a request without
            # ActionID, such as the server's complaint about a line that it could not read.
            if action_id.startswith(self._prefix):
                self.late += 1
            else:
                self.unmatched += 1
            return
        pending.response = response
        is_list = b"\r\neventlist:" in response.raw.lower() and response.get("EventList", "").lower() == "start"
        if not response.ok or not (is_list or pending.final_event):
            self.discard(pending).complete()
        elif is_list:
            self.listing = pending

    def claim(self, event: Event) -> bool:
        """True if the event belongs to an answer of ours, or did: then it is nothing to tell receivers of.

        Whoever looks for ``mark`` in it, and whether there is a ``listing``, spares the call.
        """
        if self.mark in event.raw:
            return self._claim(event)
        return self.listing is not None and self._adopt(event, self.listing)

    def _adopt(self, event: Event, listing: PendingAction) -> bool:
        """True if it is an item of the list under way though it does not say so.

        Those of IAXpeers carry no ActionID (_iax2_show_peers_one in channels/chan_iax2.c). A list is written in one go,
        and what is sent to everybody has a Privilege.
        """
        if b"\r\nPrivilege: " in event.raw or b"\r\nActionID: " in event.raw:
            return False
        self._collect(listing, event)
        return True

    def _claim(self, event: Event) -> bool:
        # Some names are list items and broadcasts both (DeviceStateChange); only Status items have a Privilege, too.
        broadcast = b"\r\nPrivilege: " in event.raw and event.name != "Status"
        found = self._find_id.search(event.raw)
        pending = self._by_id.get(found[0][len(b"\r\nActionID: ") :].decode()) if found else None
        if pending is None or pending.response is None:
            self.late += not broadcast
            return not broadcast
        if event.name == pending.final_event:
            pending.response.final_event = event
            self.discard(pending).complete()
            return not broadcast
        if pending.final_event:
            return not broadcast
        self._collect(pending, event)
        return True

    def _collect(self, pending: PendingAction, event: Event) -> None:
        if b"\r\nEventList: " in event.raw and pending.response is not None:
            pending.response.final_event = event
            self.discard(pending).complete()
        elif len(pending.events) < self._most_items:
            pending.events.append(event)
        else:
            self.discard(pending).fail(
                ProtocolError(
                    f"the list of {pending.name} has more than {self._most_items} items (option max_list_items): "
                    "ask for less, or raise the option.",
                    server=self.server,
                    sent=True,
                )
            )

    def oversized(self, action_id: str | None, limit: int) -> None:
        """A message of an answer was larger than ``limit`` bytes and is gone.

        If nothing says whose it was, it was an item of the list under way, if there is one: one action at a time, and
        many items have their ActionID at the end (QueueMember, Status, DBGetResponse).
        """
        mine = self._by_id.get(action_id or "")
        for pending in [mine] if mine else [] if action_id else self._lists():
            self.discard(pending).fail(
                ProtocolError(
                    f"the answer to {pending.name} is larger than {limit} bytes (option max_frame_size): ask for less, "
                    "or raise the option.",
                    server=self.server,
                    sent=True,
                )
            )

    def _lists(self) -> list[PendingAction]:
        return [pending for pending in self._by_id.values() if pending.response is not None and not pending.final_event]

    def expire(self, now: float) -> int:
        """Fail the actions whose time is over; says how many."""
        expired = 0
        while self._deadlines and (self._deadlines[0][2].done() or self._deadlines[0][0] <= now):
            pending = heappop(self._deadlines)[2]
            if not pending.done():
                expired += 1
                self._overdue = self._overdue or pending is self.running()
                self.discard(pending).fail(self._timeout(pending))
        return expired

    def _timeout(self, pending: PendingAction) -> ActionTimeout:
        if pending.position is None:
            text = "it was never sent, so it is safe to repeat."
        elif pending.response is not None and pending.final_event:
            cure = ": does the AMI user have read=call?" if pending.final_broadcast else "."
            text = f"it was accepted, but no {pending.final_event} came{cure}"
        else:
            text = "it was sent, so it may have been carried out: look before you repeat it."
        return ActionTimeout(
            f"no answer to {pending.name} within {pending.timeout:g} s; {text}",
            server=self.server,
            sent=pending.position is not None,
        )

    def next_deadline(self) -> float | None:
        """When ``expire`` has something to do."""
        while self._deadlines and self._deadlines[0][2].done():
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def running(self) -> PendingAction | None:
        """The oldest action without a response: the one that the server is running, if it runs one.

        One thread per connection does everything, one action at a time (do_message in main/manager.c). Once that one's
        time is over, none is known to be running until the server answers something: else those behind it, each with
        a later deadline, would excuse the silence of a dead server for ever.
        """
        return None if self._overdue else next(iter(self._unanswered.values()), None)

    def fail_all(self, error: Callable[[PendingAction], AmiError]) -> int:
        """Fail every action, each with its own error; says how many there were."""
        pendings = list(self._by_id.values())
        self._by_id.clear()
        self._unanswered.clear()
        self._deadlines.clear()
        self.listing = None
        self._overdue = False
        for pending in pendings:
            pending.fail(error(pending))
        return len(pendings)

    def discard(self, pending: PendingAction) -> PendingAction:
        """Watch over it no more; whoever calls settles it."""
        self._by_id.pop(pending.action_id, None)
        self._unanswered.pop(pending.action_id, None)
        if pending is self.listing:
            self.listing = None
        return pending
