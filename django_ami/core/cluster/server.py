"""One server: it is reached, it is linked to its session, and its events go to a backlog.

Rule: nothing here blocks, and after everything that happens socket, timer and the others are
brought up to date with the session, in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.cluster.backlog import Backlog
from django_ami.core.cluster.connecting import Connecting
from django_ami.core.cluster.containment import contained
from django_ami.core.cluster.link import Link
from django_ami.core.errors import AmiError, ConfigurationError, ConnectionFailed, ConnectionLost
from django_ami.core.log import get_logger
from django_ami.core.refusals import reason_of_refusal
from django_ami.core.session import LOGGED_IN, State
from django_ami.core.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from django_ami.core.cluster.admission import Admission
    from django_ami.core.delivery import Delivery
    from django_ami.core.reactor import Loop, Traffic
    from django_ami.core.session import Notice, TookOver
    from django_ami.core.session.conversation import Session
    from django_ami.core.transport import Transport

__all__ = ["Server"]

logger = get_logger(__name__)

#: How long between two looks of a server whether its predecessor has logged off.
SUCCESSION_SECONDS: Final = 0.01
#: A timer that is later than this says that the process was stopped, or had no time.
LATE_SECONDS: Final = 0.25
#: How long until a server is tried again whose connection could not even be closed.
RECOVERY_SECONDS: Final = 1.0
_CONNECTING: Final = frozenset({State.CONNECTING, State.GREETING, State.LOGIN})
_UNREACHED: Final = frozenset({State.CONNECTING, State.GREETING})
_UNCONNECTED: Final = frozenset({State.IDLE, State.WAITING, State.REFUSED})


class Server:
    """One server, over all its connections. All of it runs in turns of the reactor."""

    def __init__(
        self,
        session: Session,
        loop: Loop,
        traffic: Traffic,
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
        self._loop = loop
        self._admission = admission
        self._notify = notify
        #: Of the same name, with other settings: two connections at a time would bring every event
        #: twice.
        self._predecessor = predecessor
        self._attempting = False
        self._backlog = Backlog(
            self.config,
            loop,
            delivery,
            slowest_receiver,
            look=self._read_again,
            contain=self._contain,
        )
        self._link = Link(
            session,
            loop,
            traffic,
            self._backlog,
            settle=self._settle,
            lost=self._hang_up,
            contain=self._contain,
        )
        #: Send an action; a loop's thread calls it.
        self.send = self._link.send
        self._connecting = Connecting(
            session,
            loop,
            self._make_context(),
            won=self._begin_conversation,
            failed=self._fail_attempt,
            heard=lambda: admission.heard(self),
            contain=self._contain,
        )

    def _make_context(self) -> ssl.SSLContext | None:
        """The file of a certificate may be unreadable: that is told now, and not in the night."""
        if self.config.tls is None:
            return None
        try:
            return tls_context(self.config.tls)
        except ConfigurationError as error:
            raise error.at(self.name) from None

    # --- called by the cluster ---

    @contained
    def start(self) -> None:
        self.session.start(self._loop.now)
        self._settle()

    @contained
    def forget(self, action_id: str) -> None:
        """The action was cancelled before it left."""
        self.session.exchange.forget(action_id)
        self._settle()

    @contained
    def start_afresh(self) -> None:
        """A turn was cut short, and with whom is not known: so it is with everybody."""
        self._start_afresh(
            "the thread that was reading for all was interrupted by an exception (a task's time "
            "limit?): what it had just read may be lost."
        )

    def _contain(self, error: Exception) -> None:
        """Something went wrong that should not: this one connection ends for it.

        All others go on.
        """
        self._loop.let_through(error)
        self.session.exchange.counters.unexpected_errors += 1
        try:
            if isinstance(error, MemoryError):
                self._backlog.relieve()
            if isinstance(error, (OSError, MemoryError)):
                what = reason_of_refusal(error)
            else:
                what = f"a bug in django_ami ({type(error).__name__}), please report it."
                logger.error(
                    "%s: a bug in django_ami ends this connection:",
                    self.name,
                    exc_info=error,
                    extra={"server": self.name, "error": type(error).__name__},
                )
            self._start_afresh(f"{what} What had just been read may be lost.")
        except Exception:  # noqa: BLE001  (the same again: when there is memory again this server is there again)
            self._loop.call_at(self._loop.now + RECOVERY_SECONDS, lambda: self._contain(error))

    def _start_afresh(self, why: str) -> None:
        """Hang up: after an interrupted turn it is unknown which bytes were sent or handled."""
        # A timer, or a call, may be gone without having done what it was for.
        self._link.cancel_timer()
        self._connecting.start_afresh()
        if self.session.state in _CONNECTING:
            self._hang_up(ConnectionFailed(why))
        elif self.session.state not in _UNCONNECTED:  # even if the socket is gone
            self.session.exchange.outgoing.doubt()
            self._hang_up(ConnectionLost(why))
        self._admission.leave(self)
        self._attempting = False
        self._backlog.start_afresh()
        self._settle()

    @contained
    def set_interest(self, names: frozenset[str] | None) -> None:
        self.session.set_interest(names)
        if self.session.fault is not None or self.session.exchange.hastened:
            self._settle()

    @contained
    def stand_by(self) -> None:
        """Another process delivers its events from now on."""
        self.session.stand_by(self._loop.now)
        self._settle()

    @contained
    def take_over(self, takeover: TookOver, heard_until: float | None) -> None:
        """This process delivers its events from now on."""
        self.session.take_over(takeover, heard_until, self._loop.now)
        self.start()

    @contained
    def pardon(self) -> None:
        """Try it again if it has refused us: the cause may be gone."""
        self.session.pardon(self._loop.now)
        self._settle()

    @contained
    def give_up(self) -> None:
        """There is no more time for a logoff."""
        self.session.give_up()
        self._settle()
        self._backlog.hand_on_all()

    @contained
    def retire(self, why: str) -> None:
        """Log off for good; ``why`` is a sentence for those whose actions are under way."""
        self.session.retire(self._loop.now, why)
        self._settle()
        self._backlog.hand_on()

    @property
    def predecessor(self) -> Server | None:
        """The server of the same name whose end this one waits for."""
        return self._predecessor

    @property
    def closed(self) -> bool:
        if self._predecessor is not None and not self._predecessor.closed:
            return False
        if self._link.transport is not None or self._backlog.waiting:
            return False
        return self.session.state in (State.IDLE, State.REFUSED)

    def abandon(self) -> None:
        """Let go of the socket without a word: it belongs to another process."""
        self._link.abandon()
        self._connecting.abandon()

    # --- connecting ---

    @contained
    def attempt(self) -> None:
        """The admission lets this server in."""
        if self.session.state is not State.WAITING:
            self._admission.leave(self)
            return
        self._attempting = True
        self.session.connecting(self._loop.now)
        self._connecting.begin()
        self._settle()

    def _fail_attempt(self, error: AmiError) -> None:
        self._hang_up(error)
        self._settle()

    def _begin_conversation(self, transport: Transport, received: bytes, more: bool) -> None:
        """An address has greeted."""
        self.peer = transport.peer
        self._link.open(transport, received, more=more)
        self._settle()

    def _read_again(self) -> None:
        """Receivers may have made room."""
        self._link.read_again()

    def _hang_up(self, error: AmiError) -> None:
        # Anew: a traceback would hold on to the frames of the thread that led, a view's perhaps.
        error = error.at(error.server or self.name)
        self._link.close(error.message)
        self._connecting.end(error)
        self.session.disconnected(error, self._loop.now)

    # --- after everything that happens ---

    def _settle(self, proceeded: bool = False) -> None:
        """Bring socket, timer and the others up to date with the session.

        ``proceeded``: the server was heard.
        """
        session, link = self.session, self._link
        if proceeded and self._attempting:
            self._admission.heard(self)
        link.write()
        if link.is_settled():
            link.hurry()
        else:
            self._settle_all(session, link)

    def _settle_all(self, session: Session, link: Link) -> None:
        while session.fault is not None:
            if session.overdue:
                link.read_rest()
            reached = session.state not in _UNREACHED
            self._hang_up(session.fault if reached else self._connecting.explain(session.fault))
        if self._attempting and session.state not in _CONNECTING:
            self._attempting = False
            self._admission.leave(self)
            if session.state in LOGGED_IN:
                self._connecting.worked()
        while session.notices:
            notice = session.notices.pop(0)
            self._notify(notice)
            self._backlog.add_notice(notice)
        link.watch()
        deadline = session.next_deadline()
        if session.state is State.WAITING and self not in self._admission:
            deadline = session.retry.at if deadline is None else min(deadline, session.retry.at)
        link.arm(deadline, self._due)
        if not link.hurry():
            self._connecting.hurry()

    def _take_over(self) -> None:
        """Those before it have logged off; the last of them may never have logged in."""
        before, self._predecessor = self._predecessor, None
        while before is not None:
            self.session.hearing.succeed(before.session.hearing)
            self.session.standby.succeed(before.session.standby)
            before = before.predecessor

    @contained
    def _due(self) -> None:
        link, session = self._link, self.session
        timer, link.timer = link.timer, None
        late = 0.0 if timer is None else self._loop.now - timer.when
        if late > LATE_SECONDS:
            self._connecting.proceed()
            if link.catch_up():
                session.overslept(self._loop.now, late)
        session.tick(self._loop.now)
        if session.state is State.WAITING and self._loop.now >= session.retry.at:
            if self._predecessor is not None and not self._predecessor.closed:
                session.retry.at = self._loop.now + SUCCESSION_SECONDS
            else:
                self._take_over()
                self._admission.request(self)
        self._settle()
