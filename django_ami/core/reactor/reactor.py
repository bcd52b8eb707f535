"""The turns, the calls, the wake-up, and THE clock.

Rule: one thread at a time turns the reactor; what it calls must not block. Others call what is "from any thread".
The clock is read once per turn, into ``now``. It sleeps exactly until the next byte, timer or call: no tick while idle.

That thread is its own (``run``). But while that one sleeps or rests, a thread that waits for something may turn it
instead (``lead``), and what it waits for wakes nobody but itself::

     watch (sleep) ──▶ take a turn ──▶ rest for 10 ms, if events were read, or somebody who could lead had to wait
        ▲                                │   a call, or somebody who waits and cannot lead (``expect``), ends it;
        └────────────────────────────────┘   so does its time, which begins anew with each turn of a leader
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.reactor.sockets import Sockets
from django_ami.core.reactor.timers import Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reactor"]

logger = logging.getLogger(__name__)

#: A wait without an end is none: at the latest after so many seconds the loop looks around.
_LONGEST_SLEEP: Final = 3600.0
#: So long, in seconds, its own thread rests: events gather while nobody waits for an answer, and who has just got one
#: may come back and lead.
REST: Final = 0.01
#: So long, in seconds, it lets receivers of a flood catch up between two reads: they then have what was just read, and
#: not what was read long ago, which costs half as much again. It still reads 100,000 events per second, more than
#: Asterisk can write.
CATCH_UP: Final = 0.001
#: So long, in seconds, other threads have the interpreter between two turns that had too much to do.
BREATH: Final = 0.0001
#: What to give to ``acquire``: not to wait.
_AT_ONCE: Final = (False,)
#: Those who waited and did not lead are forgotten at the latest when they are so many more than those who still do.
_MANY_EXPECTED: Final = 64


def _never() -> bool:
    return False


class Reactor:
    """An event loop small enough to be read in one go."""

    def __init__(self) -> None:
        self.now = self._looked_at = time.monotonic()
        #: Nobody turns it any more, but to close it.
        self.stopping = False
        self.closed = False
        self._calls: deque[Callable[[], None]] = deque()
        self._afterwards: list[Callable[[], None]] = []
        self._timers = Timers()
        self._due = math.inf
        self._asleep = False
        #: Its own thread sleeps and does not hold the turn, until something is due at the latest.
        self._on_watch = False
        self._watch_ends = math.inf
        #: Whoever leads looks at the sockets, and has closed its eyes.
        self._relieved = False
        self._thread: int | None = None
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        #: To be watched, in a turn.
        self.sockets = Sockets(self._guard, self._wakee.fileno(), self._drain_wakeups)
        self._lookout = self.sockets.lookout
        self._made_calls = False
        self._busy = False
        #: What to do when a turn was cut short, so that nobody knows what it has done and what not.
        self.on_interruption: Callable[[], None] = lambda: None
        #: Whether those who receive events have not had yet all that were read.
        self.is_behind: Callable[[], bool] = lambda: False
        #: Held by whoever turns it.
        self._turning = threading.Lock()
        self._led = False
        #: Whoever turns it waits for an answer, and for no event.
        self.asking = False
        #: What a leader waits for.
        self._is_over: Callable[[], bool] = _never
        #: Somebody who could have led had to wait for the own thread.
        self._wanted = False
        self._expected: set[Callable[[], bool]] = set()
        self._most_expected = _MANY_EXPECTED
        self._resting = False
        #: Taken by its own thread when it rests, for a time; let go by whoever rouses it.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._eventful = self._unread = False
        #: The last read has not got all that was there.
        self.flooded = False

    # --- from any thread ---

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn. Calls keep their order."""
        self._calls.append(function)
        if not self._wake() and self._resting and not self._led:
            self._ring()

    def call_lazily(self, function: Callable[[], None]) -> None:
        """The same, but it ends no rest: for what is urgent only if somebody comes to ``lead``, or to ``expect``."""
        self._calls.append(function)
        self._wake()

    def call_here(self, function: Callable[[], None]) -> None:
        """The same, but on this thread and now, if nobody turns it: not for a thread that may not ``lead``.

        Where somebody waits for an answer it can wait, too: what is sent next may leave in the same write.
        """
        self._calls.append(function)
        if self.sockets.urgent or not self.lead(None, None, asking=True):
            self._wake()

    def _wake(self) -> bool:
        """Wake the thread that sleeps in a turn, if one does."""
        # It looks at the calls after it has set the flag; so a call is seen by it, or the flag by us.
        if not self._asleep:
            return False
        self._asleep = False
        try:  # noqa: SIM105  (an exception from outside is not to come between)
            self._waker.send(b"\0")
        except OSError:
            pass  # full: it is being woken; closed: nobody is left to wake
        return True

    def _ring(self) -> None:
        if self._bell.locked():
            with contextlib.suppress(RuntimeError):  # somebody else has just rung
                self._bell.release()

    def expect(self, over: Callable[[], bool]) -> None:
        """Somebody waits until ``over()`` who does not turn it: no rest till then, and no leader goes unrelieved."""
        # What its own thread has taken over keeps it from resting.
        if self._led or self._resting:
            self._expected.add(over)
            if len(self._expected) > self._most_expected:
                # Somebody leads for a long time, and what others have had meanwhile is kept for nothing.
                self._is_expected(all_of_them=True)
                self._most_expected = 2 * len(self._expected) + _MANY_EXPECTED
            # A leader looks at who is expecting when he has taken down the flag; so he sees us, or we that he has gone.
            if not self._led:
                self._ring()

    def lead(
        self, over: Callable[[], bool] | None, timeout: float | None, *, patience: float = 0.0, asking: bool = False
    ) -> bool:
        """Turn it on the calling thread until ``over()``, at most ``timeout`` seconds; None: only make the calls.

        False if another thread does, and does not leave it to this one within ``patience`` seconds, and always with a
        selector that is not for any thread. Not for a thread that a signal's handler may interrupt wherever it is, as
        it may the main thread. ``asking`` is who waits for an answer, and not for events: a user's thread.
        """
        if not self.sockets.for_any_thread:
            return False
        held = False
        try:
            # Not called from here: an exception from outside could come between that and its being noted.
            [held] = map(self._turning.acquire, _AT_ONCE)
            if not held:
                self._wanted = True
                [held] = map(self._turning.acquire, (True,), (patience,))
            if held:
                self._led, self._asleep, self.asking, self._is_over = True, False, asking, over or _never
                self._lead(over, timeout)
        except BaseException:
            # By PyThreadState_SetAsyncExc. While this thread slept nothing has happened; else, let the own one make it
            # good.
            if held and self._busy:
                self._calls.append(self.on_interruption)
            raise
        finally:
            if held:
                self._thread = None
                self._led = self.asking = False
                self._is_over = _never
                try:
                    if self._relieved and self._lookout:
                        self._lookout.open_eyes()
                        self._relieved = False
                finally:
                    self._asleep = self._on_watch
                    self._turning.release()
                self._hand_back()
        return held

    def _lead(self, over: Callable[[], bool] | None, timeout: float | None) -> None:
        self._thread = threading.get_ident()
        if over is None:
            if not self.stopping:
                self._make_calls()
            return
        end = None if timeout is None else time.monotonic() + timeout
        while not (self.stopping or over()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.turn(left, eager=self.asking)

    def _hand_back(self) -> None:
        """Nobody leads any more: let the own thread go on, if there is something to do that it does not know of."""
        is_early = self._on_watch and self._due < self._watch_ends
        needed = self.sockets.deferred or self._calls or self.stopping or is_early
        if (needed or (self._expected and self._is_expected())) and not self._wake():
            self._ring()

    def _is_expected(self, *, all_of_them: bool = False) -> bool:
        """True if somebody still waits; those who do not are forgotten, as far as they are looked at."""
        expected = False
        for over in list(self._expected):
            if over():
                self._expected.discard(over)
            else:
                expected = True
                if not all_of_them:
                    break
        return expected

    @property
    def in_thread(self) -> bool:
        """True on the thread that is turning the reactor."""
        return self._thread == threading.get_ident()

    # --- in a turn ---

    def call_at(self, when: float, function: Callable[[], None]) -> Timer:
        """Call the function at a time of the reactor's clock."""
        self._due = min(self._due, when)  # in this turn, if it is time
        return self._timers.add(when, function)

    def turn(self, timeout: float | None = None, *, eager: bool = True) -> None:
        """Wait for something to do, at most ``timeout`` seconds, and do it: make the calls, or look at the sockets.

        ``eager`` if whoever waits for answers does it, and not another thread for him.
        """
        self._thread = threading.get_ident()
        self._asleep = self._eventful = self._unread = False
        if self._calls and not self._made_calls:
            # The selector would say that nothing has come: mostly an action is to leave, and its answer takes time.
            self._make_calls()
            return
        self._made_calls = False
        if self._on_watch and self._lookout and not self._relieved:
            self._relieved = True
            self._lookout.close_eyes()
        self._due = self._timers.next()
        self._asleep = True
        ready = self.sockets.select(0.0 if self._calls else self._sleep(timeout), eager=eager)
        self._asleep, self._busy = False, True
        self.now = self._looked_at = time.monotonic()
        # Calls first: who has just subscribed wants the events that are read next.
        self._run_calls()
        self.sockets.serve(ready, self._is_over)
        if self._due <= self.now:
            self._run_timers()
        self._busy = False

    def _make_calls(self) -> None:
        """The first half of a turn, which reads nothing."""
        self._made_calls = self._busy = True
        self.now = time.monotonic()
        self._run_calls()
        if self._due <= self.now:
            self._run_timers()
        self._busy = False

    def has_read(self, *, events: bool, more: bool) -> None:
        """What was read in this turn: events, of which more may come one by one; or not all that is there to read."""
        self._eventful |= events
        self._unread |= more
        self.flooded = more

    def run(self) -> None:
        """Turn it on this thread, its own, until it is ``stopping``."""
        rested = False
        while not self.stopping:
            # Behind a rest there is mostly something to read, and who has slept has woken for something.
            at_once = rested or self._watch()
            with self._turning:
                self._expected.clear()
                self.turn(0.0 if at_once else None, eager=False)
            rested = self.rest()
        with self._turning:
            pass  # whoever leads may be in the midst of the turn that ended it

    def _watch(self) -> bool:
        """Sleep until there is something to do, and let others lead meanwhile. False if the turn itself is to sleep."""
        lookout = self._lookout
        if lookout is None or self._calls or self.sockets.deferred or self.sockets.urgent:
            return False
        with self._turning:  # behind whoever leads
            if self._relieved:  # an exception from outside has kept a leader from it
                lookout.open_eyes()
                self._relieved = False
            self._due = self._watch_ends = self._timers.next()
            self._asleep = self._on_watch = True
            timeout = 0.0 if self._calls or self.sockets.deferred else self._sleep(None)
        lookout.sleep(timeout)
        while self._led and self._relieved:  # what woke us is his business
            self._watch_ends = math.inf  # if he makes it earlier from here on he tells us, or we see it
            self._watch_ends = self._due
            lookout.sleep(max(REST, self._sleep(None)))
        self._on_watch = False
        return True

    def rest(self) -> bool:
        """Between two turns: let others have the interpreter, the lead, and events gather, unless somebody waits.

        True if there was time for events to gather.

        A turn for each event, and a waking of whoever receives it, costs many times what the event itself does: some
        milliseconds of them come together. What comes after a silence is not held up.
        """
        if self.sockets.deferred and not (self._calls or self.sockets.urgent):
            # Who waits for the interpreter gets it now, and not after the 5 ms for which CPython would leave it to us.
            time.sleep(BREATH)
            return False
        self._bell.acquire(blocking=False)  # what was rung for so far has had its turn
        self._resting = True  # whoever comes now rings
        pause, begun = self._pause(), time.monotonic()
        if pause:
            self._wanted = False
        # Who leads looks at the sockets, and we need not. If he sleeps for longer, we stand behind him, and are next.
        while pause and not self._is_needed() and (left := max(self._looked_at, begun) + pause - time.monotonic()) > 0:
            if self._bell.acquire(timeout=left):
                break
        self._resting = False
        return pause > 0

    def _is_needed(self) -> bool:
        return bool(self._calls) or (self.sockets.deferred and not self._led)

    def _pause(self) -> float:
        if self.sockets.urgent:
            return 0.0
        if self._unread and not self._wanted:
            return CATCH_UP if self.is_behind() else 0.0
        return REST if self._wanted or self._eventful else 0.0

    def close(self) -> None:
        """Run the calls that are left, and let go of everything. A call that comes later is never run."""
        self.closed = True
        self._run_calls()
        self.abandon()

    def abandon(self) -> None:
        """Close what is ours and call nothing."""
        self.sockets.close()
        self._waker.close()
        self._wakee.close()

    def _sleep(self, timeout: float | None) -> float:
        longest = _LONGEST_SLEEP if timeout is None else timeout
        return max(0.0, min(longest, self._due - time.monotonic()))

    def _run_timers(self) -> None:
        for callback in self._timers.due(self.now):
            self._guard(callback)

    def call_afterwards(self, function: Callable[[], None]) -> None:
        """Call the function when all calls of this turn have been made: what they have in common is done once.

        For calls alone: nobody would come by for those who are not called.
        """
        self._afterwards.append(function)

    def _run_calls(self) -> None:
        left = len(self._calls)  # what they add has its turn in the next one
        while left:
            left -= 1
            self._guard(self._calls.popleft())
        while self._afterwards:
            self._guard(self._afterwards.pop())

    def _drain_wakeups(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(self._wakee.recv(4096)) == 4096:
                pass

    def _guard(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001  (it is told)
            self._report(function, error)

    def _report(self, function: Callable[..., None], error: Exception) -> None:
        """One server's bug must not stop the others; it is a bug all the same, so it is told with its traceback."""
        if self.asking:
            # It may be none of ours: another thread may put one into a user's thread, as some task queues do when a
            # task's time is over.
            raise error
        logger.error(
            "A bug in django_ami: %r failed on the reactor's thread; please report it.", function, exc_info=error
        )
