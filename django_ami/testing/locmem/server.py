"""One server that is not there: a real session, and both ends of its connection in memory.

Rule: time passes only when an action waits for it, and then it jumps to what comes next: an answer
that was delayed, a heartbeat, a retry, a deadline. Every action has a deadline, so every wait has
an end.
"""

from __future__ import annotations

import time
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import AmiError, ConnectionFailed, ConnectionLost
from django_ami.core.event_id import make_epoch
from django_ami.core.session import Role, State
from django_ami.core.session.conversation import Session
from django_ami.simulator.requests import ReceivedAction, RequestReader
from django_ami.testing.locmem.answers import BANNER, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.config import ServerConfig
    from django_ami.core.correlation import ActionIds
    from django_ami.core.request import Request
    from django_ami.simulator.script import Rule
    from django_ami.testing.locmem.outbox import Outbox

__all__ = ["MemoryServer"]

#: A call that is followed has ended when the server has been asked so often, or never does.
_MOST_QUESTIONS: Final = 100
_CLOSED: Final = "the server closed the connection."


class MemoryServer:
    """The counterpart of the core client's ``Server``, without a socket."""

    def __init__(self, config: ServerConfig, ids: ActionIds, outbox: Outbox) -> None:
        self.name = config.name
        self.config = config
        self.peer = "memory"
        self.now = 0.0
        self.session = Session(config, Role.CALLER, ids)
        self.session.exchange.set_interest(frozenset())
        self._outbox = outbox
        self._users: dict[str, Request] = {}
        self._requests = RequestReader()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = count()
        #: When the delayed answers to actions of users come.
        self._due: dict[str, float] = {}

    # --- for the client ---

    def start(self) -> None:
        """Connect now."""
        self.session.start(self.now)
        self._settle()

    def send(self, asked: Request) -> None:
        """Send an action, and let the time pass that it takes."""
        self._users[asked.action_id] = asked
        self._end_if_down()
        self._retry()
        self.session.exchange.send(asked, self.now)
        self._settle()
        while not asked.done() and asked.server == self.name:
            self._let_time_pass()
            self._settle()
        for _ in range(_MOST_QUESTIONS):
            if not self.session.exchange.following.calls:
                break
            self._let_time_pass()
            self._settle()
        self._users.pop(asked.action_id, None)
        self._due.pop(asked.action_id, None)

    def close(self) -> None:
        """Log off."""
        self.session.close(self.now)
        self._settle()

    # --- the connection ---

    def _retry(self) -> None:
        """The next attempt would have been made by now."""
        if self.session.state is State.WAITING:
            self.now = max(self.now, self.session.retry.at)
            self._settle()

    def _end_if_down(self) -> None:
        if self.session.ready and self._outbox.why_down(self.name) is not None:
            self._hang_up(ConnectionLost(_CLOSED, server=self.name))

    def _connect(self) -> None:
        self._requests = RequestReader()
        self._later.clear()
        self.session.connecting(self.now)
        why = self._outbox.why_down(self.name)
        if why is not None:
            self._hang_up(ConnectionFailed(f"{self.config.address}: {why}", server=self.name))
            return
        self.session.connected(self.now)
        self.session.exchange.parser.epoch = make_epoch(time.time())
        self._say(BANNER)

    def _hang_up(self, error: AmiError) -> None:
        self._later.clear()
        self.session.disconnected(error, self.now)

    def _settle(self) -> None:
        """Carry bytes to and fro until both ends have nothing to say."""
        session = self.session
        while True:
            if session.fault is not None:
                self._hang_up(session.fault)
            elif session.state is State.WAITING and self.now >= session.retry.at:
                self._connect()
            elif session.exchange.outgoing:
                data = bytes(session.exchange.outgoing)
                session.exchange.outgoing.clear()
                self._take(data)
            else:
                break
        session.notices.clear()

    def _say(self, data: bytes) -> None:
        if data:
            self.session.exchange.receive(data, self.now)

    def _let_time_pass(self) -> None:
        """Jump to what comes next."""
        session = self.session
        times = [session.next_deadline(), self._later[0][0] if self._later else None]
        if session.state is State.WAITING:
            times.append(session.retry.at)
        self.now = max(self.now, min(time for time in times if time is not None))
        while self._later and self._later[0][0] <= self.now:
            heappop(self._later)[2]()
        session.tick(self.now)

    # --- the far end ---

    def _take(self, data: bytes) -> None:
        self._requests.feed(data)
        while (request := self._requests.next_request()) is not None:
            self._answer(request)
            if request.name == "Logoff":
                self._hang_up(ConnectionLost(_CLOSED, server=self.name))

    def _answer(self, request: ReceivedAction) -> None:
        asked = self._users.get(request.action_id)
        if asked is None:  # the session's own: login, mask, heartbeat
            self._say_in_turn(answer(request))
            return
        sent = replace(request, server=self.name)
        rule = self._outbox.note(sent)
        if rule is None:
            self._say(answer(sent, asked.final_event))
        elif not rule.silent:
            delay = rule.delay(sent)
            if delay > 0:
                due = self._due[request.action_id] = self.now + delay
                heappush(self._later, (due, next(self._tie), lambda: self._play(rule, sent, asked)))
            else:
                self._play(rule, sent, asked)

    def _say_in_turn(self, data: bytes) -> None:
        """A server answers in order: first what users still wait for."""
        due = max(
            (self._due[action_id] for action_id in self._users if action_id in self._due),
            default=self.now,
        )
        if due > self.now:
            heappush(self._later, (due, next(self._tie), lambda: self._say(data)))
        else:
            self._say(data)

    def _play(self, rule: Rule, sent: ReceivedAction, asked: Request) -> None:
        data = rule.answer(sent) if rule.answer else answer(sent, asked.final_event)
        self._say(data[: rule.cut_after])
        if rule.cuts:
            self._hang_up(ConnectionLost(_CLOSED, server=self.name))
