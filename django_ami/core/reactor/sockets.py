"""The sockets that are watched, and whose turn it is when several are ready.

When two hundred links end at once, who waits for an answer of another server does not wait for them: the sockets that
bring what somebody waits for are *urgent*. The others wait while there are any, though not for ever, and then get some
time in the order in which they came.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.core.reactor.lookout import Lookout

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    Ready = list[tuple[selectors.SelectorKey, int]]

__all__ = ["DEFERENCE", "EAGERNESS", "LONGEST_TURN", "Sockets"]

#: So long, in seconds, a turn serves those that are not urgent; the next one goes on.
LONGEST_TURN: Final = 0.0005
#: So long, in seconds, they wait for an urgent one; then one of them is served. If none has come in that time, its
#: answer takes long, and they wait no more.
DEFERENCE: Final = 0.001
#: So long, in seconds, who waits for an answer looks for it before he sleeps, if the last one of that socket came so
#: soon. To sleep, to be woken, and to run on with cold caches takes as long as a server on the same machine does.
EAGERNESS: Final = 0.0002
#: Needs no descriptor of its own, of which there may be none left; and a closed one is no error to it.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)
#: Who does not sleep may stand in the way of the very server that he waits for, if it is to run on the same core.
_make_way: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)


def _is_epoll(selector: selectors.BaseSelector) -> TypeGuard[selectors.EpollSelector]:
    return isinstance(selector, getattr(selectors, "EpollSelector", ()))


class Sockets:
    """What is watched. ``call(function, *arguments)`` calls those that are ready, and tells what they raise."""

    def __init__(self, call: Callable[..., None], wakee: int, woken: Callable[[int], None]) -> None:
        self._call = call
        self._selector = selectors.DefaultSelector()
        #: False for that of gevent or eventlet: it belongs to the thread whose event loop it waits in.
        self.for_any_thread = type(self._selector).__module__ == selectors.BaseSelector.__module__
        #: Those that bring what somebody waits for, and how many answers; and the wake-ups, which are read at once.
        self._urgent = {wakee: 0}
        #: Those that were ready, but not served: their places in the next turn.
        self._left: dict[int, int] = {}
        self._leisurely: deque[Callable[[], None]] = deque()
        #: True if some are ready, or to be called, and were not.
        self.deferred = False
        #: True while somebody waits for what one of them brings.
        self.urgent = False
        #: For whoever is to sleep until one is ready, and not to serve it; None if this selector has none.
        self.lookout = Lookout(self._selector.fileno()) if _is_epoll(self._selector) else None
        self._deferred_since: float | None = None
        #: An urgent one was ready, or has become urgent, since the others began to wait.
        self._worth_waiting = True
        #: Since when somebody waits for an answer, and which sockets brought the last one soon.
        self._awaited_since = 0.0
        self._prompt: set[int] = set()
        self.watch(wakee, selectors.EVENT_READ, woken)

    def watch(self, fileno: int, events: int, function: Callable[[int], None]) -> None:
        """Call ``function(events)`` whenever the socket is ready; a second time changes what is waited for."""
        try:
            self._selector.modify(fileno, events, function)
        except KeyError:
            self._selector.register(fileno, events, function)

    def unwatch(self, fileno: int) -> None:
        self._urgent.pop(fileno, None)
        self.urgent = len(self._urgent) > 1
        self._prompt.discard(fileno)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fileno)

    def hurry(self, fileno: int, answers: int) -> None:
        """How many answers somebody waits for that this one brings."""
        if answers:
            if not self.urgent:
                self._awaited_since = time.monotonic()
            self._urgent[fileno] = answers
            self.urgent = self._worth_waiting = True
        elif self._urgent.pop(fileno, None):
            self.urgent = len(self._urgent) > 1
            if time.monotonic() < self._awaited_since + EAGERNESS:
                self._prompt.add(fileno)
            else:
                self._prompt.discard(fileno)

    def call_at_leisure(self, function: Callable[[], None]) -> None:
        """Call the function as if it were a socket that is ready, and not urgent; but one in each turn."""
        self._leisurely.append(function)
        self.deferred = True

    def close(self) -> None:
        if self.lookout is not None:
            self.lookout.close()
        self._selector.close()

    def select(self, timeout: float, *, eager: bool = False) -> Ready:
        """Wait for at most ``timeout`` seconds for one that is ready, and need not wait for others.

        ``eager``: it is the thread that waits for the answer, and has nothing else to do.
        """
        if self.deferred:
            if timeout and self.urgent and self._deferred_since is not None:
                self._wait_for_urgent(min(timeout, self._deferred_since + DEFERENCE - time.monotonic()))
            timeout = 0.0
        return (eager and timeout and self._prompt and self._look()) or self._selector.select(timeout)

    def _look(self) -> Ready:
        """Look for one answer, without falling asleep. Of many, the more come together the later they are read."""
        if sum(self._urgent.values()) == 1 and not self._prompt.isdisjoint(self._urgent):
            end = self._awaited_since + EAGERNESS
            while time.monotonic() < end:
                if ready := self._selector.select(0):
                    return ready
                _make_way()
        return []

    def _wait_for_urgent(self, timeout: float) -> None:
        if timeout > 0:
            watched = self._selector.get_map()
            with _Selector() as urgent:
                for fileno in self._urgent:
                    if fileno in watched:
                        urgent.register(fileno, watched[fileno].events)
                urgent.select(timeout)

    def serve(self, ready: Ready, is_over: Callable[[], bool]) -> None:
        """Call those whose sockets are ready; of the others as many as there is time for, if it is not over for them.

        What is left is still ready in the next turn.
        """
        # They may be none any more when they have been called: but whoever got his answer is to run now, and not we.
        urgent = self.urgent
        others: Ready = []
        for one in ready:
            key, events = one
            if key.fd in self._urgent:
                self._worth_waiting = True
                self._call(key.data, events)
            else:
                others.append(one)
        if others or self.deferred:
            self._serve_others(others, urgent, is_over)

    def _serve_others(self, ready: Ready, urgent: bool, is_over: Callable[[], bool]) -> None:
        """At least one of them, if it is their turn."""
        if len(ready) > 1:
            places = self._left
            ready.sort(key=lambda one: places.get(one[0].fd, len(places)))
        end = None if is_over() else self._end_of_turn(urgent)
        served = 0
        if end is not None:
            if self._leisurely:
                self._call(self._leisurely.popleft())
            for key, events in ready:
                if served and (time.monotonic() >= end or is_over()):
                    break
                self._call(key.data, events)
                served += 1
        self._left = {key.fd: place for place, (key, _) in enumerate(ready[served:])}
        self.deferred = bool(self._left or self._leisurely)
        if not self.deferred:
            self._deferred_since = None

    def _end_of_turn(self, urgent: bool) -> float | None:
        """Until when they have their turn; None if it is not theirs."""
        now = time.monotonic()
        if not (urgent and self._worth_waiting):
            self._deferred_since = None
            return now + LONGEST_TURN
        if self._deferred_since is None:
            self._deferred_since = now
        if now < self._deferred_since + DEFERENCE:
            return None
        self._deferred_since = now
        self._worth_waiting = False
        return now
