"""Sends Originates to their servers within the limits of each, or lets them wait for a turn."""

from __future__ import annotations

import threading
import time
from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from django_ami.core.cluster.routing import Member
from django_ami.core.errors import Backpressure
from django_ami.core.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.request import Request

__all__ = ["Dialler"]

Target = TypeVar("Target", bound=Member)


class Dialler(Generic[Target]):
    """Sends Originates to their servers, or lets them wait for their turn.

    ``submit`` takes one to its server; ``call_later`` calls a function after some seconds.
    """

    def __init__(
        self,
        submit: Callable[[Target, Request], None],
        call_later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._submit = submit
        self._call_later = call_later
        self._lock = threading.Lock()
        #: No call waits for a turn any more: each is taken to its server, which refuses it.
        self._closed = False
        self._pacers: WeakKeyDictionary[Any, Pacer[Request]] = WeakKeyDictionary()
        #: By Request: which server's limits it counts for.
        self._going: dict[Request, Target] = {}
        #: The servers for which an alarm is set: one for all calls that wait there.
        self._alarmed: WeakSet[Any] = WeakSet()

    def dial(self, target: Target, request: Request, *, may_wait: bool) -> None:
        """Send an Originate, or let it wait. Raises Backpressure if it has to and may not."""
        options = target.config.options
        if not (options.max_originates_per_second or options.max_concurrent_originates):
            self._submit(target, request)
            return
        with self._lock:
            pacer = self._pacers.get(target)
            if pacer is None:
                pacer = self._pacers[target] = Pacer(
                    options.max_originates_per_second, options.max_concurrent_originates
                )
            now = time.monotonic()
            free = self._closed or pacer.is_free(now)
            if free:
                self._going[request] = target
                pacer.begin(request, now)
            else:
                self._line_up(target, pacer, request, may_wait=may_wait)
        if free:
            self._submit(target, request)
            return
        self._release(target)
        if request.followed is not None and request.followed.leave_by < inf:
            left = max(0.0, request.followed.leave_by - time.monotonic())
            self._call_later(left, lambda: self._expire(target, request))

    def _line_up(
        self, target: Target, pacer: Pacer[Request], request: Request, *, may_wait: bool
    ) -> None:
        options = target.config.options
        if not may_wait:
            raise Backpressure(
                "the limits of originate are reached (options max_originates_per_second and "
                "max_concurrent_originates): the call was not made. Try again later.",
                server=target.name,
                sent=False,
            )
        if len(pacer.waiting) >= options.max_pending_actions:
            pacer.forget(_is_over)
        if len(pacer.waiting) >= options.max_pending_actions:
            raise Backpressure(
                f"{options.max_pending_actions} calls wait for their turn (option "
                "max_pending_actions): the call was not made. Make fewer at a time.",
                server=target.name,
                sent=False,
            )
        pacer.waiting.append(request)
        if request.followed is not None:
            request.followed.progress.line_up()

    def _expire(self, target: Target, request: Request) -> None:
        """The call has waited for as long as it may: if it has not left, it never does."""
        with self._lock:
            pacer = self._pacers.get(target)
            if pacer is None or request not in pacer.waiting:
                return
            pacer.waiting.remove(request)
        request.reroute = None
        request.fail(
            Backpressure(
                "the call has waited for its turn for as long as it may (over_limit), and was not "
                "made. Make fewer at a time, or let them wait longer.",
                server=target.name,
                sent=False,
            )
        )

    def over(self, request: Request) -> None:
        """A call is over, or its action has moved on: the next one may leave."""
        with self._lock:
            target = self._going.get(request)
            if target is not None:  # its place first: an exception from outside may come between
                self._pacers[target].end(request)
                del self._going[request]
        if target is not None:
            self._release(target)

    def _release(self, target: Target) -> None:
        """Send those whose turn it is, and come back for the next one."""
        with self._lock:
            pacer = self._pacers[target]
            now = time.monotonic()
            due = pacer.take(now, _is_over)
            self._going.update(dict.fromkeys(due, target))
            following = pacer.next_at()
            is_new = following is not None and target not in self._alarmed
            if is_new:
                self._alarmed.add(target)
        for request in due:
            if request.followed is not None:
                request.followed.progress.leave()
            self._submit(target, request)
        if following is not None and is_new:
            self._call_later(following - now, lambda: self._wake(target))

    def _wake(self, target: Target) -> None:
        """The alarm of a server."""
        with self._lock:
            self._alarmed.discard(target)
        self._release(target)

    def give_up(self, refuse: Callable[[Request], None]) -> None:
        """The client is closed: those that wait never leave."""
        with self._lock:
            self._closed = True
            waiting = [request for pacer in self._pacers.values() for request in pacer.waiting]
            for pacer in self._pacers.values():
                pacer.waiting.clear()
        for request in waiting:
            refuse(request)


def _is_over(request: Request) -> bool:
    return request.done()
