"""The server itself, in one event loop: listener, sessions, boot, broadcast.

:class:`Simulator` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING, Any

from django_ami.simulator.call_centre import open_call_centre
from django_ami.simulator.connection import Session
from django_ami.simulator.events import Event, optional_headers
from django_ami.simulator.ledger import Ledger, SessionInfo
from django_ami.simulator.masks import CLASSES
from django_ami.simulator.pbx import Pbx
from django_ami.simulator.script import Script
from django_ami.simulator.streams import Stream, TLSStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Iterable, Iterator, Mapping

    from django_ami.simulator.options import CallCentre, CallTimes, Faults, Limits, User
    from django_ami.simulator.profiles import Profile

__all__ = ["Server"]

_GRACE_SECONDS = 1.0


class Server:
    """Everything between a start and a stop; ``pbx.database`` and the counters survive both."""

    def __init__(
        self,
        *,
        users: Mapping[str, User],
        profile: Profile,
        faults: Faults,
        limits: Limits,
        times: CallTimes,
        timestamps: bool = False,
        system_name: str = "",
        channelvars: tuple[str, ...] = (),
        seed: int | None = None,
        keep_received: int = 100_000,
        call_centre: CallCentre | None = None,
    ) -> None:
        self.users = users
        self.profile = profile
        self.faults = faults
        self.limits = limits
        self.ledger = Ledger(keep_received)
        self.script = Script()
        self.booted = False
        self.address = ("", 0)
        self.pbx = Pbx(self.emit, self.spawn, profile, times, system_name, channelvars, seed)
        self._call_centre = call_centre
        self._timestamps = timestamps
        self.system_name = system_name
        self._sessions: dict[int, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0.0
        self._listener: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._holders = 0
        self._held: list[Event] = []

    # --- from start to stop ---

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; the world starts anew, as after a restart of Asterisk."""
        self.pbx.reset()
        self._tls = tls
        self._started = time.monotonic()
        self.booted = self.faults.boot_delay <= 0
        if not self.booted and self.faults.boot_delay != math.inf:
            asyncio.get_running_loop().call_later(self.faults.boot_delay, self.finish_booting)
        self._listener = await asyncio.start_server(
            self._serve, host, port, backlog=1024, limit=4096
        )
        name = self._listener.sockets[0].getsockname()
        self.address = (name[0], name[1])
        if self._call_centre is not None:
            open_call_centre(self.pbx, self._call_centre)

    async def stop(self) -> None:
        """Stop listening and cut every link."""
        await self._stop_listening()
        for task in tuple(self._tasks):
            task.cancel()
        for session in self._sessions.values():
            session.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.booted = False

    async def _stop_listening(self) -> None:
        """Accept no more connections.

        One that was accepted this very moment gets a session, which can then be ended.
        """
        listener, self._listener = self._listener, None
        if listener is None:
            return
        loop = asyncio.get_running_loop()
        for listening in listener.sockets:
            loop.remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        listener.close()

    async def shutdown(self, restart: bool, cleanly: bool) -> None:
        """The Shutdown event, then EOF for everybody."""
        await self._stop_listening()
        how = "Cleanly" if cleanly else "Uncleanly"
        self.emit("Shutdown", [("Shutdown", how), ("Restart", "True" if restart else "False")])
        await self.drop()

    async def drop(self, *, reset: bool = False) -> None:
        """Cut every link, after what is queued; ``reset``: at once."""
        ends = [session.ended for session in self._sessions.values()]
        for session in tuple(self._sessions.values()):
            if reset:
                session.abort()
            else:
                session.cut()
        if ends:
            await asyncio.wait(
                [asyncio.ensure_future(end.wait()) for end in ends], timeout=_GRACE_SECONDS
            )
        for session in tuple(self._sessions.values()):
            if session.closing:
                session.abort()

    @property
    def uptime(self) -> int:
        """Seconds since the start."""
        return int(time.monotonic() - self._started)

    def finish_booting(self) -> None:
        """Everything is loaded: FullyBooted goes out as an ordinary event.

        Its keys are in another order than at login.
        """
        if self.booted:
            return
        self.booted = True
        up = [("Uptime", str(self.uptime)), ("LastReload", str(self.uptime))]
        late = up if self.profile.booted_has_uptime else []
        self.emit("FullyBooted", [("Status", "Fully Booted"), *late])

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the sessions; it ends with the server at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": "a background task failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    # --- sessions ---

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The connections that are open."""
        return tuple(self._sessions.values())

    def snapshot(self) -> tuple[SessionInfo, ...]:
        """All connections, from any thread."""
        return tuple(session.info() for session in list(self._sessions.values()))

    def is_in_use(self, user: str) -> bool:
        """Is somebody logged in under this name?"""
        return any(session.user_name.lower() == user.lower() for session in self.sessions)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = (
            Stream(reader, writer) if self._tls is None else TLSStream(reader, writer, self._tls)
        )
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always inside a task: start_server() made it
        self._tasks.add(task)
        try:
            async with asyncio.timeout(self.limits.authtimeout):
                await stream.open()
            await self._attend(stream)
        except OSError:
            pass  # no TLS, or not in time
        except asyncio.CancelledError:
            stream.abort()
        finally:
            self._tasks.discard(task)
            stream.close()
            await stream.closed()

    async def _attend(self, stream: Stream) -> None:
        """Give the connection a session, unless there are too many."""
        self.ledger.count("connections")
        waiting = sum(not session.logged_in for session in self.sessions)
        if self.faults.refuse_connections or waiting >= self.limits.authlimit:
            return
        session = Session(self.ledger.connections, self, stream)
        self._sessions[session.number] = session
        try:
            await session.run()
        except asyncio.CancelledError:
            session.abort()
        finally:
            del self._sessions[session.number]
            session.ended.set()
            self.ledger.touch()

    # --- broadcast ---

    def event(
        self, name: str, headers: Iterable[tuple[str, str]], classes: str | None = None
    ) -> Event:
        """A broadcast event, with the optional headers that the settings ask for."""
        optional = optional_headers(self._timestamps, self.system_name)
        return Event(name, [*optional, *headers], classes or self.profile.class_of_event(name))

    def emit(
        self, name: str, headers: Iterable[tuple[str, str]], classes: str | None = None
    ) -> None:
        """Send an event to every session that may have it."""
        self.broadcast(self.event(name, headers, classes))

    def emit_bytes(self, name: str, data: bytes, classes: str | None) -> None:
        """Like ``emit``, with bytes of somebody else."""
        known = [
            one
            for one in (classes or self.profile.class_of_event(name)).split(",")
            if one in CLASSES
        ]
        event = Event(name, [], ",".join(known))
        event.data = data
        self.broadcast(event)

    def broadcast(self, event: Event, *, held: bool = True) -> None:
        """Like ``emit``, for an event that is made already.

        ``held``: it may wait for the end of :meth:`events_held`.
        """
        if self._holders and held:
            self._held.append(event)
            return
        for session in self._sessions.values():
            if session.wants(event):
                session.send_event(event.data)

    @contextlib.contextmanager
    def events_held(self) -> Iterator[None]:
        """Keep all broadcasts back; they go out in order when the last holder is done."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                held, self._held = self._held, []
                for event in held:
                    self.broadcast(event)

    def send_raw(self, data: bytes) -> None:
        """Send bytes to every logged-in session."""
        for session in self._sessions.values():
            if session.logged_in:
                session.outbox.put(data)
