"""The link between the socket of a server and its session: bytes go to and fro, a timer wakes both.

Rule: nothing here blocks. A read or a write that has only settled or added actions, as nearly all
have, ends here. Its server settles all else that may follow.
"""

from __future__ import annotations

import time
from contextlib import suppress
from selectors import EVENT_READ
from typing import TYPE_CHECKING

from django_ami.core.actions.base import LARGEST_ACTION_BYTES
from django_ami.core.errors import AmiError, ConnectionLost
from django_ami.core.event_id import make_epoch
from django_ami.core.log import get_logger
from django_ami.core.session import READY, Gap, TookOver

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.cluster.backlog import Backlog
    from django_ami.core.reactor import Loop, Timer, Traffic
    from django_ami.core.request import Request
    from django_ami.core.session.conversation import Session
    from django_ami.core.transport import Transport

__all__ = ["Link"]

logger = get_logger(__name__)


class Link:
    """The socket of one server, while there is one; its session; and the timer of both.

    ``settle(proceeded)`` is called when there is more to be settled; ``proceeded`` says that the
    server was heard. ``lost(error)`` is called when the connection has ended, and
    ``contain(error)`` for unexpected errors.
    """

    def __init__(
        self,
        session: Session,
        loop: Loop,
        traffic: Traffic,
        backlog: Backlog,
        *,
        settle: Callable[[bool], None],
        lost: Callable[[AmiError], None],
        contain: Callable[[Exception], None],
    ) -> None:
        self.transport: Transport | None = None
        self.timer: Timer | None = None
        self._session = session
        self._exchange = session.exchange
        #: Each has a reply that is awaited, once the server answers.
        self._unsettled = session.exchange.pending.unsettled
        self._loop = loop
        self._traffic = traffic
        self._backlog = backlog
        self._settle, self._lost, self._contain = settle, lost, contain
        self._watched: tuple[int, int] | None = None
        self._awaited = 0
        #: True if the socket wakes us for what is to be read, and for nothing else.
        self._reads_only = False
        #: Nothing is read until receivers have made room.
        self._pausing = False
        #: True if the end of this turn writes what was sent in it.
        self._settling = False
        options = session.config.options
        self._heartbeat_interval = session.exchange.liveness.heartbeat.interval
        # A plain socket waits to write only for what is in ``outgoing``; and the timer of the
        # heartbeat comes round before a connection has been idle for too long.
        self._is_tls = session.config.tls is not None
        self._steady = not self._is_tls and not (
            0 < options.idle_timeout < options.heartbeat_interval
        )
        #: How many bytes may wait for the end of the turn: the largest action fits behind them.
        self._put_off_bytes = options.write_buffer_limit - LARGEST_ACTION_BYTES

    # --- actions ---

    def send(self, request: Request) -> None:
        """To be called by the reactor. Actions that are sent in one turn leave in one write."""
        try:
            exchange = self._exchange
            if len(exchange.outgoing) > self._put_off_bytes:
                self.write()  # a server that reads is not to blame for what we have put off
            exchange.send(request, self._loop.now)
        except Exception as error:  # noqa: BLE001  (it is told)
            self._contain(error)
            _end(request)
            return
        # Before one whose outcome is wanted the session may have asked for more, which has
        # deadlines of its own.
        timer = self.timer
        if timer is not None and (request.final_broadcast or request.deadline < timer.when):
            timer.cancel()
            self.timer = None
        if not self._settling:
            self._settling = True
            self._loop.call_after_calls(self._settle_sent)

    def _settle_sent(self) -> None:
        try:
            self.write()
            if self.is_settled():
                self.hurry()
            else:
                self._settle(False)
        except Exception as error:  # noqa: BLE001  (it is told)
            self._contain(error)

    def is_settled(self) -> bool:
        """True if this read or write has made no deadline earlier, as nearly always.

        It has only settled or added actions. The next heartbeat may be, if one has been answered;
        and an idle connection may live a heartbeat longer. For an action that is due before the
        timer there is none any more.
        """
        session, exchange, timer = self._session, self._exchange, self.timer
        return (
            session.state is READY
            and timer is not None
            and timer.when <= self._loop.now + self._heartbeat_interval
            and self._reads_only
            and not (exchange.outgoing or session.notices or session.fault or exchange.hastened)
        )

    # --- the socket ---

    def open(self, transport: Transport, received: bytes, *, more: bool) -> None:
        """An address has greeted: these bytes were ``received`` of it by now."""
        self.transport = transport
        self._exchange.parser.epoch = make_epoch(time.time())
        transport.begin_log(received)
        self._receive(received, more=more)
        if more and self._is_tls:
            self._loop.call_soon(self._read_on)

    def close(self, why: str) -> None:
        """Give the connection up, if there is one."""
        self._unwatch()
        if self.transport is not None:
            self.transport.close(why)
            self.transport = None

    def abandon(self) -> None:
        """Let go of the socket without a word: it belongs to another process."""
        # Two threads of a forked child may come at the same time.
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abandon()

    def _ready(self, _events: int) -> None:
        transport = self.transport
        if transport is None:
            return
        try:
            try:
                data, more = transport.read(hurry=self._awaited > 0)
            except AmiError as error:
                self._lost(self._session.fault or error)
            else:
                if data:
                    self._receive(data, more=more)
                    if more and self._is_tls:
                        # TLS may have read ahead: no selector tells.
                        self._loop.call_soon(self._read_on)
            if self.is_settled():
                self.hurry()
            else:
                self._settle(True)
        except Exception as error:  # noqa: BLE001  (it is told)
            self._contain(error)

    def _read_on(self) -> None:
        if not self._pausing:
            self._ready(0)

    def read_again(self) -> None:
        """Receivers may have made room."""
        if self._pausing and not self._may_pause():
            self._ready(0)

    def _may_pause(self) -> bool:
        """True if no more is to be read for a moment, and no caller waits for a reply."""
        return self._backlog.pausing and self._session.state is READY and not self._unsettled

    def _receive(self, data: bytes, *, more: bool) -> None:
        session, exchange, backlog = self._session, self._exchange, self._backlog
        events = exchange.receive(data, self._loop.now)
        while session.notices and isinstance(session.notices[0], Gap | TookOver):
            backlog.add_notice(session.notices.pop(0))  # all of these came behind it
        seen = bool(events or exchange.ignored)
        traffic = self._traffic
        traffic.flooded = more
        if more:
            traffic.unread = True
        if seen and session.state is READY:
            traffic.eventful = True
        # If some wait for room, there is more to be settled than a read.
        if (seen or backlog.gathering_since is not None) and backlog.add(
            events, exchange.ignored, exchange.most_bytes, read=len(data), more=more
        ):
            self._reads_only = False

    def read_rest(self) -> None:
        """The time for the logoff is over: read the bytes that have arrived by now, and no more.

        The server may go on for ever.
        """
        if self.transport is None:
            return
        try:
            self._read_unread(self.transport)
        except AmiError:
            return  # it has closed, after all
        logger.warning(
            "%s Events that it writes from now on are not counted.",
            self._session.fault,
            extra={"server": self._session.config.name},
        )

    def _read_unread(self, transport: Transport, *, if_there_is_room: bool = False) -> None:
        """Read all that has arrived by now, or as much as there is room for.

        Raises ConnectionLost if that is the end.
        """
        left, more = transport.most_unread, True
        while more and left > 0 and not (if_there_is_room and self._backlog.waiting):
            data, more = transport.read()
            left -= len(data)
            if data:
                self._receive(data, more=more)

    def catch_up(self) -> bool:
        """This process was stopped: read all that has arrived, before anything counts as lost.

        False if that was the end of the connection.
        """
        if self.transport is not None:
            try:
                self._read_unread(self.transport, if_there_is_room=True)
            except AmiError as error:
                self._lost(self._session.fault or error)
                return False
        return True

    def write(self) -> None:
        """Write what the session has to say, as far as it fits."""
        self._settling = False
        exchange, transport = self._exchange, self.transport
        # A link that breaks as we write ends when all that had arrived is read, which may be
        # megabytes.
        if transport is not None and exchange.outgoing and transport.broken is None:
            transport.write(exchange.outgoing)
            if transport.write_refused:
                with suppress(AmiError):
                    self._read_unread(transport)
                session = self._session
                session.fault = session.fault or transport.broken

    # --- its events and its timer ---

    def watch(self) -> None:
        """Have the loop watch for what the socket and the session wait for."""
        transport = self.transport
        if transport is None:
            return
        events = transport.events(wants_write=bool(self._exchange.outgoing))
        self._pausing = self._may_pause()
        if self._pausing:
            events &= ~EVENT_READ
        if not events:
            self._unwatch()
        elif self._watched is None or events != self._watched[1]:
            self._watched = transport.fileno(), events
            self._loop.watch(*self._watched, self._ready)
        self._reads_only = self._steady and events == EVENT_READ and not self._backlog.waiting

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._loop.unwatch(self._watched[0])
            self._watched = None
            self._reads_only = False

    def hurry(self) -> bool:
        """Serve this socket first while a reply is awaited on it. False if it is not watched."""
        if self._watched is None:
            return False
        is_ready = self._session.state is READY
        awaited = len(self._unsettled) if is_ready else self._exchange.awaited
        if awaited or self._awaited:
            self._awaited = awaited
            self._loop.priority.await_replies(self._watched[0], awaited)
        return True

    def arm(self, deadline: float | None, due: Callable[[], None]) -> None:
        """Have ``due`` called at the deadline, or earlier: then it only asks again.

        So a deadline that moved away costs nothing.
        """
        if deadline is None or (self.timer is not None and self.timer.when <= deadline):
            return
        self.cancel_timer()
        self.timer = self._loop.call_at(deadline, due)

    def cancel_timer(self) -> None:
        """Forget the timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def _end(request: Request) -> None:
    """Something went wrong while it was sent: it has an end all the same."""
    if not request.done():
        text = (
            f"something unexpected happened when {request.name} was sent: look before you "
            "repeat it."
        )
        request.fail(ConnectionLost(text, server=request.server, sent=True))
