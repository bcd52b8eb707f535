"""One attempt to reach a server: from its name to the first line of the address that answers.

Addresses race as in Happy Eyeballs (RFC 8305), but the race ends with a greeting, not with TCP.

::

    begin ─▶ name ─▶ address 1 ─▶ TCP ─▶ TLS ─▶ greeting ─▶ won
                     address 2 ─▶ …             STAGGER_SECONDS later, or when address 1 has failed
                     …

Rule: an address counts only if it greets. One that refuses, breaks off or speaks something else has
failed, and the next one is tried at once. One that is silent keeps its chance, and the next one is
tried beside it.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.core.addresses import shown
from django_ami.core.cluster.containment import contained
from django_ami.core.cluster.lookup import Lookup
from django_ami.core.cluster.preference import Preference
from django_ami.core.errors import (
    AmiError,
    AuthenticationFailed,
    ConnectionFailed,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.log import get_logger
from django_ami.core.protocol import Parser
from django_ami.core.session.reaching import ended_early
from django_ami.core.transport import Transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from django_ami.core.addresses import Address, Addresses
    from django_ami.core.reactor import Loop, Timer
    from django_ami.core.session.conversation import Session

__all__ = ["MOST_ADDRESSES", "STAGGER_SECONDS", "Connecting"]

logger = get_logger(__name__)

#: How long the addresses under way may be silent before the next one is tried (Connection Attempt
#: Delay of RFC 8305).
STAGGER_SECONDS: Final = 0.25
#: The least of it (Minimum Connection Attempt Delay of RFC 8305), if the attempt has little time
#: left.
LEAST_STAGGER_SECONDS: Final = 0.01
#: How many addresses of one server are tried beside each other. The oldest gives way to the next.
MOST_ADDRESSES: Final = 4


class _Candidate:
    """One address that is tried."""

    __slots__ = ("address", "events", "fileno", "parser", "received", "transport")

    def __init__(self, address: Address, transport: Transport) -> None:
        self.address = address
        self.transport = transport
        self.fileno = transport.fileno()
        self.events = 0
        #: For the first line alone: the session reads the ``received`` bytes anew.
        self.parser = Parser()
        self.received = bytearray()


class Connecting:
    """Makes the attempts to reach one server, one at a time. It runs in turns of the reactor.

    ``won(transport, received, more)`` is called with the connection that greets, what it said, and
    whether there is more to read. ``failed(error)`` is called when there is nothing left to try.
    ``heard()`` is called when the attempt proceeds, and ``contain(error)`` for unexpected errors.
    The session has the deadline of the whole attempt. The owner asks ``explain`` when it has
    passed, and calls ``end`` whenever the attempt, or the connection, is over.
    """

    def __init__(
        self,
        session: Session,
        loop: Loop,
        context: ssl.SSLContext | None,
        *,
        won: Callable[[Transport, bytes, bool], None],
        failed: Callable[[AmiError], None],
        heard: Callable[[], None],
        contain: Callable[[Exception], None],
    ) -> None:
        #: True from the beginning of an attempt until it is won, failed or ended.
        self.active = False
        self._session = session
        self._config = session.config
        self._loop = loop
        self._context = context
        self._won, self._failed, self._heard, self._contain = won, failed, heard, contain
        self._preference = Preference()
        #: The addresses that are tried, the oldest first; and those that are still to be tried.
        self._open: list[_Candidate] = []
        self._left: deque[Address] = deque()
        #: Why others have failed in this attempt, by their ``host:port``.
        self._errors: dict[str, str] = {}
        self._deadline = 0.0
        self._timer: Timer | None = None
        self._lookup = Lookup(self._config, loop, self._resolved)
        #: The address that has greeted, until it is known whether it takes the login.
        self._chosen: Address | None = None

    # --- an attempt ---

    def begin(self) -> None:
        """Begin an attempt."""
        self.active = True
        self._errors = {}
        self._deadline = self._loop.now + self._config.options.connect_timeout
        found = self._lookup.begin()
        if found is None:
            self._session.obstacle.resolving()
        else:
            self._race(found)

    def explain(self, error: AmiError) -> AmiError:
        """The deadline of the attempt has passed: the error, with what is known of each address."""
        if not self.active or (len(self._open) <= 1 and not self._errors):
            return error
        for candidate in self._open:
            reason = candidate.transport.obstacle(self._config.options.connect_timeout)
            self._errors[candidate.transport.peer] = reason
        return self._failure()

    def end(self, error: AmiError) -> None:
        """The connection, or the attempt, is over."""
        if self._chosen is not None and not isinstance(error, AuthenticationFailed):
            self._preference.failed(self._chosen)
        for (
            candidate
        ) in self._open:  # the next attempt begins with an address that this one never tried
            self._preference.failed(candidate.address)
        self.cancel()

    def worked(self) -> None:
        """The login was accepted: the next attempt begins with this address."""
        if self._chosen is not None:
            self._preference.worked(self._chosen)
            self._chosen = None

    def cancel(self) -> None:
        """Close what is under way, without a word."""
        self.active = False
        self._chosen = None
        self._left.clear()
        self._stop_timer()
        while self._open:
            self._close(self._open[0])

    def start_afresh(self) -> None:
        """A turn was cut short: an answer of the resolver may be lost."""
        self._lookup.start_afresh()
        self.cancel()

    def abandon(self) -> None:
        """Let go of the sockets: they belong to another process, and so does the selector."""
        candidates, self._open = self._open, []
        for candidate in candidates:
            candidate.transport.abandon()

    def proceed(self) -> None:
        """This process was stopped: read what has come before an address is taken for silent."""
        for candidate in tuple(self._open):
            self._ready(candidate)

    def hurry(self) -> None:
        """A caller waits for this connection, or no caller does any more."""
        for candidate in self._open:
            self._loop.priority.await_replies(candidate.fileno, self._session.exchange.awaited)

    # --- its addresses ---

    @contained
    def _resolved(self, found: Addresses | AmiError) -> None:
        if not self.active or self._open or self._left:
            self._lookup.keep(found)
            return
        self._session.obstacle.resolving(over=True)
        self._heard()
        self._race(found)

    def _race(self, found: Addresses | AmiError) -> None:
        if isinstance(found, AmiError):
            self._fail(found)
            return
        self._left.extend(self._preference.order(found))
        self._try_next()

    def _try_next(self) -> None:
        """Try the next address; if there is none, and none is under way, the attempt has failed."""
        self._stop_timer()
        while self._left:
            if len(self._open) == MOST_ADDRESSES:
                oldest = self._open[0]
                reason = oldest.transport.obstacle(MOST_ADDRESSES * STAGGER_SECONDS)
                self._give_up(oldest, ConnectionFailed(reason))
            address = self._left.popleft()
            try:
                candidate = _Candidate(address, Transport(self._config, address, self._context))
            except ConnectionFailed as error:
                self._errors[shown(address)] = error.message
                self._preference.failed(address)
                continue
            self._open.append(candidate)
            self._watch(candidate)
            self._await_silence()
            return
        if not self._open:
            self._fail(self._failure())

    def _await_silence(self) -> None:
        self._stop_timer()
        if self._left:
            # If little time is left, it is for all of them.
            share = (self._deadline - self._loop.now) / (2 * len(self._left) + 1)
            stagger = max(LEAST_STAGGER_SECONDS, min(STAGGER_SECONDS, share))
            self._timer = self._loop.call_at(self._loop.now + stagger, self._silent)

    @contained
    def _silent(self) -> None:
        self._timer = None
        self.proceed()  # it may have answered while this process was stopped
        if self.active and self._timer is None:
            self._try_next()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contained
    def _ready(self, candidate: _Candidate, _events: int = 0) -> None:
        """Go on with one address."""
        if candidate not in self._open:
            return
        transport = candidate.transport
        stage = transport.encrypting, transport.up
        try:
            if not transport.up:
                transport.advance()
            if (transport.encrypting, transport.up) != stage:
                self._proceeded(transport)
            if transport.up:
                self._listen(candidate)
        except ConnectionLost as error:
            self._lose(candidate, ConnectionFailed(ended_early(error.message)))
        except ProtocolError as error:
            self._lose(candidate, ConnectionFailed(error.message))
        except ConnectionFailed as error:
            self._lose(candidate, error)
        else:
            if self.active and candidate in self._open:
                self._watch(candidate)

    def _proceeded(self, transport: Transport) -> None:
        if transport.encrypting:
            self._session.obstacle.encrypting()
        else:
            self._session.connected(self._loop.now)
        self._heard()
        self._await_silence()

    def _listen(self, candidate: _Candidate) -> None:
        """Read until the first line is complete. Raises AmiError if it will never be."""
        data, more = candidate.transport.read()
        candidate.received += data
        candidate.parser.feed(data)
        if candidate.parser.banner is not None:
            self._win(candidate, more=more)
        elif more and self._context is not None:
            # Bytes that TLS has read ahead wake no selector.
            self._loop.call_soon(lambda: self._ready(candidate))

    # --- how it ends ---

    def _win(self, candidate: _Candidate, *, more: bool) -> None:
        self._unwatch(candidate)
        if self._errors:
            # An operator should see a refused certificate, even if another address works.
            level = logging.WARNING if self._context is not None else logging.INFO
            others = "; ".join(self._errors.values())
            logger.log(
                level,
                "%s: %s answers, other addresses have failed: %s",
                self._config.name,
                candidate.transport.peer,
                others,
                extra={"server": self._config.name},
            )
        self.cancel()
        self._chosen = candidate.address
        self._won(candidate.transport, bytes(candidate.received), more)

    def _lose(self, candidate: _Candidate, error: ConnectionFailed) -> None:
        self._give_up(candidate, error)
        self._try_next()

    def _give_up(self, candidate: _Candidate, error: ConnectionFailed) -> None:
        self._note(candidate, error)
        self._close(candidate)

    def _note(self, candidate: _Candidate, error: ConnectionFailed) -> None:
        self._errors[candidate.transport.peer] = error.message
        self._preference.failed(candidate.address)

    def _failure(self) -> ConnectionFailed:
        """Why the attempt has failed: of several addresses each is named."""
        if len(self._errors) == 1:
            (message,) = self._errors.values()
        else:
            errors = self._errors.items()
            message = "; ".join(
                text if peer in text else f"{peer}: {text}" for peer, text in errors
            )
        return ConnectionFailed(message, server=self._config.name)

    def _fail(self, error: AmiError) -> None:
        self.cancel()
        self._failed(error)

    # --- the sockets ---

    def _watch(self, candidate: _Candidate) -> None:
        events = candidate.transport.events(wants_write=False)
        # A TLS socket is another one than the plain socket was, with the same number.
        if events != candidate.events:
            candidate.events = events
            loop = self._loop
            loop.watch(candidate.fileno, events, lambda ready: self._ready(candidate, ready))
            loop.priority.await_replies(candidate.fileno, self._session.exchange.awaited)

    def _unwatch(self, candidate: _Candidate) -> None:
        self._open.remove(candidate)
        self._loop.unwatch(candidate.fileno)

    def _close(self, candidate: _Candidate) -> None:
        self._unwatch(candidate)
        candidate.transport.close()
