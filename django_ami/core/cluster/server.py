"""One server: its conversation, and the socket that carries it.

Rule: nothing here blocks, and after everything that happens socket, timer and the others are brought up to date with
the session, in one place.
"""

from __future__ import annotations

import logging
import threading
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import AmiError, ConfigurationError, ConnectionLost
from django_ami.core.session import READY, State
from django_ami.core.tls import tls_context
from django_ami.core.transport import Transport, is_numeric, resolve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from django_ami.core.cluster.admission import Admission
    from django_ami.core.delivery import Delivery
    from django_ami.core.messages import Event
    from django_ami.core.pending import PendingAction
    from django_ami.core.reactor import Reactor, Timer
    from django_ami.core.session import Notice, Session
    from django_ami.core.transport import Addresses

__all__ = ["Server"]

logger = logging.getLogger(__name__)

#: Dropped events are announced at most once in so many seconds.
DROP_INTERVAL: Final = 10.0
#: In a flood events are handed on so many at a time, or after so many seconds, whichever comes first; or when the
#: reactor's thread has rested. It is less than one read of a flood has, so that receivers get them while they are in
#: the caches.
ENOUGH: Final = 200
LONGEST_HOLD: Final = 0.005
#: So often a server whose predecessor is logging off looks whether that has ended.
SUCCESSION_SECONDS: Final = 0.01
#: A timer that is so late, in seconds, tells that this process was stopped, or had no time.
LATE_SECONDS: Final = 0.25
_CONNECTING: Final = frozenset({State.CONNECTING, State.GREETING, State.LOGIN})


class Server:
    """One server: its conversation, and the socket that carries it. All of it runs in turns of the reactor."""

    def __init__(
        self,
        session: Session,
        reactor: Reactor,
        admission: Admission,
        delivery: Delivery,
        notify: Callable[[Notice], None],
        slowest_receiver: Callable[[], str],
        predecessor: Server | None = None,
    ) -> None:
        self.session = session
        self.config = session.config
        self.name = session.config.name
        self.peer = session.config.address
        self._reactor = reactor
        self._admission = admission
        self._delivery = delivery
        self._notify = notify
        self._slowest_receiver = slowest_receiver
        #: Of the same name, with other settings: two connections at a time would bring every event twice.
        self._predecessor = predecessor
        self._unreported_drops = 0
        self._drop_timer: Timer | None = None
        self._transport: Transport | None = None
        self._context: ssl.SSLContext | None = None
        self._watched: tuple[int, int] | None = None
        self._timer: Timer | None = None
        self._resolving = False
        self._attempting = False
        self._settling = False
        # A plain socket waits to write only for what is in ``outgoing``; and the timer of the heartbeat comes round
        # before a connection has been idle for too long.
        options = self.config.options
        self._heartbeat_interval = session.heartbeat_interval
        self._steady = self.config.tls is None and not 0 < options.idle_timeout < options.heartbeat_interval
        self._held: list[Event] = []
        self._held_ignored = 0
        self._held_since: float | None = None
        self._hold_timer: Timer | None = None
        # The file of a certificate may be unreadable: that is told now, and not in the night.
        if self.config.tls is not None:
            try:
                self._context = tls_context(self.config.tls)
            except ConfigurationError as error:
                raise ConfigurationError(error.message, server=self.name) from None

    # --- what the cluster wants ---

    def start(self) -> None:
        self.session.start(self._reactor.now)
        self._settle()

    def send(self, pending: PendingAction) -> None:
        """To be called by the reactor. Actions that are sent in one turn leave in one write."""
        if len(self.session.outgoing) + pending.size > self.session.options.write_buffer_limit:
            self._write()  # a server that reads is not to blame for what we have put off
        self.session.send(pending, self._reactor.now)
        # Before one whose outcome is wanted the session may have asked for more, which has deadlines of its own.
        if self._timer is not None and (pending.final_broadcast or pending.deadline < self._timer.when):
            self._timer.cancel()
            self._timer = None
        if not self._settling:
            self._settling = True
            self._reactor.call_afterwards(self._settle)

    def forget(self, pending: PendingAction) -> None:
        """The action was cancelled before it left."""
        self.session.forget(pending)
        self._settle()

    def start_afresh(self) -> None:
        """What has been done with what had come, and has left of what was sent, is not known: hang up, and say so."""
        # A timer, or a call, may be gone without having done what it was for.
        for timer in (self._timer, self._drop_timer, self._hold_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._drop_timer = self._hold_timer = None
        self._resolving = False
        if self._transport is not None:
            self.session.doubt()
            self._hang_up(
                ConnectionLost(
                    "the thread that was reading for all was interrupted by an exception (a task's time limit?): "
                    "what it had just read may be lost."
                )
            )
        self._admission.leave(self)
        self._attempting = False
        self.hand_on()
        self._settle()

    def set_interest(self, names: frozenset[str] | None) -> None:
        self.session.set_interest(names)

    def close(self) -> None:
        self.session.close(self._reactor.now)
        self._settle()

    def give_up(self) -> None:
        """There is no more time for a logoff."""
        self.session.give_up()
        self._settle()
        self.hand_on()

    def retire(self, why: str) -> None:
        """Log off for good; ``why`` is a sentence for those whose actions are under way."""
        self.session.retire(self._reactor.now, why)
        self._settle()
        self.hand_on()

    @property
    def closed(self) -> bool:
        if self._predecessor is not None and not self._predecessor.closed:
            return False
        return self._transport is None and self.session.state in (State.IDLE, State.REFUSED)

    def abandon(self) -> None:
        """Let go of the socket without a word: it belongs to another process."""
        transport, self._transport = self._transport, None  # two threads of a forked child may come at the same time
        if transport is not None:
            transport.close()

    # --- connecting ---

    def attempt(self) -> None:
        """The admission lets this server in."""
        if self.session.state is not State.WAITING:
            self._admission.leave(self)
            return
        self._attempting = True
        self.session.connecting(self._reactor.now)
        host, port = self.config.host, self.config.port
        if is_numeric(host):
            self._resolved(_lookup(host, port))
        elif not self._resolving:
            # getaddrinfo blocks for as long as it likes. One thread at a time per server, and nobody waits for it.
            self._resolving = True
            reactor = self._reactor

            def look_up() -> None:
                found = _lookup(host, port)
                reactor.call_soon(lambda: self._resolved(found))

            threading.Thread(target=look_up, name=f"django_ami-dns-{self.name}", daemon=True).start()
        self._settle()

    def _resolved(self, found: Addresses | AmiError) -> None:
        self._resolving = False
        if self.session.state is not State.CONNECTING or self._transport is not None:
            return  # it took too long: the attempt is over
        try:
            if isinstance(found, AmiError):
                raise found
            self._transport = Transport(self.config, found, self._context)
        except AmiError as error:
            self._hang_up(error)
        else:
            self._limit_address()
        self._settle()

    def _limit_address(self) -> None:
        """An address that does not answer must leave time for the next one."""
        transport = self._transport
        if transport is None or not transport.more_addresses:
            return
        span = self.config.options.connect_timeout / (transport.more_addresses + 1)

        def give_up() -> None:
            if self._transport is transport and not transport.up:
                self._advance(transport)  # it may have answered while this process was stopped
            if self._transport is transport and not transport.up:
                self._unwatch()
                self._try(transport.next_address)
                self._limit_address()
                self._settle()

        self._reactor.call_at(self._reactor.now + span, give_up)

    # --- the socket ---

    def _ready(self, _events: int) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.up:
            self._read(transport)
        else:
            self._advance(transport)
        if self._is_settled():
            self._hurry()
        else:
            self._settle()

    def _is_settled(self) -> bool:
        """True if what was read or sent has changed nothing but who waits, as nearly always: no deadline is earlier.

        The next heartbeat may be, if one has been answered; and an idle connection may live a heartbeat longer. For an
        action that is due before the timer there is none any more.
        """
        session = self.session
        return (
            session.state is READY
            and self._timer is not None
            and self._timer.when <= self._reactor.now + self._heartbeat_interval
            and self._steady
            and self._watched is not None
            and self._watched[1] == EVENT_READ
            and not (session.outgoing or session.notices or session.fault or session.hastened)
        )

    def _advance(self, transport: Transport) -> None:
        tried = transport.tried
        self._try(transport.advance)
        if self._transport is None:
            return  # it failed
        if transport.tried != tried:
            self._unwatch()  # the next address has a socket of its own, perhaps with the number of the last one
        if transport.encrypting:
            self.session.encrypting()
        if transport.up:
            self.peer = transport.peer
            self.session.connected(self._reactor.now)
            self._read(transport)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except AmiError as error:
            self._hang_up(error)

    def _read(self, transport: Transport) -> None:
        try:
            data, more = transport.read(hurry=self.session.awaited > 0)
        except AmiError as error:
            self._hang_up(self.session.fault or error)
            return
        if not data:
            return
        self._receive(data, more=more)
        if more and self.config.tls is not None:
            # What TLS has read ahead wakes no selector.
            self._reactor.call_soon(lambda: self._ready(0))

    def _receive(self, data: bytes, *, more: bool) -> None:
        session = self.session
        events = session.receive(data, self._reactor.now)
        eventful = session.state is READY and bool(events or session.ignored)
        self._reactor.has_read(events=eventful, more=more)
        self._held += events
        self._held_ignored += session.ignored
        if self._held or self._held_ignored:
            self._hold(more=more)

    def _read_rest(self, transport: Transport) -> None:
        """The time for the logoff is over: read what has arrived by now, and no more: the server may go on for ever."""
        try:
            self._read_unread(transport)
        except AmiError:
            return  # it has closed, after all
        logger.warning("%s Events that it writes from now on are not counted.", self.session.fault)

    def _read_unread(self, transport: Transport) -> None:
        """Read all that has arrived by now. Raises ConnectionLost if that is the end."""
        left, more = transport.most_unread, True
        while more and left > 0:
            data, more = transport.read()
            left -= len(data)
            if data:
                self._receive(data, more=more)

    def _catch_up(self, late: float) -> None:
        """This process was stopped, or had no time: what came meanwhile is read before anything is taken for lost."""
        transport = self._transport
        if transport is not None and not transport.up:
            self._advance(transport)
        transport = self._transport
        if transport is not None and transport.up:
            try:
                self._read_unread(transport)
            except AmiError as error:
                self._hang_up(self.session.fault or error)
                return
        self.session.overslept(self._reactor.now, late)

    def _hold(self, *, more: bool) -> None:
        """Hand events on when all that had come is read, or there are enough, or some wait for too long.

        Who waits for an answer and gets events meanwhile is not to share the interpreter with those who receive them.
        """
        now = self._reactor.now
        if self._held_since is None:
            self._held_since = now
        gathering = more or (self._reactor.asking and self._held)
        if not gathering or len(self._held) >= ENOUGH or now >= self._held_since + LONGEST_HOLD:
            self.hand_on()
        elif self._hold_timer is None:
            # That there was more is no more than likely; and he may have his answer by now.
            self._hold_timer = self._reactor.call_at(now + LONGEST_HOLD, self._hold_no_longer)

    def _hold_no_longer(self) -> None:
        self._hold_timer = None
        self.hand_on()

    def hand_on(self) -> None:
        """Give those who wait for events what was held back."""
        self._held_since = None
        if not self._held and not self._held_ignored:
            return
        events, ignored = self._held, self._held_ignored
        self._held, self._held_ignored = [], 0
        dropped = self._delivery.put_events(self.name, events, ignored)
        if dropped:
            self._report_drops(dropped)

    def _report_drops(self, dropped: int) -> None:
        """Announce drops when they begin, and then once per interval for as long as they go on."""
        self._unreported_drops += dropped
        if self._drop_timer is None:
            self._announce_drops()

    def _announce_drops(self) -> None:
        self._drop_timer = None
        if not self._unreported_drops:
            return
        slowest = self._slowest_receiver()
        logger.warning(
            "%s: %d events dropped, %d in all: the queue of %d (option event_queue_capacity) is full.%s",
            self.name,
            self._unreported_drops,
            self._delivery.counts(self.name).dropped,
            self.config.options.event_queue_capacity,
            f" Slowest receiver: {slowest}." if slowest else "",
        )
        self._unreported_drops = 0
        self._drop_timer = self._reactor.call_at(self._reactor.now + DROP_INTERVAL, self._announce_drops)

    def _write(self) -> None:
        session, transport = self.session, self._transport
        # A link that breaks as we write ends when all that had arrived is read, which may be megabytes.
        if transport is not None and transport.up and session.outgoing and transport.broken is None:
            session.written(transport.write(session.outgoing))

    def _hang_up(self, error: AmiError) -> None:
        self._unwatch()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        error = error if error.server else error.at(self.name)
        self.session.disconnected(error, self._reactor.now)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._reactor.sockets.unwatch(self._watched[0])
            self._watched = None

    # --- after everything that happens ---

    def _settle(self) -> None:
        """Bring socket, timer and the others up to date with the session."""
        session = self.session
        self._settling = False
        self._write()
        if self._is_settled():
            self._hurry()
            return
        while session.fault is not None:
            if session.overdue and self._transport is not None:
                self._read_rest(self._transport)
            self._hang_up(session.fault)
        if self._attempting and session.state not in _CONNECTING:
            self._attempting = False
            self._admission.leave(self)
        if session.notices:
            self.hand_on()  # what came before it is told before it
            notices, session.notices = session.notices, []
            for notice in notices:
                self._notify(notice)
        self._watch()
        self._arm()
        self._hurry()

    def _hurry(self) -> None:
        if self._watched is not None:
            self._reactor.sockets.hurry(self._watched[0], self.session.awaited)

    def _watch(self) -> None:
        transport = self._transport
        if transport is None:
            return
        events = transport.events(wants_write=bool(self.session.outgoing))
        if self._watched is None or events != self._watched[1]:
            self._watched = transport.fileno(), events
            self._reactor.sockets.watch(*self._watched, self._ready)

    def _arm(self) -> None:
        """A timer that fires too early only asks again; so a deadline that moved away costs nothing."""
        session = self.session
        deadline = session.next_deadline()
        if session.state is State.WAITING and self not in self._admission:
            deadline = session.retry_at if deadline is None else min(deadline, session.retry_at)
        if deadline is None or (self._timer is not None and self._timer.when <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.call_at(deadline, self._due)

    def _due(self) -> None:
        timer, self._timer = self._timer, None
        session = self.session
        late = 0.0 if timer is None else self._reactor.now - timer.when
        if late > LATE_SECONDS:
            self._catch_up(late)
        session.tick(self._reactor.now)
        if session.state is State.WAITING and self._reactor.now >= session.retry_at:
            if self._predecessor is not None and not self._predecessor.closed:
                session.retry_at = self._reactor.now + SUCCESSION_SECONDS
            else:
                self._predecessor = None
                self._admission.request(self)
        self._settle()


def _lookup(host: str, port: int) -> Addresses | AmiError:
    try:
        return resolve(host, port)
    except AmiError as error:
        return error
