"""The event loop of the client: calls, timers and sockets, on one thread at a time.

Rule: a callback must not block. ``call_soon`` is the one door for other threads. The clock
is read once per turn, into ``now``. The loop sleeps exactly until the next byte, timer or call: an
idle loop does not tick.

A turn either makes the calls or looks at the sockets. A call mostly writes an action, whose reply
takes a while: the selector would only say that nothing has come yet.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.reactor.bugs import is_from_outside, report_bug
from django_ami.core.reactor.priority import Priority
from django_ami.core.reactor.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.priority import Ready
    from django_ami.core.reactor.runner import Awaited

__all__ = ["Loop"]

#: The longest sleep, an hour: no selector overflows with it.
_LONGEST_SLEEP_SECONDS: Final = 3600.0
#: For a wait on a few sockets: it needs no descriptor of its own, and a closed socket is no error
#: to it.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Loop:
    """An event loop small enough to be read in one go.

    Raises OSError if the system refuses what it needs.
    """

    def __init__(self) -> None:
        #: The time of the turn; and of the last turn that looked at the sockets.
        self.now = self.looked_at = time.monotonic()
        self.selector = selectors.DefaultSelector()
        #: True while a thread sleeps that a call has to wake.
        self.asleep = False
        #: True between the end of a sleep and the end of what was then to do.
        self.busy = False
        #: True while a user's thread runs the loop, to wait for a reply.
        self.guest = False
        #: True if sockets, or idle calls, are left for the next turn.
        self.deferred = False
        #: The calls that wait for their turn. A caller that wakes the loop itself may add to it.
        self.calls: deque[Callable[[], None]] = deque()
        self._after_calls: list[Callable[[], None]] = []
        self._idle_calls: deque[Callable[[], None]] = deque()
        self._made_calls = False
        self.timers = Timers()
        #: The thread that runs the loop now.
        self.thread: int | None = None
        try:
            self._waker, self._wakee = socket.socketpair()
        except OSError:
            self.selector.close()
            raise
        self.priority = Priority(self._wakee.fileno())
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        self.selector.register(self._wakee, selectors.EVENT_READ, self._drain_wake_ups)

    # --- from any thread ---

    def call_soon(self, function: Callable[[], None]) -> bool:
        """Call the function in the next turn; calls keep their order.

        True if a sleeping thread was woken for it.
        """
        self.calls.append(function)
        return self.wake()

    def wake(self) -> bool:
        """Wake the thread that sleeps, in the selector or in what watches it.

        False if none does.
        """
        # The sleeper sets the flag and then looks at the calls. So it sees the call, or this thread
        # sees the flag.
        if not self.asleep:
            return False
        self.asleep = False
        try:  # noqa: SIM105  (suppress() has bytecodes between which an exception from outside may come)
            self._waker.send(b"\0")
        except OSError:
            pass  # full: a wake-up is on its way; closed: no thread is left to wake
        return True

    @property
    def in_thread(self) -> bool:
        """True on the thread that runs the loop now."""
        return self.thread == threading.get_ident()

    # --- in a turn ---

    def call_at(self, when: float, function: Callable[[], None]) -> Timer:
        """Call the function at that time of ``now``'s clock; the Timer can be cancelled."""
        return self.timers.add(when, function)

    def call_after_calls(self, function: Callable[[], None]) -> None:
        """Call the function when all calls of this turn are made, to do once what they all need.

        For calls alone: in a turn without calls nothing looks at it.
        """
        self._after_calls.append(function)

    def call_when_idle(self, function: Callable[[], None]) -> None:
        """Call the function in a turn without an urgent socket, one such function in each turn."""
        self._idle_calls.append(function)
        self.deferred = True

    def watch(self, fileno: int, events: int, function: Callable[[int], None]) -> None:
        """Call ``function(events)`` whenever the socket is ready.

        A second time changes what is waited for.

        Raises OSError if the system refuses to watch it.
        """
        try:
            self.selector.modify(fileno, events, function)
        except KeyError:
            self.selector.register(fileno, events, function)

    def unwatch(self, fileno: int) -> None:
        """Do not call for that socket any more."""
        self.priority.forget(fileno)
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(fileno)

    # --- the turn ---

    def run_once(
        self,
        timeout: float | None = None,
        *,
        select: Callable[[float], Ready] | None = None,
        until: Awaited | None = None,
    ) -> bool:
        """One turn: make the calls, or wait at most ``timeout`` seconds for work, and do it.

        ``select`` waits for the sockets in place of the selector's own function. Once ``until`` is
        over no further socket is served that is not urgent. False if the turn made calls and did
        not look at the sockets.
        """
        self.thread = threading.get_ident()
        self.asleep = False
        if self.calls and not self._made_calls:
            self.make_calls()
            return False
        self._made_calls = False
        self.asleep = True
        ready = (select or self.select)(self.seconds_to_sleep(timeout))
        self.asleep = False
        self.busy = True
        self.now = self.looked_at = time.monotonic()
        # First: a caller that has just subscribed wants the events that are read next
        self._run_calls()
        if len(ready) == 1 and not (self.deferred or self.priority.awaiting or _is_over(until)):
            [(key, events)] = ready  # nobody to stand back for
            self._guard(key.data, events)
        elif ready or self.deferred:
            self._serve(ready, until)
        if self.timers.next <= self.now:
            self._run_timers()
        self.busy = False
        return True

    def make_calls(self) -> None:
        """The turn that makes the calls, and looks at no socket."""
        self.thread = threading.get_ident()
        self._made_calls = self.busy = True
        self.now = time.monotonic()
        self._run_calls()
        if self.timers.next <= self.now:
            self._run_timers()
        self.busy = False

    def seconds_to_sleep(self, timeout: float | None = None) -> float:
        """How long until something is due, at most ``timeout`` seconds; 0 if there are calls."""
        if self.calls:
            return 0.0
        longest = _LONGEST_SLEEP_SECONDS if timeout is None else timeout
        return max(0.0, min(longest, self.timers.next - time.monotonic()))

    def select(self, timeout: float) -> Ready:
        """The sockets that are ready, after at most ``timeout`` seconds."""
        if self.deferred:
            until = self.priority.stands_back_until()
            if timeout and until is not None:
                self._wait_for_urgent(min(timeout, until - time.monotonic()))
            timeout = 0.0
        return self.selector.select(timeout)

    def _wait_for_urgent(self, timeout: float) -> None:
        if timeout > 0:
            watched = self.selector.get_map()
            with _Selector() as selector:
                for fileno in self.priority.urgent:
                    if fileno in watched:
                        selector.register(fileno, watched[fileno].events)
                selector.select(timeout)

    def _serve(self, ready: Ready, until: Awaited | None) -> None:
        """Call for the urgent sockets, and for as many of the others as there is time for.

        Those that are left over are still ready in the next turn.
        """
        priority = self.priority
        # Asked now: a thread that has its reply when the urgent ones are served is to run before
        # the others are.
        awaiting = priority.awaiting
        others: Ready = []
        for one in ready:
            key, events = one
            if key.fd in priority.urgent:
                priority.replying = True
                self._guard(key.data, events)
            else:
                others.append(one)
        if others or self.deferred:
            self._serve_others(others, until, urgent=awaiting)

    def _serve_others(self, others: Ready, until: Awaited | None, *, urgent: bool) -> None:
        """At least one of them, if they need not stand back."""
        self.priority.sort(others)
        end = None if _is_over(until) else self.priority.turn_ends(time.monotonic(), urgent=urgent)
        served = 0
        if end is not None:
            if self._idle_calls:
                self._guard(self._idle_calls.popleft())
            for key, events in others:
                if served and (time.monotonic() >= end or _is_over(until)):
                    break
                self._guard(key.data, events)
                served += 1
        left = others[served:]
        self.priority.leave(left)
        self.deferred = bool(left or self._idle_calls)
        if not self.deferred:
            self.priority.rest_is_served()

    def _run_calls(self) -> None:
        left = len(self.calls)  # calls that they add are made in the next turn
        while left:
            left -= 1
            self._guard(self.calls.popleft())
        while self._after_calls:
            self._guard(self._after_calls.pop())

    def _run_timers(self) -> None:
        for callback in self.timers.due(self.now):
            self._guard(callback)

    def _drain_wake_ups(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(self._wakee.recv(4096)) == 4096:
                pass

    def _guard(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001  (it is told)
            self.let_through(error)
            report_bug(error, function)

    def let_through(self, error: Exception) -> None:
        """Raise the error again if a user's thread runs the loop, and may be meant by it."""
        if self.guest and is_from_outside(error):
            raise error

    # --- the end ---

    def close(self) -> None:
        """Make the calls that are left, and close everything.

        A call that comes later is never made.
        """
        self._run_calls()
        self.abandon()

    def abandon(self) -> None:
        """Close what is ours and call nothing."""
        self.selector.close()
        self._waker.close()
        self._wakee.close()


def _is_over(awaited: Awaited | None) -> bool:
    return awaited is not None and awaited.over
