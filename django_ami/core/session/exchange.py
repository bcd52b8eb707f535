"""The traffic with one server: actions go out; answers, list items and events come in.

Rule: an action of a user leaves at once if the session is ``READY``; in any other state the gate
decides. The observer, which is the session, hears how far the server is, and of faults that end the
connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from django_ami.core.actions import Ping
from django_ami.core.actions.base import encode
from django_ami.core.calls import CALL_EVENTS, PROGRESS_EVENTS
from django_ami.core.correlation import PendingActions
from django_ami.core.counters import Counters
from django_ami.core.errors import (
    AmiError,
    Backpressure,
    ConnectionFailed,
    ConnectionLost,
    InvalidAction,
    ProtocolError,
)
from django_ami.core.messages import Event, Response
from django_ami.core.protocol import Parser
from django_ami.core.request import Request
from django_ami.core.session.following import Following
from django_ami.core.session.liveness import Liveness
from django_ami.core.session.outcomes import Outcomes
from django_ami.core.session.outgoing import Outgoing
from django_ami.core.session.state import ANSWERING, GREETING, LOGGED_IN, READY, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.config import ServerConfig
    from django_ami.core.correlation import ActionIds
    from django_ami.core.pending import PendingAction
    from django_ami.core.session.gate import Gate
    from django_ami.core.tail import Oversized

__all__ = ["Exchange", "Observer"]


class Observer(Protocol):
    """The session, as its exchange sees it."""

    def start(self, now: float) -> None:
        """A connection is wanted."""

    def greeted(self, banner: str) -> None:
        """The greeting of the server is complete."""

    def fully_booted(self) -> None:
        """The event FullyBooted came."""

    def broken(self, error: AmiError) -> None:
        """The connection is of no more use."""


class Exchange:
    """Actions and messages of one server, over all its connections.

    ``state`` is the session's. ``waiting`` has the actions for a connection that is not ready, by
    ActionID, in the order in which they came. ``ignored`` counts the events of the last ``receive``
    that nobody wants; its events have no more than ``most_bytes``. ``hastened`` is True if a
    deadline has become earlier since the session was asked for the next one.
    """

    def __init__(
        self,
        config: ServerConfig,
        ids: ActionIds,
        mask: str,
        gate: Gate,
        observer: Observer,
        *,
        filters: bool,
    ) -> None:
        self.state = State.IDLE
        self.counters = Counters()
        self.outgoing = Outgoing()
        self.waiting: dict[str, Request] = {}
        self.pending = PendingActions(
            ids.prefix,
            server=config.name,
            most=config.options.max_pending_actions,
            most_items=config.options.max_list_items,
            counters=self.counters,
        )
        self.ignored = 0
        self.most_bytes = 0
        self.last_event_at: float | None = None
        self.last_used = 0.0
        self.hastened = False
        self.now = 0.0
        self._config = config
        self._ids = ids
        self._gate = gate
        self._observer = observer
        self.interest: frozenset[str] | None = None
        self._outcomes = Outcomes(
            ids.prefix,
            mask,
            self.pending,
            filters=filters,
            ask=self.ask,
            transmit=self._transmit_late,
        )
        self.following = Following(
            self.ask,
            listen=self._outcomes.listen,
            hush=self._outcomes.hush,
            clock=lambda: self.now,
        )
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """A new connection: forget all that was of the last one alone."""
        options = self._config.options
        self.parser = Parser(
            server=self._config.name, max_frame_size=options.max_frame_size, counters=self.counters
        )
        self.parser.kinds.interest = self.interest
        self.parser.follows = self.pending.old_commands.answers
        self.liveness = Liveness(options, self.parser, self.pending, now)
        self._missing = 0
        self._outcomes.begin(self.parser)
        self.outgoing.begin()

    def set_interest(self, names: frozenset[str] | None) -> None:
        """Which events are wanted: names in lower case, None for all."""
        self.interest = self.parser.kinds.interest = names

    @property
    def awaited(self) -> int:
        """How many answers somebody waits for, or actions for the connection."""
        return len(self.pending.unsettled if self.state in ANSWERING else self.waiting)

    def missing(self, *, identified: bool) -> int:
        """Messages that reached nobody: too large, swallowed, or, if ``identified``, cut off."""
        tail = self.parser.tail
        return self._missing + tail.swallowed + (identified and tail.is_event)

    # --- actions ---

    def send(self, request: Request, now: float) -> None:
        """Send an action now, or as soon as the server is ready; or fail it at once, saying why."""
        self.now = self.last_used = now
        if request.followed is not None:
            self.following.add(request)
        ready = self.state is READY and not self._gate.keeping
        if not ready and self._gate.turns_away(request, self.state, now):
            return
        try:
            self.pending.add(request, now)
        except Backpressure as error:
            request.fail(error)
            return
        if not ready:
            self.waiting[request.action_id] = request
            self._observer.start(now)
        elif request.final_broadcast:
            self._outcomes.transmit(request)
        else:
            self._transmit(request)

    def send_waiting(self, *, narrowed: bool = False) -> None:
        """The server is ready: follow calls again, and send the actions that have waited for that.

        ``narrowed``: filters let some events in, and no other ones.
        """
        self._outcomes.narrowed = narrowed
        self.following.ready()
        waiting, self.waiting = self.waiting, {}
        for request in waiting.values():
            if request.final_broadcast:
                self._outcomes.transmit(request)
            else:
                self._transmit_late(request)

    def forget(self, action_id: str) -> None:
        """The action was cancelled before it left."""
        self.pending.forget(action_id)
        self.waiting.pop(action_id, None)

    def ask(
        self,
        action: Action,
        then: Callable[[PendingAction], object],
        *,
        timeout: float | None = None,
        anyway: bool = False,
    ) -> None:
        """Send an action of the session's own, past the gate that holds back users' actions.

        ``anyway`` if it goes however many are unanswered. Without a ``timeout`` it may take no
        longer than the silence that means a loss: only a user's action may keep the server mute
        beyond that. A value that the server gave, and that no action can have, fails it as well.
        """
        action_id = self._ids()
        if timeout is None:
            timeout = self.liveness.heartbeat.patience(self.now)
        fault = None
        try:
            wire = encode(action, action_id)
        except InvalidAction as error:
            wire, fault = b"", error
        request = Request(action, action_id, wire, server=self._config.name, timeout=timeout)
        request.pending.add_done_callback(then)  # not by way of the variable: it would hold itself
        if fault is not None:
            request.fail(fault)
            return
        try:
            self.pending.add(request, self.now, anyway=anyway)
        except Backpressure as error:
            request.fail(error)
        else:
            self._transmit(request)

    def ping(self) -> None:
        """Ask for a sign of life: a server on which so many calls ring is to be asked, too."""
        self.liveness.pinged(self.now)
        self.ask(Ping(), lambda ping: self.liveness.ponged(ping, self.now), anyway=True)

    def fail_all(self, cause: AmiError) -> None:
        """The connection is over: everything under way fails with it."""
        self.waiting.clear()
        self.pending.fail_all(lambda request: self.outgoing.error_of(request, cause))

    def _transmit(self, request: Request) -> None:
        try:
            wire = request.unsent.pop()
        except IndexError:
            self.pending.discard(request)  # it was cancelled
            return
        outgoing = self.outgoing
        if len(outgoing) + len(wire) > self._config.options.write_buffer_limit:
            self.pending.discard(request).fail(outgoing.refusal_of(request))
            return
        request.position = outgoing.queued
        outgoing.queued += len(wire)
        outgoing += wire
        self.pending.written.append(request.action_id)

    def _transmit_late(self, request: Request) -> None:
        """Send an action that has waited, unless its time is over by now."""
        if request.done():
            self.pending.discard(request)
        else:
            self._transmit(request)

    # --- messages ---

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes; give the events that somebody wants. ``ignored`` says how many others came.

        Those that the server wrote before it took our Logoff are like all others: nothing is lost
        by leaving.
        """
        self.now = now
        self.ignored = 0
        parser = self.parser
        if self.interest is not None:
            parser.mine = self.pending.mark if self.pending.unsettled else b""
        was_discarding = parser.tail.discarding
        self.most_bytes = len(parser.tail.buffer) + len(data)
        try:
            messages = parser.feed(data)
        except ProtocolError as error:
            self._observer.broken(ConnectionFailed(error.message, server=self._config.name))
            return []
        liveness = self.liveness
        if messages or parser.skipped or (was_discarding and not parser.tail.discarding):
            liveness.heartbeat.last_received = now
            liveness.heartbeat.received_bytes += len(data)
            liveness.growing = False
        elif (why := liveness.grow(now)) and self.state in LOGGED_IN:
            self._observer.broken(ConnectionLost(why, server=self._config.name))
        if self.state is GREETING and parser.banner is not None:
            self._observer.greeted(parser.banner)
        events = self._sort_around_text(messages) if parser.stray else self._sort(messages)
        self.ignored += parser.skipped
        if events or self.ignored:
            self.last_event_at = now
        parser.skipped = 0
        return events

    def _sort(self, messages: list[Event | Response | Oversized]) -> list[Event]:
        """Hand answers to their actions, and give what is left: events for receivers."""
        following = self.following
        if self.parser.plain and not (self.pending.unsettled or following.calls):
            return cast("list[Event]", messages)
        events = []
        interest, pending, mine = self.interest, self.pending, self.pending.mark
        answered = False
        calls = pending.calls
        for message in messages:
            if isinstance(message, Event):
                asked = message.raw.find(mine) >= 0  # as ``in``, in half the time
                if (calls or following.calls) and message.name in PROGRESS_EVENTS:
                    self._observe(message)
                if (
                    pending.claim(message, self.now)
                    if asked
                    else pending.list.request and pending.adopt(message)
                ):
                    continue
                if message.name == "FullyBooted":
                    self._observer.fully_booted()
                if interest is None or message.name.lower() in interest:
                    events.append(message)
                else:
                    self.ignored += 1
            elif isinstance(message, Response):
                answered |= pending.match(message, self.now)
            else:
                self._missing += message.action_id is None
                pending.oversized(message.action_id, message.limit)
        if answered:
            heartbeat = self.liveness.heartbeat
            heartbeat.last_answer = self.now
            heartbeat.answers += 1
        self.hastened |= pending.hastened or (answered and bool(following.calls))
        return events

    def _observe(self, event: Event) -> None:
        """An event of calls, which may be one that somebody wants to know about."""
        self.following.look_whether_sent_on(event)
        if event.name in CALL_EVENTS:
            self.pending.observe(event)
        if self.following.calls:
            self.following.observe(event)
            self.hastened = True

    def _sort_around_text(self, messages: list[Event | Response | Oversized]) -> list[Event]:
        """Sort messages with text between them.

        The text may be an answer. The next answer tells, so ask if nobody has.
        """
        events: list[Event] = []
        start = 0
        for number, text in self.parser.stray:
            events += self._sort(messages[start:number])
            start = number
            if self.pending.order.add_text(text) and self.state is READY:
                self.ask(Ping(), lambda _: None)
        return events + self._sort(messages[start:])
