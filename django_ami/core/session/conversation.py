"""One server's conversation: a state table; bytes and times in, bytes and notices out.

::

    IDLE ─▶ WAITING ─▶ CONNECTING ─▶ GREETING ─▶ LOGIN ─▶ BOOTING ─▶ READY ─▶ CLOSING ─▶ IDLE
               ▲            │            │         │ │       │         │
               └────────────┴── lost or failed ────┘ │ ──────┴─────────┘
                                                     └─▶ REFUSED (Authentication failed: not tried again)

Rule: whoever owns the socket calls ``connecting``, ``encrypting``, ``connected``, ``receive``, ``written`` and
``disconnected`` as these things happen, writes what is in ``outgoing``, and hangs up when there is a ``fault``. Nothing
here does I/O or reads a clock. All of it runs on one thread at a time.
"""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Final, cast

from django_ami.core.actions import Events, Logoff, Ping
from django_ami.core.calls import CALL_EVENTS
from django_ami.core.correlation import ActionIds, PendingActions
from django_ami.core.errors import (
    AmiError,
    AuthenticationFailed,
    Backpressure,
    ConfigurationError,
    ConnectionFailed,
    ConnectionForbidden,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.health import Backoff, CircuitBreaker, Heartbeat
from django_ami.core.messages import Event, Response
from django_ami.core.pending import PendingAction
from django_ami.core.protocol import Oversized, Parser, encode
from django_ami.core.session.login import Handshake
from django_ami.core.session.outcomes import Outcomes
from django_ami.core.session.reaching import ended_early, no_booting, no_connection, no_greeting, no_login, no_tls
from django_ami.core.session.state import (
    ANSWERING,
    BEFORE_LOGIN,
    CLOSE_TIMEOUT,
    GREETING,
    LOGGED_IN,
    READY,
    UNREACHED,
    Lost,
    Ready,
    Role,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.config import ServerConfig
    from django_ami.core.session.state import Notice

__all__ = ["Session"]

#: Not tried again: it would be the same.
_FATAL: Final = (AuthenticationFailed, ConnectionForbidden)
#: An unfinished message that is not added to for longer, in seconds, does not grow meanwhile.
_LONGEST_GAP_SECONDS: Final = 1.0
_CALL_EVENTS: Final = frozenset(map(str.lower, CALL_EVENTS))


class Session:
    """The state of one server, over all its connections."""

    def __init__(self, config: ServerConfig, role: Role, ids: ActionIds, now: float = 0.0) -> None:
        self.config = config
        self.options = config.options
        self.role = role
        self.state = State.IDLE
        self.fault: AmiError | None = None
        self.notices: list[Notice] = []
        self.outgoing = bytearray()
        self.retry_at = 0.0
        self.last_error: AmiError | None = None
        self.last_event_at: float | None = None
        self.ready_since: float | None = None
        self.connects = 0
        self.ignored = 0
        self.garbage = 0
        self.oversized = 0
        self.suspect = 0
        self.swallowed = 0
        self._ids = ids
        self._now = now
        self._mask = config.options.events if role is Role.LISTENER else "off"
        self._interest: frozenset[str] | None = None
        self._backoff = Backoff(self.options.reconnect_initial, self.options.reconnect_max)
        self._breaker = CircuitBreaker(self.options.circuit_threshold)
        self._pending = PendingActions(
            ids.prefix,
            server=config.name,
            most=self.options.max_pending_actions,
            most_items=self.options.max_list_items,
        )
        #: By ActionID, in the order of their coming: actions for the connection, which is not ready.
        self._waiting: dict[str, PendingAction] = {}
        self._encrypting = False
        self._idling = False
        self._after_idling: list[PendingAction] = []
        self._last_used = now
        self._sees_boot = False
        self._retired: str | None = None
        self._versions = "", ""
        self._begin_connection(now)

    def _begin_connection(self, now: float) -> None:
        """Forget the last connection, and all that was of it alone."""
        self._parser = Parser(server=self.config.name, max_frame_size=self.options.max_frame_size)
        self._parser.interest = self._interest
        self._heartbeat = Heartbeat(self.options.heartbeat_interval, self.options.read_timeout, now)
        self._deadline: float | None = None
        self._excused = False
        #: For how long an unfinished message has grown, until when.
        self._grown_for = 0.0
        self._grown_at = now
        self._queued = 0
        self._written = 0
        self._booted = False
        self._identified = False
        self._handshake = Handshake(self.config, _with_system(self._mask), self._ask, self)
        self._outcomes = Outcomes(self._ids.prefix, self._ask, self._transmit, self._refuse_outcome)
        self.outgoing.clear()
        self.fault = None

    # --- what others ask ---

    @property
    def ready(self) -> bool:
        return self.state is READY

    @property
    def ami_version(self) -> str:
        """The AMI version, as far as it is known."""
        return self._handshake.ami_version or self._versions[0]

    @property
    def asterisk_version(self) -> str:
        """The Asterisk version, if the account may know it."""
        return self._handshake.asterisk_version or self._versions[1]

    @property
    def pending(self) -> int:
        """Actions that are not settled."""
        return len(self._pending)

    @property
    def awaited(self) -> int:
        """How many answers somebody waits for, or actions for the connection."""
        return len(self._pending if self.state in ANSWERING else self._waiting)

    @property
    def heartbeat_interval(self) -> float:
        """Seconds after which a silent server is asked."""
        return self._heartbeat.interval

    @property
    def circuit_open(self) -> bool:
        return self._breaker.open

    @property
    def late(self) -> int:
        """Answers of ours that came late or twice."""
        return self._pending.late

    @property
    def hastened(self) -> bool:
        """True if a deadline has become earlier since ``next_deadline`` was asked."""
        return self._pending.hastened

    @property
    def unmatched(self) -> int:
        """Answers that carried no ActionID of ours."""
        return self._pending.unmatched

    @property
    def failures(self) -> int:
        """Failed attempts since the last success."""
        return self._breaker.failures

    def set_interest(self, names: frozenset[str] | None) -> None:
        """Which events are wanted: names in lower case, None for all."""
        self._interest = self._parser.interest = names

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do, if nothing else happens; ``retry_at`` is apart."""
        self._pending.hastened = False
        earliest = self._pending.next_deadline()
        if self._deadline is not None and (earliest is None or self._deadline < earliest):
            earliest = self._deadline
        if self.state in LOGGED_IN:
            beat = self._heartbeat.next_deadline(self._busy_until)
            earliest = beat if earliest is None else min(earliest, beat)
        if self._may_idle():
            idle = self._last_used + self.options.idle_timeout
            earliest = idle if earliest is None else min(earliest, idle)
        return earliest

    # --- what the owner of the socket tells ---

    def start(self, now: float) -> None:
        """A connection is wanted; attempts begin at once."""
        if self.state is State.IDLE:
            self.state = State.WAITING
            self.retry_at = now
            self._last_used = now

    def connecting(self, now: float) -> None:
        """An attempt begins."""
        self._begin_connection(now)
        self._encrypting = False
        self.state = State.CONNECTING
        self._deadline = now + self.options.connect_timeout

    def encrypting(self) -> None:
        """The server has accepted; TLS is under way."""
        self._encrypting = True

    def connected(self, now: float) -> None:
        """The transport is up, TLS included."""
        self._now = now
        self.state = GREETING

    def written(self, count: int) -> None:
        """So many bytes of ``outgoing`` have left."""
        self._written += count
        del self.outgoing[:count]

    def doubt(self) -> None:
        """Whatever was to be written may have left."""
        self._written = self._queued

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Bytes arrived; gives the events that somebody wants, and in ``ignored`` how many others there were.

        Those that the server wrote before it took our Logoff are like all others: nothing is lost by leaving.
        """
        self._now = now
        self.ignored = 0
        parser = self._parser
        if self._interest is not None:
            parser.mine = self._pending.mark if self._pending else b""
        was_discarding = parser.discarding
        try:
            messages = parser.feed(data)
        except ProtocolError as error:
            self.fault = ConnectionFailed(error.message, server=self.config.name)
            return []
        if messages or parser.skipped or (was_discarding and not parser.discarding):
            self._heartbeat.received(now, len(data))
            self._grown_for = 0.0
        else:
            self._watch_growing(now)
        self._grown_at = now
        if self.state is GREETING and parser.banner is not None:
            self._greeted(parser.banner)
        events = self._sort_around_text(messages) if parser.stray else self._sort(messages)
        self.ignored += parser.skipped
        if events or self.ignored:
            self.last_event_at = now
        parser.skipped = 0
        if parser.garbage or parser.oversized or parser.suspect:
            self.garbage += parser.garbage
            self.oversized += parser.oversized
            self.suspect += parser.suspect
            parser.garbage = parser.oversized = parser.suspect = 0
        return events

    def _watch_growing(self, now: float) -> None:
        """Bytes came that complete no message: find the one that has no end, and swallows what comes behind it.

        An answer may be large, and the link slow: it has as long as its action, see ``_busy_until``.
        """
        parser = self._parser
        if parser.stray or not parser.unfinished:
            self._grown_for = 0.0
            return
        self._grown_for += min(now - self._grown_at, _LONGEST_GAP_SECONDS)  # while nothing comes, it does not grow
        endless = parser.swallowed or not parser.answering
        if endless and self._grown_for >= self.options.frame_timeout and self.state in LOGGED_IN:
            what = (
                f"{parser.swallowed} messages are lost in it"
                if parser.swallowed
                else f"{parser.buffered} bytes are held"
            )
            self.fault = ConnectionLost(
                f"a message has grown for {self._grown_for:.1f} s (option frame_timeout) and has no end; {what}. "
                "Is there a proxy, or a very old Asterisk?",
                server=self.config.name,
            )

    def disconnected(self, error: AmiError, now: float) -> None:
        """The connection is gone, or the attempt has failed; everything under way fails with it."""
        self._now = now
        was_ready, closing = self.ready, self.state is State.CLOSING
        if self.state in BEFORE_LOGIN and isinstance(error, ConnectionLost):
            text = ended_early(error.message, greeted=self.state is State.LOGIN)
            error = ConnectionFailed(text, server=error.server)
        if was_ready and self.ready_since is not None and now - self.ready_since >= self.options.stable_after:
            self._backoff.reset()
        self.ready_since = None
        self._fail_all(error)
        self._versions = self.ami_version, self.asterisk_version
        self.swallowed += self._parser.swallowed
        self._begin_connection(now)
        if closing:
            self.state = State.IDLE
            self._resume(now)
            return
        self.last_error = error
        self._breaker.failed()
        retry_in: float | None = None
        if isinstance(error, _FATAL):
            self.state = State.REFUSED
        else:
            retry_in = self._backoff.next_delay()
            self.state = State.WAITING
            self.retry_at = now + retry_in
        self.notices.append(Lost(self.config.name, error, was_ready, retry_in))

    def _resume(self, now: float) -> None:
        """Connect again for those who came while an idle connection was being closed."""
        self._idling = False
        held, self._after_idling = self._after_idling, []
        for pending in held:
            if not pending.done():  # it may have been cancelled meanwhile
                self.send(pending, now)

    def retire(self, now: float, why: str) -> None:
        """Log off for good: ``why``, a sentence, is told to the actions under way, and to all that come later."""
        self._retired = why
        self.close(now, why)

    def close(self, now: float, why: str = "the client was closed.") -> None:
        """Log off; the owner hangs up when the server has, or at the latest after ``CLOSE_TIMEOUT``."""
        self._now = now
        self._idling = False
        held, self._after_idling = self._after_idling, []
        for pending in held:
            pending.fail(self._unsent(ConnectionFailed, f"{why} {pending.name} was not sent."))
        if self.state in LOGGED_IN:
            self.state = State.CLOSING
            self.doubt()  # it leaves, before the Logoff
            self._fail_all(ConnectionLost(why, server=self.config.name))
            self._ask(Logoff(), lambda _: None)
            self._deadline = now + CLOSE_TIMEOUT
            return
        if self.state in BEFORE_LOGIN:
            self.fault = ConnectionFailed(why, server=self.config.name)
            self.state = State.CLOSING
            return
        self._fail_all(ConnectionFailed(why, server=self.config.name))
        if self.state is not State.CLOSING:
            self.state = State.IDLE

    def give_up(self) -> None:
        """The server has had its time to close after the Logoff."""
        if self.state is State.CLOSING:
            self.fault = self.fault or ConnectionLost("the server did not close after Logoff.", server=self.config.name)

    @property
    def overdue(self) -> bool:
        """True if the server did not close in time after the Logoff."""
        return self.state is State.CLOSING and isinstance(self.fault, ConnectionLost)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        was_overdue, was_listing = self._pending.overdue, self._pending.listing is not None
        self._pending.expire(now, self._obstacle)
        if self._pending.overdue and not was_overdue and (was_listing or self._is_answering()):
            self._heartbeat.excuse(now)  # it is at it
        if self._deadline is not None and now >= self._deadline:
            self._deadline_passed()
        elif self.state in LOGGED_IN:
            self._beat(now)
        if self._may_idle() and now >= self._last_used + self.options.idle_timeout:
            self.close(now)
            self._idling = self.state is State.CLOSING

    def _is_answering(self) -> bool:
        """True if an answer has begun, and may come to its end."""
        parser = self._parser
        return parser.answering and not parser.discarding and not parser.swallowed

    def overslept(self, now: float, late: float) -> None:
        """This process was stopped, or had no time; what has come meanwhile is read. Ask before anything is lost.

        To be called before a ``tick`` that is so many seconds ``late``, which do not count as idle. An attempt to
        connect gets its time anew, once.
        """
        self._heartbeat.overslept()
        self._last_used += late
        if self.state in BEFORE_LOGIN and not self._excused:
            self._excused = True
            self._deadline = now + self.options.connect_timeout

    # --- actions ---

    def send(self, pending: PendingAction, now: float) -> None:
        """Send an action now, or as soon as the server is ready; or fail it at once, saying why."""
        self._now = self._last_used = now
        if self.state is not READY and self._turn_away(pending):
            return
        try:
            self._pending.add(pending, now)
        except Backpressure as error:
            pending.fail(error)
            return
        if self.state is not READY:
            self._waiting[pending.action_id] = pending
            self.start(now)
        elif pending.final_broadcast:
            self._transmit_with_outcome(pending)
        else:
            self._transmit(pending)

    def forget(self, pending: PendingAction) -> None:
        """The action was cancelled before it left."""
        self._pending.discard(pending)
        self._waiting.pop(pending.action_id, None)

    def _turn_away(self, pending: PendingAction) -> bool:
        """True for one that comes at a bad time, and is told so; or has to wait for the next connection."""
        if self._retired is not None:
            pending.fail(self._unsent(ConnectionFailed, f"{self._retired} {pending.name} was not sent."))
        elif self.state is State.REFUSED:
            kind = ConnectionForbidden if isinstance(self.last_error, ConnectionForbidden) else AuthenticationFailed
            pending.fail(self._unsent(kind, f"{self._why()} {pending.name} was not sent."))
        elif self._idling:
            # Nobody can know that the last one was idle for too long: it is no error to come just then.
            self._after_idling.append(pending)
        elif self.state is State.CLOSING or (self.circuit_open and self.state in UNREACHED):
            pending.fail(self._unsent(ConnectionFailed, f"not connected: {self._why()} {pending.name} was not sent."))
        else:
            return False
        return True

    def _why(self) -> str:
        if self.last_error is None or self.state is State.CLOSING:
            return "the connection is being closed."
        if self.state is State.WAITING:
            return f"{self.last_error.message} Next attempt in {max(0.0, self.retry_at - self._now):.1f} s."
        return self.last_error.message

    def _unsent(self, kind: type[AmiError], message: str) -> AmiError:
        return kind(message, server=self.config.name, sent=False)

    def _transmit_with_outcome(self, pending: PendingAction) -> None:
        self._parser.also = _CALL_EVENTS
        if self._mask == "on" or "call" in self._mask.split(","):
            self._transmit(pending)
        elif self.role is Role.CALLER:
            self._outcomes.transmit(pending)
        else:
            self._refuse_outcome(pending, f"this listener's events are {self._mask!r}; add 'call' to them")

    def _refuse_outcome(self, pending: PendingAction, why: str, kind: type[AmiError] = ConfigurationError) -> None:
        message = f"cannot wait for the outcome of {pending.name}: {why}. It was not sent."
        self._pending.discard(pending).fail(self._unsent(kind, message))

    def _transmit(self, pending: PendingAction) -> None:
        wire = pending.take_wire()
        if not wire or pending.done():
            self._pending.discard(pending)  # it was cancelled, or its time was over before the connection was there
            return
        if len(self.outgoing) + len(wire) > self.options.write_buffer_limit:
            message = (
                f"the server does not read: {len(self.outgoing)} bytes are waiting (option write_buffer_limit); "
                f"{pending.name} was not sent."
            )
            self._pending.discard(pending).fail(self._unsent(Backpressure, message))
            return
        pending.position = self._queued
        self._queued += len(wire)
        self.outgoing += wire
        self._pending.written(pending)

    def _ask(self, action: Action, then: Callable[[PendingAction], None], *, anyway: bool = False) -> None:
        """Send an action of the session's own, past the gate that holds back users' until the server is ready.

        ``anyway`` if it goes however many are unanswered.
        """
        action_id = self._ids()
        # The whole login has a deadline. Later, no longer than the silence that means a loss: only a user's action may
        # keep the server mute beyond that.
        timeout = inf if self.state in BEFORE_LOGIN else self._heartbeat.patience(self._now)
        pending = PendingAction(action, action_id, encode(action, action_id), server=self.config.name, timeout=timeout)
        pending.add_done_callback(then)  # not by way of the variable: it would hold itself
        try:
            self._pending.add(pending, self._now, anyway=anyway)
        except Backpressure as error:
            pending.fail(error)
        else:
            self._transmit(pending)

    def _fail_all(self, cause: AmiError) -> None:
        self._waiting.clear()
        written = self._written

        def error(pending: PendingAction) -> AmiError:
            sent = pending.position is not None and written > pending.position
            if isinstance(cause, ConnectionFailed) and not sent:
                return type(cause)(f"{cause.message} {pending.name} was not sent.", server=cause.server, sent=False)
            advice = "it may have been carried out: look before you repeat it." if sent else "it was not sent."
            return ConnectionLost(
                f"{cause.message} {pending.name} was under way; {advice}", server=cause.server, sent=sent
            )

        self._pending.fail_all(error)

    # --- messages ---

    def _sort(self, messages: list[Event | Response | Oversized]) -> list[Event]:
        """Hand answers to their actions, and give what is left: events for receivers."""
        if self._parser.plain and not self._pending:
            return cast("list[Event]", messages)
        events = []
        interest, pending, mine = self._interest, self._pending, self._pending.mark
        answered = False
        calls = pending.calls
        for message in messages:
            if isinstance(message, Event):
                asked = message.raw.find(mine) >= 0  # as ``in``, in half the time
                if calls and message.name in CALL_EVENTS:
                    pending.observe(message)
                if self._claim(message) if asked else pending.listing and pending.adopt(message):
                    continue
                if message.name == "FullyBooted":
                    self._fully_booted()
                if interest is None or message.name.lower() in interest:
                    events.append(message)
                else:
                    self.ignored += 1
            elif isinstance(message, Response):
                answered = pending.match(message, self._now) or answered
            else:
                pending.oversized(message.action_id, message.limit)
        if answered:
            self._heartbeat.answered(self._now)
        return events

    def _sort_around_text(self, messages: list[Event | Response | Oversized]) -> list[Event]:
        """The same where text came between them, which may be an answer: the next one tells. So ask, if nobody has."""
        events: list[Event] = []
        start = 0
        for number, text in self._parser.stray:
            events += self._sort(messages[start:number])
            start = number
            if self._pending.add_text(text) and self.state is READY:
                self._ask(Ping(), lambda _: None)
        return events + self._sort(messages[start:])

    def _claim(self, event: Event) -> bool:
        mine = self._pending.claim(event, self._now)
        self._pending.hastened = self._pending.hastened or event.name == "OriginateResponse"
        return mine

    # --- from login to ready ---

    def _greeted(self, banner: str) -> None:
        self.state = State.LOGIN
        self._pending.in_order = "proxy" not in banner.lower()
        self._handshake.greeted(banner)

    def logged_in(self) -> None:
        """The login was accepted; that is not ready yet."""
        self.state = State.BOOTING
        self._deadline = None

    def identified(self) -> None:
        """Who is there is known; FullyBooted would have come by now, if the server is booted and we may see it."""
        self._identified = True
        self._pending.undeclared_lists = _is_old(self.ami_version)
        # Only an account that has seen FullyBooted before can tell a server that boots from one that does not say.
        self._deadline = self._now + (self.options.boot_timeout if self._sees_boot else self.options.boot_grace)
        if self._booted:
            self._become_ready()

    def failed(self, error: AmiError) -> None:
        """The login went wrong; of no interest if we are leaving anyway."""
        if self.state is not State.CLOSING:
            self.fault = self.fault or error

    def _fully_booted(self) -> None:
        self._booted = self._sees_boot = True
        if self.state is State.BOOTING and self._identified:
            self._become_ready()

    def _become_ready(self) -> None:
        self.state = READY
        self._deadline = None
        self.ready_since = self._last_used = self._now
        self._breaker.succeeded()
        self.connects += 1
        if self._mask != "on" and "system" not in self._mask.split(","):
            self._ask(Events(self._mask), lambda _: None)
        warning = "" if self._booted or self.role is Role.CALLER else self._handshake.unbooted(expected=self._sees_boot)
        self._sees_boot = self._booted
        self.notices.append(
            Ready(self.config.name, self.ami_version, self.asterisk_version, again=self.connects > 1, warning=warning)
        )
        waiting, self._waiting = self._waiting, {}
        for pending in waiting.values():
            (self._transmit_with_outcome if pending.final_broadcast else self._transmit)(pending)

    # --- time ---

    def _deadline_passed(self) -> None:
        self._deadline = None
        match self.state:
            case State.BOOTING:
                self._become_ready()
            case State.CLOSING:
                self.give_up()
            case _:
                why = self._obstacle(self.options.connect_timeout)
                self.fault = ConnectionFailed(why, server=self.config.name)

    def _obstacle(self, within: float | None = None) -> str:
        """What keeps the session from being ready; empty if nothing is known of it."""
        address = self.config.address
        match self.state:
            case State.CONNECTING:
                return (no_tls if self._encrypting else no_connection)(address, within)
            case State.GREETING:
                return no_greeting(self.config, within)
            case State.LOGIN:
                return no_login(address, self._parser.banner or "", within)
            case State.BOOTING:
                return no_booting(address)
        return self.last_error.message if self.last_error and self.state is State.WAITING else ""

    def _busy_until(self) -> float | None:
        running = self._pending.running()
        # Who sends a message without end is not mute because it is busy.
        return None if running is None or self._parser.discarding else running.deadline

    def _beat(self, now: float) -> None:
        if self._heartbeat.lost(now, self._busy_until()):
            self.fault = ConnectionLost(self._why_lost(now), server=self.config.name)
        elif self._heartbeat.ping_due(now):
            self._heartbeat.pinged(now)
            # A server on which so many calls ring is not lost, and is to be asked.
            self._ask(Ping(), lambda _: None, anyway=True)

    def _why_lost(self, now: float) -> str:
        silence = now - self._heartbeat.last_received
        if silence < self.options.read_timeout:
            return (
                f"no Ping was answered within {self.options.read_timeout:g} s (option read_timeout), though it goes on "
                "sending: is there a proxy in between?"
            )
        if now - self._grown_at < self.options.read_timeout / 2:
            parser = self._parser
            what = f"a message without an end, of which {parser.buffered} bytes are held"
            if not parser.unfinished:
                what = "text that is no message"
            return (
                f"nothing received for {silence:.1f} s (option read_timeout) but {what}: is there a proxy in between?"
            )
        return f"nothing received for {silence:.1f} s (option read_timeout): the server or the way to it is dead."

    def _may_idle(self) -> bool:
        return (
            self.role is Role.CALLER
            and self.options.idle_timeout > 0
            and self.state in (State.READY, State.WAITING)
            and not self._pending
        )


def _is_old(ami_version: str) -> bool:
    """True for AMI before 2.7 (Asterisk 13.2)."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", ami_version)
    return found is not None and (int(found[1]), int(found[2])) < (2, 7)


def _with_system(mask: str) -> str:
    """The mask of the login: FullyBooted is of class system, and comes only to a mask that has it."""
    names = [] if mask == "off" else mask.split(",")
    return mask if mask == "on" or "system" in names else ",".join([*names, "system"])
