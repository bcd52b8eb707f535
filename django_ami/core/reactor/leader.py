"""Leader/Followers: a waiting thread runs the loop itself, and wakes no other thread.

Waking a thread costs more than most of what the thread then does. So the reactor thread gives the
loop away while it has nothing to do, and a waiting thread takes it: it *leads* until it has its
reply, the others follow.

The reactor thread::

    SLEEPING ──▶ RUNNING ──▶ PAUSING
       ▲  on the     one turn  │  events gather, or a thread
       │  outer      of the    │  that could have led comes
       │  epoll      loop      │  back; a call ends it, and
       └───────────────────────┘  so does an expected reply

The lock ``_turn`` is held by the thread that runs the loop, for one turn by the reactor thread
(RUNNING) and for as long as it leads by a leader. SLEEPING and PAUSING do not hold it: that is when
a leader gets it.

While a leader polls the sockets, the outer epoll is muted: bytes that arrive wake the leader alone.
The leader unmutes it when it leaves, and the reactor thread makes sure of that before it sleeps
again.
"""

from __future__ import annotations

import math
import selectors
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Final

from django_ami.core.reactor.expected import Expected
from django_ami.core.reactor.outer_epoll import OuterEpoll
from django_ami.core.reactor.pause import COALESCE_SECONDS, Pause
from django_ami.core.reactor.runner import Runner
from django_ami.core.reactor.spin import SPIN_SECONDS, Spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop
    from django_ami.core.reactor.priority import Ready
    from django_ami.core.reactor.runner import Awaited
    from django_ami.core.reactor.traffic import Traffic

__all__ = ["Leader", "Phase"]

#: The arguments of ``acquire`` that do not wait.
_AT_ONCE: Final = (False,)


class Phase(Enum):
    """The activities of the reactor thread."""

    RUNNING = "running"
    SLEEPING = "sleeping"
    PAUSING = "pausing"


class Leader(Runner):
    """Decides which thread runs the loop.

    ``traffic`` and ``is_behind`` are for the ``Pause`` of the reactor thread. ``on_interruption``
    is called in the loop after an exception from outside has cut a turn short: how far that turn
    had come is unknown. Raises OSError if the system refuses a descriptor.
    """

    def __init__(
        self,
        loop: Loop,
        traffic: Traffic,
        *,
        is_behind: Callable[[], bool],
        on_interruption: Callable[[], None],
    ) -> None:
        super().__init__(loop, on_interruption=on_interruption)
        #: True while a leader runs the loop.
        self.led = False
        self._traffic = traffic
        self._pause = Pause(loop, traffic, is_behind=is_behind, is_led=lambda: self.led)
        self._turn = threading.Lock()
        self._outer = OuterEpoll.over(loop.selector)
        #: A selector of gevent or eventlet waits in the event loop of the thread that made it.
        self._for_any_thread = type(loop.selector).__module__ == selectors.BaseSelector.__module__
        #: SLEEPING, and until when at the latest.
        self._outside = False
        self._sleeps_until = math.inf
        #: True while the outer epoll ignores the sockets, since a leader polls them.
        self._muted = False
        self._spin = Spin(loop)
        self._expected = Expected()
        self.call_lazily = loop.call_soon  # type: ignore[assignment]  # a call less for each action

    # --- from any thread ---

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn. Calls keep their order."""
        if not self._loop.call_soon(function) and self._pause.under_way and not self.led:
            self._pause.end()

    def call_here(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn.

        On the calling thread, and now, if no thread runs the loop.

        Not for a thread that may not ``lead``. While a reply is awaited the call can wait, too: the
        next action may leave in the same write.
        """
        loop = self._loop
        loop.calls.append(function)
        if (loop.priority.awaiting or not self.lead(None, None, guest=True)) and loop.asleep:
            loop.wake()

    def expect(self, awaited: Awaited) -> None:
        """A caller waits until it is ``over``, and does not run the loop itself.

        Until then the reactor thread does not pause, and it takes over when a leader leaves.
        """
        # Else the reactor thread is RUNNING, and does not pause while a reply is awaited.
        if self.led or self._pause.under_way:
            self._expected.note(awaited)
            # A leader clears ``led`` and then looks at the set. So it sees this caller, or this
            # thread sees it gone.
            if not self.led:
                self._pause.end()

    def expect_end(self) -> None:
        """A caller waits until the loop is to end: nobody leads any more, so no pause is due."""
        self._pause.contended = False
        super().expect_end()

    def may_poll(self) -> bool:
        """True if a single reply is awaited, and may come within SPIN_SECONDS."""
        return self._spin.is_worthwhile()

    def poll(self, awaited: Awaited) -> None:
        """Lead for SPIN_SECONDS at most, and do not sleep: for a thread with an event loop."""
        # A call is mostly another action, whose reply is awaited, too, once it is made.
        if self._loop.priority.sole is not None and not self._loop.calls:
            self.lead(awaited, SPIN_SECONDS, guest=True, sleepless=True)

    def run_once(self, timeout: float | None) -> None:
        """One turn on the calling thread, for a loop that has no thread of its own."""
        self._traffic.eventful = self._traffic.unread = False
        if not self._loop.priority.awaiting:
            self._loop.run_once(timeout)
            return
        begun = time.monotonic()
        fileno = self._spin.begin(begun)
        self._loop.run_once(timeout, select=self._spin.select if self._spin.until else None)
        self._spin.until = 0.0
        if fileno is not None:
            self._spin.end(fileno, self._loop.now - begun)

    @property
    def phase(self) -> Phase:
        """The activity of the reactor thread now."""
        if self._outside:
            return Phase.SLEEPING
        return Phase.PAUSING if self._pause.under_way else Phase.RUNNING

    @property
    def following(self) -> int:
        """How many callers wait, or have waited, for replies that another thread brings."""
        return len(self._expected)

    @property
    def polling(self) -> bool:
        """True while a leader sleeps until a socket is ready."""
        return self.led and self._loop.asleep

    # --- a leader ---

    def lead(
        self,
        awaited: Awaited | None,
        timeout: float | None,
        *,
        patience: float = 0.0,
        guest: bool = False,
        sleepless: bool = False,
    ) -> bool:
        """Run the loop on the calling thread until ``awaited`` is over, at most for ``timeout``.

        Without ``awaited`` make the calls of one turn, and look at no socket. False if another
        thread runs the loop and does not leave it within ``patience`` seconds, and always with a
        selector that belongs to one thread. A thread that a signal's handler may interrupt anywhere
        must not lead, as the main thread mostly must not. ``guest``: the thread is a user's, and
        waits for a reply.
        """
        if not self._for_any_thread:
            return False
        held = False
        try:
            # ``map`` calls acquire and ``held`` is bound in one bytecode's time: else an exception
            # from outside could come between the two, and the lock would stay acquired for ever.
            [held] = map(self._turn.acquire, _AT_ONCE)
            if not held:
                self._pause.contended = True
                [held] = map(self._turn.acquire, (True,), (patience,))
            if held:
                self.led, self._loop.asleep, self._loop.guest = True, False, guest
                self._spin.sleepless = sleepless
                self._lead(awaited, timeout)
        except BaseException:
            # By PyThreadState_SetAsyncExc. While the leader slept nothing has happened. In the
            # midst of a turn, the reactor thread has to make good what is half done.
            if held and self._loop.busy:
                self._loop.calls.append(self._on_interruption)
            raise
        finally:
            if held:
                self._loop.thread = None
                self.led = self._loop.guest = False
                try:
                    if self._muted:
                        self._unmute()
                finally:
                    if (
                        self._muted
                    ):  # an exception from outside has kept this thread from it just now
                        self._unmute()
                    self._loop.asleep = self._outside
                    self._turn.release()
                self._hand_back()
        return held

    def _lead(self, awaited: Awaited | None, timeout: float | None) -> None:
        loop, traffic = self._loop, self._traffic
        if awaited is None:
            if not self.stopping:
                loop.make_calls()
            return
        begun = time.monotonic()
        fileno = self._spin.begin(begun) if loop.guest else None
        end = None if timeout is None else begun + timeout
        while not (self.stopping or awaited.over):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            traffic.eventful = traffic.unread = False
            loop.run_once(left, select=self._select, until=awaited)
        self._spin.until = 0.0
        if fileno is not None:
            self._spin.end(fileno, loop.now - begun)

    def _select(self, timeout: float) -> Ready:
        """The sockets that are ready, after at most ``timeout`` seconds."""
        if self._outside and self._outer is not None and not self._muted:
            self._muted = True
            self._outer.mute()
        return self._spin.select(timeout) if self._spin.until else self._loop.select(timeout)

    def _unmute(self) -> None:
        if self._muted and self._outer is not None:
            self._outer.unmute()
            self._muted = False

    def _hand_back(self) -> None:
        """No thread leads any more: wake the reactor thread for work that it does not know of."""
        loop = self._loop
        is_early = self._outside and loop.timers.next < self._sleeps_until
        needed = loop.deferred or loop.calls or self.stopping or is_early
        if (needed or (self._expected and self._expected.is_any())) and not loop.wake():
            self._pause.end()

    # --- the reactor thread ---

    def run(self) -> None:
        """Run the loop on the calling thread, the reactor thread, until it is ``stopping``.

        An error of a turn does not end it.
        """
        super().run()
        with self._turn:
            pass  # a leader may be in the midst of the turn that ended the loop

    def _run(self) -> None:
        # As a turn that failed may have left them.
        self._outside = self._pause.under_way = False
        paused = False
        while not self.stopping:
            # After a pause there is mostly something to read, and after a sleep there is something
            # to do.
            at_once = paused or self._sleep_outside()
            with self._turn:
                self._expected.clear()
                self._traffic.eventful = self._traffic.unread = False
                self._run_turn(0.0 if at_once else None)
            paused = self._pause.take()

    def _sleep_outside(self) -> bool:
        """Sleep on the outer epoll until there is something to do.

        False if the turn itself has to sleep.
        """
        loop, outer = self._loop, self._outer
        if outer is None or loop.calls or loop.deferred or loop.priority.awaiting:
            return False
        with self._turn:
            self._unmute()
            loop.asleep = True
            self._sleeps_until = loop.timers.next
            self._outside = True
            seconds = 0.0 if loop.deferred else loop.seconds_to_sleep()
        outer.sleep(seconds)
        while (
            self.led and self._muted
        ):  # a call or a timer woke this thread, and the leader sees to it
            # From here on the leader wakes this thread for what is due earlier; or this thread sees
            # it itself.
            self._sleeps_until = math.inf
            self._sleeps_until = loop.timers.next
            outer.sleep(max(COALESCE_SECONDS, loop.seconds_to_sleep()))
        self._outside = False
        return True

    # --- the end ---

    def abandon(self) -> None:
        """End without a word: the loop is another process's."""
        super().abandon()
        if self._outer is not None:
            self._outer.close()

    def close(self) -> None:
        """Make the calls that are left, and end. A call that comes later is never made."""
        super().close()
        if self._outer is not None:
            self._outer.close()
