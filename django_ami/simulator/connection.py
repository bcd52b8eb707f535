"""One connection: it answers one request at a time, and then writes the events that waited.

Asterisk runs one thread per connection that does everything in turn (process_message(), then
process_events()); that is why an answer is never mixed with events and why a slow action keeps its
connection silent.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from django_ami.simulator import answers
from django_ami.simulator.exchange import Exchange
from django_ami.simulator.filters import EventFilter, let_through
from django_ami.simulator.ledger import SessionInfo
from django_ami.simulator.outbox import Outbox
from django_ami.simulator.requests import ReceivedAction, RequestReader

if TYPE_CHECKING:
    from django_ami.simulator.events import Event
    from django_ami.simulator.options import User
    from django_ami.simulator.script import Rule
    from django_ami.simulator.server import Server
    from django_ami.simulator.streams import Stream

__all__ = ["Session"]

_BEFORE_LOGIN = {"login", "logoff", "challenge"}


class Session:
    """The server's side of one connection."""

    def __init__(self, number: int, server: Server, stream: Stream) -> None:
        self.number = number
        self.server = server
        self.user_name = ""
        self.read_bits = 0
        self.write_bits = 0
        self.events_mask = 0
        self.filters: list[EventFilter] = []
        self.challenge = ""
        self.closing = False
        self.muted = False
        self.events_sent = 0
        self._stream = stream
        self._requests = RequestReader()
        self._busy = False
        self._held: list[bytes] = []
        self._event_came = asyncio.Event()
        self.ended = asyncio.Event()
        self._conversation: asyncio.Task[None] | None = None
        self.peer = stream.peer
        self.started = int(time.time())
        self.outbox = Outbox(stream, server.faults, server.limits.writetimeout, self._count_events)

    @property
    def logged_in(self) -> bool:
        """Was a login accepted?"""
        return bool(self.user_name)

    @property
    def mask(self) -> int:
        """The classes whose events this session gets."""
        return self.events_mask & self.read_bits

    def info(self) -> SessionInfo:
        """A snapshot."""
        return SessionInfo(
            self.number, self.peer, self.user_name, self.logged_in, self.mask, self.events_sent
        )

    # --- events ---

    def wants(self, event: Event) -> bool:
        """May this session have the event? All its classes must be in the mask.

        Then the filters decide.
        """
        if not self.logged_in or (self.mask & event.bits) != event.bits:
            return False
        return not self.filters or let_through(self.filters, event.name, event.text)

    def send_event(self, data: bytes) -> None:
        """Whole broadcast events: written now, or after the answer that is being worked on."""
        if self.muted:
            return
        if self._busy:
            self._held.append(data)
            self._event_came.set()
        else:
            self.outbox.put(data, events=True)

    async def wait_event(self, seconds: float | None) -> bytes:
        """WaitEvent: the events held by now, or those that come within the time."""
        self._event_came.clear()
        if not self._held:
            try:
                await asyncio.wait_for(self._event_came.wait(), seconds)
            except TimeoutError:
                return b""
        data, self._held = b"".join(self._held), []
        return data

    def drop_held(self) -> None:
        """Forget the events that wait for the end of the action."""
        self._held.clear()

    def _count_events(self, count: int) -> None:
        self.events_sent += count
        self.server.ledger.count("events_sent", count)

    # --- life ---

    async def run(self) -> None:
        """Serve the connection until it ends."""
        writing = asyncio.create_task(self.outbox.run())
        self._conversation = asyncio.create_task(self._converse())
        try:
            await self._conversation
        except OSError:
            pass
        except asyncio.CancelledError:
            if not self.closing:
                raise
        finally:
            self.outbox.finish()
            await writing
            await self._stream.closed()

    def cut(self) -> None:
        """Close the link after what is queued; the client sees EOF."""
        self.closing = True
        self.outbox.finish()
        self._stop_talking()

    def abort(self) -> None:
        """Close the link at once."""
        self.closing = True
        self.outbox.abort()
        self._stop_talking()

    def _stop_talking(self) -> None:
        """End the conversation of the session; a call that it originated goes on without it."""
        if self._conversation is not None:
            self._conversation.cancel()

    async def _converse(self) -> None:
        await self._send_banner()
        if await self._log_in_time():
            while await self._serve_one():
                pass

    async def _log_in_time(self) -> bool:
        """authtimeout: a connection that has not logged in by then is closed without a word."""
        try:
            async with asyncio.timeout(self.server.limits.authtimeout):
                while not self.logged_in:
                    if not await self._serve_one():
                        return False
        except TimeoutError:
            return False
        return True

    async def _serve_one(self) -> bool:
        """Answer one request or read some bytes; False when the connection is over."""
        if self.closing or self.outbox.closed:
            return False
        request = self._requests.next_request()
        if request is not None:
            await self._process(request)
            return True
        await self._may_read()
        data = await self._stream.read(self._requests.room)
        await self._may_read()  # bytes that came in when the fault began are as good as unread
        self._requests.feed(data)
        return bool(data)

    async def _may_read(self) -> None:
        """The stop_reading fault.

        The stream's small limit stops the kernel's reading soon after.
        """
        while self.server.faults.stop_reading and not self.closing:  # noqa: ASYNC110 - a flag set from any thread
            await asyncio.sleep(0.01)

    async def _send_banner(self) -> None:
        faults = self.server.faults
        if faults.banner is None:
            return
        data = f"{faults.banner.format(version=self.server.profile.ami_version)}\r\n".encode()
        middle = len(data) // 2 if faults.banner_split is not None else 0
        self.outbox.put(data[:middle])
        if faults.banner_split is not None:
            await asyncio.sleep(faults.banner_split)
        self.outbox.put(data[middle:])

    # --- requests ---

    async def _process(self, request: ReceivedAction) -> None:
        request = ReceivedAction(request.lines, request.fault, self.number, self.user_name)
        self.server.ledger.note(request)
        exchange = Exchange(request, self, self.server)
        was_logged_in = self.logged_in
        self._busy = True
        try:
            self.reply(await self._answer(exchange))
        finally:
            self._busy = False
        if self.logged_in and not was_logged_in and self.server.faults.silent_after_login:
            self.muted = True
        self.outbox.put(b"".join(self._held), events=True)
        self._held.clear()

    def reply(self, data: bytes) -> None:
        """Write an answer."""
        if self.server.faults.double_responses and data.startswith(b"Response:"):
            head, end, rest = data.partition(b"\r\n\r\n")
            data = (head + end) * 2 + rest
        if not self.muted:
            self.outbox.put(data)

    async def _answer(self, exchange: Exchange) -> bytes:
        request, server = exchange.request, self.server
        if request.fault:
            return exchange.error(request.fault)
        if not request.name:
            return exchange.error("Missing action in request")
        if server.faults.shutting_down:
            return exchange.error("Asterisk is shutting down")
        rule = server.script.find(request)
        if rule is not None:
            return await self._scripted(rule, exchange)
        return await self._built_in(exchange)

    async def _built_in(self, exchange: Exchange) -> bytes:
        name = exchange.request.name
        if not self.logged_in and name.lower() not in _BEFORE_LOGIN:
            return exchange.error("Permission denied")
        action = answers.find(name, self.server.profile, booted=self.server.booted)
        if action is None:
            known = "Use Action: ListCommands to show available commands."
            return exchange.error(f"Invalid/unknown command: {name}. {known}")
        if action.bits and not action.bits & self.write_bits:
            return exchange.error("Permission denied")
        return await action.run(exchange)

    async def _scripted(self, rule: Rule, exchange: Exchange) -> bytes:
        delay = rule.delay(exchange.request)
        if rule.silent:
            if rule.blocking:
                await asyncio.Event().wait()
        elif delay and not rule.blocking:
            self.server.spawn(self._play(rule, exchange, delay))
        else:
            await self._play(rule, exchange, delay)
        return b""

    async def _play(self, rule: Rule, exchange: Exchange, delay: float) -> None:
        await asyncio.sleep(delay)
        data = rule.answer(exchange.request) if rule.answer else await self._built_in(exchange)
        self.reply(data[: rule.cut_after])
        if rule.cuts:
            self.cut()

    # --- login ---

    def make_challenge(self) -> str:
        """The connection's challenge: digits, made once."""
        self.challenge = self.challenge or str(secrets.randbelow(900_000_000) + 100_000_000)
        return self.challenge

    def accept(self, name: str, user: User, read_bits: int, write_bits: int, mask: int) -> None:
        """The login is good: rights and filters are copied now.

        They stay, whatever happens to the user.
        """
        self.user_name = name
        self.read_bits, self.write_bits, self.events_mask = read_bits, write_bits, mask
        parsed = (EventFilter.parse(text) for text in user.eventfilters)
        self.filters = [one for one in parsed if isinstance(one, EventFilter)]
