"""One server's session: its states, its notices, and the times at which something is due.

Rule: the owner of the socket calls ``connecting``, ``connected`` and ``disconnected``, and those of
``obstacle``, as these things happen. It hands bytes to ``exchange``, writes those that are
``outgoing`` there, and hangs up at a ``fault``. No I/O, no clock, and one thread at a time.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from django_ami.core.actions import Events, Logoff
from django_ami.core.errors import AmiError, ConnectionFailed, ConnectionLost
from django_ami.core.session.connections import Connections, EndReason
from django_ami.core.session.exchange import Exchange
from django_ami.core.session.gate import Gate
from django_ami.core.session.hearing import Hearing
from django_ami.core.session.login import Handshake, Known
from django_ami.core.session.reaching import Obstacle, ended_early
from django_ami.core.session.retry import Retry, is_fatal
from django_ami.core.session.standby import Standby
from django_ami.core.session.state import (
    BEFORE_LOGIN,
    CLOSE_TIMEOUT_SECONDS,
    GREETING,
    LOGGED_IN,
    READY,
    TRANSITIONS,
    Lost,
    Role,
    State,
    TookOver,
)
from django_ami.core.session.widening import Widening

if TYPE_CHECKING:
    from django_ami.core.config import ServerConfig
    from django_ami.core.correlation import ActionIds
    from django_ami.core.session.state import Notice

__all__ = ["Session"]


class Session:
    """The state of one server, over all its connections.

    ``exchange`` carries its actions and messages, ``retry`` knows when to try it again, ``known``
    what it has told of itself, and ``obstacle`` why it is not ready.
    """

    def __init__(self, config: ServerConfig, role: Role, ids: ActionIds) -> None:
        self.config = config
        self.role = role
        self.state = State.IDLE
        self.fault: AmiError | None = None
        self.notices: list[Notice] = []
        self.ready_since: float | None = None
        self.connections = Connections()
        self.known = Known()
        self.retry = Retry(config.options)
        self._mask = config.options.events if role is Role.LISTENER else "off"
        self._gate = Gate(config.name, self.retry)
        self.exchange = Exchange(
            config, ids, self._mask, self._gate, self, filters=role is Role.CALLER
        )
        self._idle_timeout = config.options.idle_timeout if role is Role.CALLER else 0.0
        self.hearing = Hearing(config.name, wanted=self._mask != "off")
        self._widening = Widening(
            config, self.exchange, self._gate, self.known, self.connections, self._mask
        )
        self.obstacle = Obstacle(config)
        self.standby = Standby(
            self.exchange, self.hearing, self, lambda told: self.notices.extend(told)
        )
        self._begin_connection(0.0)

    def _begin_connection(self, now: float) -> None:
        """Forget the last connection, and all that was of it alone."""
        self.exchange.begin(now)
        self._handshake = Handshake(
            self.config, self.known, self._mask, self.exchange.ask, self, self._widening.select
        )
        self._handshake.silent = self.standby.is_on
        self._deadline: float | None = None
        self._excused = False
        self._widening.forget()
        self.obstacle.begin()
        self.fault = None

    def _go(self, state: State) -> None:
        """Change the state: here alone, and as ``TRANSITIONS`` allows."""
        assert state is self.state or state in TRANSITIONS[self.state], f"{self.state} to {state}"  # noqa: S101
        self.state = self.exchange.state = state

    @property
    def ready(self) -> bool:
        return self.state is READY

    def set_interest(self, names: frozenset[str] | None) -> None:
        """Which events are wanted, in lower case (None: all); filters may need a new login."""
        self.exchange.set_interest(names)
        if self.state in (State.LOGIN, *LOGGED_IN):
            self._widening.compare(self._handshake.selection, self.exchange.now)
            self._widen()
            self.exchange.hastened |= self._widening.look_at is not None

    def _widen(self) -> None:
        """End the connection for one with other filters, as soon as no action is lost by that."""
        self.fault = self.fault or self._widening.look(self.exchange.now)

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do, if nothing else happens; ``retry.at`` is apart."""
        exchange = self.exchange
        exchange.hastened = exchange.pending.hastened = False
        followed = exchange.following.next_deadline() if exchange.following.calls else None
        times = [exchange.pending.next_deadline(), self._deadline, followed]
        if self.state in LOGGED_IN:
            times.append(exchange.liveness.next_deadline())
        if self.state is State.REFUSED:
            times.append(self.retry.at)
        if self.state is READY:
            times.append(self._widening.look_at)
        if self._may_idle():
            times.append(exchange.last_used + self._idle_timeout)
        earliest = min((time for time in times if time is not None), default=inf)
        return None if earliest == inf else earliest

    def start(self, now: float) -> None:
        """A connection is wanted; attempts begin at once."""
        if self.state is State.IDLE:
            self._go(State.WAITING)
            self.retry.begin(now)
            self.exchange.last_used = now

    def connecting(self, now: float) -> None:
        """An attempt begins."""
        self._begin_connection(now)
        self._go(State.CONNECTING)
        self._deadline = now + self.config.options.connect_timeout

    def connected(self, now: float) -> None:
        """The transport is up, TLS included."""
        self.exchange.now = now
        self._go(GREETING)
        self.obstacle.connected()

    def disconnected(self, error: AmiError, now: float) -> None:
        """The connection is gone, or the attempt has failed; everything under way fails with it."""
        exchange = self.exchange
        exchange.now = now
        was_ready, closing = self.ready, self.state is State.CLOSING
        if self.state in BEFORE_LOGIN and isinstance(error, ConnectionLost):
            text = ended_early(error.message, greeted=self.state is State.LOGIN)
            error = ConnectionFailed(text, server=error.server)
        if self.ready_since is not None:
            self.retry.backoff.was_ready(now - self.ready_since, now)
        self.ready_since = None
        exchange.fail_all(error)
        exchange.following.lost()
        exchange.counters.swallowed_messages += exchange.parser.tail.swallowed
        self.hearing.end(exchange.liveness.heartbeat.last_received, self._widening.reason)
        missing = exchange.missing(identified=self._handshake.identified)
        self._begin_connection(now)
        if closing:
            self._go(State.IDLE)
        else:
            retry_in = self.retry.failed(error, now)
            self._go(State.REFUSED if is_fatal(error) else State.WAITING)
            self.notices.append(
                Lost(self.config.name, error, was_ready, retry_in, exchange.last_event_at, missing)
            )
        for request in self._gate.take_kept():
            exchange.send(request, now)

    def pardon(self, now: float) -> None:
        """Try a server that has refused us again at once, whatever the pause."""
        if self.state is State.REFUSED:
            # A caller that logs off when it has nothing to do connects when it has.
            self._go(State.IDLE if self._idle_timeout > 0 else State.WAITING)
            self.retry.at = now

    def retire(self, now: float, why: str) -> None:
        """Log off for good; actions in flight, and all later ones, are told ``why``, a sentence."""
        self._gate.retired = why
        self.close(now, why)

    def close(self, now: float, why: str = "the client was closed.") -> None:
        """Log off.

        The owner hangs up when the server has, or at the latest after ``CLOSE_TIMEOUT_SECONDS``.
        """
        exchange, name = self.exchange, self.config.name
        exchange.now = now
        exchange.following.end(why)
        self._gate.refuse_kept(why)
        if self.state in LOGGED_IN:
            self._go(State.CLOSING)
            exchange.outgoing.doubt()  # it leaves, before the Logoff
            exchange.fail_all(ConnectionLost(why, server=name))
            exchange.ask(Logoff(), lambda _: None)
            self._deadline = now + CLOSE_TIMEOUT_SECONDS
        elif self.state in BEFORE_LOGIN:
            self.fault = ConnectionFailed(why, server=name)
            self._go(State.CLOSING)
        else:
            exchange.fail_all(ConnectionFailed(why, server=name))
            if self.state is not State.CLOSING:
                self._go(State.IDLE)

    def give_up(self) -> None:
        """The server has had its time to close after the Logoff."""
        if self.state is State.CLOSING:
            self.fault = self.fault or ConnectionLost(
                "the server did not close after Logoff.", server=self.config.name
            )

    @property
    def overdue(self) -> bool:
        """True if the server did not close in time after the Logoff."""
        return self.state is State.CLOSING and isinstance(self.fault, ConnectionLost)

    def tick(self, now: float) -> None:
        """Do what is due."""
        exchange, liveness = self.exchange, self.exchange.liveness
        exchange.now = now
        liveness.expire(now, self._why_not_ready)
        if exchange.following.calls:
            exchange.following.tick(now, ready=self.state is READY)
        if self._deadline is not None and now >= self._deadline:
            self._deadline_passed()
        elif self.state in LOGGED_IN:
            if why := liveness.why_lost(now):
                self.broken(ConnectionLost(why, server=self.config.name), EndReason.SILENT)
            elif liveness.heartbeat.ping_due(now):
                exchange.ping()
            self._widen()
        elif self.state is State.REFUSED and now >= self.retry.at:
            self.pardon(now)
        if self._may_idle() and now >= exchange.last_used + self._idle_timeout:
            self.connections.ends(EndReason.IDLE)
            self.close(now)
            self._gate.keeping = self.state is State.CLOSING

    def stand_by(self, now: float) -> None:
        """Turn the events off: another process delivers them."""
        self.exchange.now = now
        self.standby.begin(self._handshake, ready=self.ready)

    def take_over(self, takeover: TookOver, heard_until: float | None, now: float) -> None:
        """Turn the events on: this process delivers them."""
        self.exchange.now = now
        self.standby.end(self._handshake, takeover, heard_until, ready=self.ready)

    def overslept(self, now: float, late: float) -> None:
        """This process was stopped: Ping before anything is lost.

        To be called before a ``tick`` that is ``late`` seconds late, when all that came meanwhile
        has been read. The time does not count as idle. An attempt gets its time anew, once.
        """
        self.exchange.liveness.heartbeat.overslept()
        self.exchange.last_used += late
        if self.state in BEFORE_LOGIN and not self._excused:
            self._excused = True
            self._deadline = now + self.config.options.connect_timeout

    # --- called by the exchange and the handshake ---

    def broken(self, error: AmiError, why: EndReason = EndReason.UNREADABLE) -> None:
        """The connection is of no more use."""
        self.fault = error
        self.connections.ends(why, ready=self.ready)

    def greeted(self, banner: str) -> None:
        """The greeting of the server is complete."""
        self._go(State.LOGIN)
        self.obstacle.greeted(banner)
        self.exchange.pending.order.is_kept = "proxy" not in banner.lower()
        self._handshake.greeted(banner)

    def logged_in(self) -> None:
        """The login was accepted; that is not ready yet."""
        self._go(State.BOOTING)
        self.obstacle.logged_in()
        self._deadline = None
        self.standby.logged_in(self._handshake, self.exchange.now)

    def identified(self) -> None:
        """The server's version is known.

        A FullyBooted that this account may see has come by now.
        """
        known, pending, options = self.known, self.exchange.pending, self.config.options
        pending.is_old = known.is_before(2, 7, unknown=False)  # Asterisk 13.2
        pending.old_commands.may_omit_ids = known.is_before(3, 0, unknown=True)  # Asterisk 14
        # Only an account that has seen FullyBooted before can tell a server that boots from one
        # that does not say.
        grace = options.boot_timeout if known.sees_boot else options.boot_grace
        self._deadline = self.exchange.now + grace
        if self._handshake.booted:
            self._become_ready()

    def failed(self, error: AmiError) -> None:
        """The login went wrong; of no interest if we are leaving anyway."""
        if self.state is not State.CLOSING:
            self.fault = self.fault or error

    def fully_booted(self) -> None:
        """The event FullyBooted came."""
        self._handshake.booted = self.known.sees_boot = True
        if self.state is State.BOOTING and self._handshake.identified:
            self._become_ready()

    def _become_ready(self) -> None:
        exchange = self.exchange
        self._go(READY)
        self._deadline = None
        self.ready_since = exchange.last_used = exchange.now
        self.retry.succeeded()
        mask = self._handshake.mask
        if mask != "on" and "system" not in mask.split(","):
            exchange.ask(Events(mask), lambda _: None)
        again, listens = self.connections.became_ready(), self.role is Role.LISTENER
        self.notices.append(self._handshake.ready(again=again, listens=listens))
        self.standby.ready(self._handshake)
        exchange.send_waiting(narrowed=self._handshake.narrowed)

    def _deadline_passed(self) -> None:
        self._deadline = None
        if self.state is State.BOOTING:
            self._become_ready()
        elif self.state is State.CLOSING:
            self.give_up()
        else:
            why = self.obstacle.why(self.config.options.connect_timeout)
            self.fault = ConnectionFailed(why, server=self.config.name)

    def _why_not_ready(self) -> str:
        """The reason why the session is not ready; empty if it is unknown."""
        if self.state in BEFORE_LOGIN or self.state is State.BOOTING:
            return self.obstacle.why()
        last_error = self.retry.last_error
        return last_error.message if last_error and self.state is State.WAITING else ""

    def _may_idle(self) -> bool:
        return (
            self._idle_timeout > 0
            and self.state in (State.READY, State.WAITING)
            and not (self.exchange.pending or self.exchange.following.calls)
        )
