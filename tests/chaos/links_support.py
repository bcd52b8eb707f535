"""Servers and links that break on command.

A gate in front of a server, and a fleet of two hundred in one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import socket
import threading
import time
from hashlib import md5
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from django_ami.core.session import Lost, Ready
from tests.core.io_support import loop_of, runner_of, wait_for_the_log, wait_until
from tests.core.servers import LOOPBACK, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from django_ami.core.client import Client
    from django_ami.core.cluster.server import Server
    from django_ami.core.pending import PendingAction
    from django_ami.core.request import Request

GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines for an operator: all that was logged as a warning or worse."""
    wait_for_the_log()
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def reset_when_closed(sock: socket.socket) -> None:
    """Closing the socket sends RST, and not FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def read_to_the_end(sock: socket.socket, into: bytearray | None = None) -> None:
    """Read until the other side has closed."""
    while data := sock.recv(2**18):
        if into is not None:
            into += data


class Link:
    """One connection that passes a gate: it can freeze, have bytes put in, and end in any way."""

    def __init__(self, near: socket.socket, port: int) -> None:
        self.frozen = False
        self._near = near
        self._port = port
        self._end, self._ended = socket.socketpair()
        self._how = "fin"

    def run(self) -> None:
        """Pass bytes on in both directions, until one side ends or a test wants it."""
        with (
            self._end,
            self._ended,
            socket.create_connection((LOOPBACK, self._port)) as far,
            selectors.DefaultSelector() as selector,
        ):
            for sock in (self._near, far, self._ended):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._ended:
                        self._finish()
                        return
                    source, target = (
                        (self._near, far) if key.fileobj is self._near else (far, self._near)
                    )
                    data = source.recv(2**16)
                    if not data and (source is self._near or not self.frozen):
                        return
                    if not data:
                        selector.unregister(source)  # the client is not told
                    elif not self.frozen:
                        target.sendall(data)

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told.

        A peer that is silent, or gone without a word.
        """
        self.frozen = True

    def inject(self, data: bytes) -> None:
        """Bytes of our own towards the client."""
        self._near.sendall(data)

    def fin(self) -> None:
        """End it politely."""
        self._end.send(b"\0")

    def reset(self) -> None:
        """End it by RST."""
        self._how = "rst"
        self._end.send(b"\0")

    def _finish(self) -> None:
        if self._how == "rst":
            reset_when_closed(self._near)
        else:
            self._near.shutdown(socket.SHUT_WR)
            read_to_the_end(self._near)


class Gate:
    """A port in front of servers: the first connection meets the first act, and so on.

    The last act stays.

    An act is the port of a server that it is passed on to, or a script that plays one.
    """

    def __init__(self, *acts: int | Callable[[socket.socket], object]) -> None:
        self.links: list[Link] = []
        self._acts = acts
        self._next = count()
        self._server = ScriptedServer(self._serve)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def connections(self) -> int:
        return self._server.connections

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.__exit__(*exception)

    def _serve(self, sock: socket.socket) -> None:
        act = self._acts[min(next(self._next), len(self._acts) - 1)]
        if callable(act):
            act(sock)
        else:
            self.links.append(Link(sock, act))
            self.links[-1].run()


@contextlib.contextmanager
def healing_black_hole(port: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that answers no SYN until the function is called.

    From then on it is passed on to another port.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        fillers = []
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.1)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
            fillers.append(filler.getsockname())
        threads: list[threading.Thread] = []
        sockets: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    sockets.append(sock)
                    threads.append(threading.Thread(target=serve, args=(sock,), daemon=True))
                    threads[-1].start()

        def serve(sock: socket.socket) -> None:
            with sock, contextlib.suppress(OSError):
                Link(sock, port).run()

        acceptor = threading.Thread(target=accept, daemon=True)
        yield listener.getsockname()[1], acceptor.start
        listener.shutdown(socket.SHUT_RDWR)
        if acceptor.ident is not None:
            acceptor.join()
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


class Fleet:
    """Servers on as many ports, all in one thread.

    Greeting, login, FullyBooted, Ping and Logoff, and no more.

    ``connecting`` are the connections that have not been told that they are logged in.
    """

    def __init__(self, size: int, *, login_delay: float = 0.0) -> None:
        self.login_delay = login_delay
        self.connecting = self.most_connecting = 0
        self.pings = [0] * size
        self.arrivals: list[list[float]] = [[] for _ in range(size)]
        self.members: set[_Member] = set()
        self._listeners = [_reserved_port() for _ in range(size)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    @property
    def ports(self) -> list[int]:
        return [listener.getsockname()[1] for listener in self._listeners]

    @property
    def logged_in(self) -> int:
        return sum(member.logged_in for member in list(self.members))

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._finish)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def listen(self) -> None:
        """Accept who comes; again after ``refuse``."""
        self._call(self._listen)

    def refuse(self) -> None:
        """Refuse who comes; the ports stay ours."""
        self._call(self._refuse)

    def drop(self, *, but: int = -1) -> float:
        """Cut every link, except those of one server; says when."""
        return self._call(lambda: self._drop(but))

    # --- in the thread ---

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _call(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)

    def _listen(self) -> None:
        for number, listener in enumerate(self._listeners):
            listener.listen(64)
            self._loop.add_reader(listener.fileno(), self._accept, number, listener)

    def _refuse(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener.fileno())
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # it listens no more

    def _drop(self, but: int = -1) -> float:
        for member in tuple(self.members):
            if member.number != but and member.transport is not None:
                member.transport.close()
        return time.monotonic()

    def _finish(self) -> None:
        self._refuse()
        self._drop()
        for listener in self._listeners:
            listener.close()

    def _accept(self, number: int, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = listener.accept()
            self.arrivals[number].append(time.monotonic())
            self.connecting += 1
            self.most_connecting = max(self.most_connecting, self.connecting)
            member = _Member(self, number)
            self.members.add(member)
            member.task = self._loop.create_task(
                self._loop.connect_accepted_socket(lambda: member, sock)
            )


def _reserved_port() -> socket.socket:
    """A socket to listen with, whose port it keeps when it stops listening, which only a port asked
    for does.
    """
    with socket.socket() as any_port:
        any_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        any_port.bind((LOOPBACK, 0))
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(any_port.getsockname())
        listener.setblocking(False)
        return listener


class _Member(asyncio.Protocol):
    """One connection of a fleet."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.number = number
        self.logged_in = False
        self.transport: Any = None
        self.task: Any = None
        self._fleet = fleet
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(GREETING)

    def connection_lost(self, _: Exception | None) -> None:
        self._fleet.connecting -= not self.logged_in
        self._fleet.members.discard(self)

    def data_received(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for frame in frames:
            headers = dict(line.split(": ", 1) for line in frame.decode().split("\r\n"))
            delay = self._fleet.login_delay if headers["Action"] == "Login" else 0.0
            if delay:
                asyncio.get_running_loop().call_later(delay, self._answer, headers)
            else:
                self._answer(headers)

    def _answer(self, headers: dict[str, str]) -> None:
        if self.transport.is_closing():
            return
        more = ""
        match headers["Action"]:
            case "Challenge":
                more = "Challenge: 123456789\r\n"
            case "Login":
                assert headers["Key"] == md5(b"123456789amp111").hexdigest()
                self._fleet.connecting -= 1
                self.logged_in = True
            case "Ping":
                self._fleet.pings[self.number] += 1
            case "CoreSettings":
                more = "AsteriskVersion: 22.10.1\r\nAMIversion: 11.0.0\r\n"
        answer = f"Response: Success\r\nActionID: {headers['ActionID']}\r\n{more}\r\n"
        if headers["Action"] == "Login":
            answer += "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
        self.transport.write(answer.encode())
        if headers["Action"] == "Logoff":
            self.transport.close()


class Notices:
    """Takes what a client without a dispatcher has to tell, in a thread.

    Every loss, and every retry that it named.
    """

    def __init__(self, client: Client) -> None:
        self.lost: list[Lost] = []
        self.ready: list[Any] = []
        self._client = client
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._client.inbox.wake()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            for item in self._client.inbox.take(0.5)[1]:
                match item:
                    case Lost():
                        self.lost.append(item)
                    case Ready():
                        self.ready.append(item)

    def retries(self) -> dict[str, list[float]]:
        """The delays that were announced, by server."""
        found: dict[str, list[float]] = {}
        for notice in self.lost:
            assert notice.retry_in is not None
            found.setdefault(notice.server, []).append(notice.retry_in)
        return found


class TurnLog:
    """Writes down the time of each turn of the loop, and when, by its clock, each action was
    settled.
    """

    def __init__(self, client: Client) -> None:
        self.times: list[float] = []
        self.settled: dict[str, float] = {}
        self._loop = loop = loop_of(client)
        run_once = loop.run_once

        def noted(timeout: float | None = None, **more: Any) -> bool:
            looked = run_once(timeout, **more)
            self.times.append(loop.now)
            return looked

        loop.run_once = noted  # type: ignore[method-assign]
        #: The actions that were sent, by ActionID.
        self.requests: dict[str, Request] = {}
        submit = client._submit

        def keep(target: Server, request: Request) -> None:
            self.requests[request.action_id] = request
            submit(target, request)

        client._submit = keep  # type: ignore[method-assign]

    def watch(self, pending: PendingAction) -> None:
        """Note the turn in which it is settled: on the reactor thread, never in user code."""

        def settled(_: object) -> None:
            self.settled[pending.action_id] = self._loop.now

        super(type(pending), pending).add_done_callback(settled)

    def first_turn_from(self, when: float) -> float:
        # A caller is woken in the midst of a turn, which is written down at its end.
        wait_until(lambda: self.times and self.times[-1] >= when, f"the end of the turn at {when}")
        return next(turn for turn in self.times if turn >= when)


def barrier(client: Client) -> None:
    """Return when the reactor has run all calls that were made before."""
    done = threading.Event()
    runner_of(client).call_soon(done.set)
    assert done.wait(20)


def wait_until_still(client: Client, what: Callable[[], object], *, turns: int = 3) -> None:
    """Wait until a value has stayed the same over some rounds of the reactor and a bit of time
    between them.
    """
    last, same = what(), 0

    def still() -> bool:
        nonlocal last, same
        barrier(client)
        now = what()
        same = same + 1 if now == last else 0
        last = now
        time.sleep(0.02)  # the kernel's turn
        return same >= turns

    wait_until(still, "it stays the same")
