"""The surroundings refuse.

Descriptors, threads, writes, reads, memory, in any order and at any moment.

Each byte is a step of one client, whose loop this thread runs, and of a server on a real socket,
which it runs, too. In the end, when nothing is refused any more: it is ready again; each action has
an end; none arrived twice, and none arrived whose error says that it was not sent.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import select
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from django_ami.core import addresses, refusals, transport
from django_ami.core.actions import Action
from django_ami.core.client import Client
from django_ami.core.config import Options, ServerConfig
from django_ami.core.session.conversation import Session
from django_ami.core.session.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.pending import PendingAction

#: How long the client may take to be ready again, and its actions to have an end, when all is well.
PATIENCE_SECONDS: Final = 10.0
MOST_STEPS: Final = 40
#: A turn waits for so long, for what the kernel has on its way.
TURN_SECONDS: Final = 0.0005
_OPTIONS: Final = Options(
    auth_type="plain",
    reconnect_initial=0.01,
    reconnect_max=0.01,
    boot_grace=0,
    connect_timeout=0.5,
    circuit_threshold=99,
)
_NO_MEMORY: Final = MemoryError()
#: The calls that are refused, and their errors.
REFUSALS: Final[dict[str, tuple[Exception, ...]]] = {
    "socket": (
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOBUFS, "No buffer space available"),
    ),
    "thread": (RuntimeError("can't start new thread"), _NO_MEMORY),
    "lookup": (
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        _NO_MEMORY,
    ),
    "setsockopt": (OSError(errno.EINVAL, "Invalid argument"),),
    "send": (
        OSError(errno.ENOBUFS, "No buffer space available"),
        PermissionError(errno.EPERM, "a firewall"),
    ),
    "recv": (OSError(errno.ENOMEM, "Cannot allocate memory"), _NO_MEMORY),
    "watch": (OSError(errno.ENOSPC, "No space left on device"), _NO_MEMORY),
    "select": (_NO_MEMORY,),
    "receive": (_NO_MEMORY, KeyError("a bug")),
    "disconnected": (_NO_MEMORY,),
}


class Refusing:
    """The calls that are refused the next time."""

    def __init__(self) -> None:
        self.next: dict[str, Exception] = {}

    def ask(self, what: str) -> None:
        error = self.next.pop(what, None)
        if error is not None:
            raise error


class World(Refusing):
    """The system as the client sees it: its modules ``socket`` and ``threading``."""

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        world = self

        class Socket(socket.socket):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                world.ask("socket")
                super().__init__(*arguments, **named)

            def setsockopt(self, *arguments: Any) -> None:
                world.ask("setsockopt")
                super().setsockopt(*arguments)

            def send(self, *arguments: Any) -> int:
                world.ask("send")
                return super().send(*arguments)

            def recv(self, *arguments: Any) -> bytes:
                world.ask("recv")
                return super().recv(*arguments)

        class Thread(threading.Thread):
            def start(self) -> None:
                world.ask("thread")
                super().start()

        def getaddrinfo(host: str, *arguments: Any, **named: Any) -> Any:
            if not named.get("flags"):
                world.ask("lookup")
                host = "127.0.0.1"  # asking DNS is no part of it
            return socket.getaddrinfo(host, *arguments, **named)

        before = transport.socket, refusals.threading, Exchange.receive, Session.disconnected
        transport.socket = _Module(socket, socket=Socket)  # type: ignore[assignment]
        addresses.socket = _Module(socket, getaddrinfo=getaddrinfo)  # type: ignore[assignment]
        refusals.threading = _Module(threading, Thread=Thread)  # type: ignore[assignment]
        Exchange.receive = self.first("receive", Exchange.receive)  # type: ignore[method-assign]
        Session.disconnected = self.first("disconnected", Session.disconnected)  # type: ignore[method-assign]
        try:
            yield
        finally:
            transport.socket, refusals.threading = before[:2]  # type: ignore[assignment]
            addresses.socket = socket
            Exchange.receive, Session.disconnected = before[2:]  # type: ignore[method-assign]

    def first(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, unless it is refused."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.ask(what)
            return function(*arguments, **named)

        return call


class _Module:
    """A module with some names of our own."""

    def __init__(self, module: object, **own: object) -> None:
        self._module = module
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Server:
    """Says yes to everything, and notes which actions have come."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._links: dict[socket.socket, bytes] = {}

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def turn(self) -> None:
        """Take what has come, and answer it."""
        for sock in select.select([self._listener, *self._links], [], [], 0)[0]:
            if sock is self._listener:
                link = self._listener.accept()[0]
                self._links[link] = b""
                link.sendall(b"Asterisk Call Manager/9.0.0\r\n")
            else:
                self._read(sock)

    def _read(self, link: socket.socket) -> None:
        try:
            data = link.recv(65_536)
        except OSError:
            data = b""
        *blocks, rest = (self._links[link] + data).split(b"\r\n\r\n")
        self._links[link] = rest
        for block in blocks:
            headers = dict(line.split(": ", 1) for line in block.decode().split("\r\n"))
            self.arrived[headers.get("Number", "")] += 1
            self.say(f"Response: Success\r\nActionID: {headers['ActionID']}\r\n\r\n", link)
        if not data:
            link.close()
            del self._links[link]

    def say(self, text: str, *links: socket.socket) -> None:
        for link in links or tuple(self._links):
            with contextlib.suppress(OSError):
                link.sendall(text.encode())

    def drop(self) -> None:
        """End all connections."""
        while self._links:
            self._links.popitem()[0].close()

    def close(self) -> None:
        self.drop()
        self._listener.close()


def surroundings(data: bytes) -> None:
    """Steps of a client whose surroundings refuse it something now and then."""
    world, server = World(), Server()
    config = ServerConfig(
        name="one", host="a-name", port=server.port, username="u", secret="s", options=_OPTIONS
    )
    with world.around(), contextlib.closing(server), _silence():
        client = Client([config], role="listener")
        loop = client._loop
        loop.watch = world.first("watch", loop.watch)  # type: ignore[method-assign]
        loop.selector.select = world.first("select", loop.selector.select)  # type: ignore[method-assign]
        try:
            _run(data[:MOST_STEPS], client, server, world)
        finally:
            client.close(0)  # nobody answers the Logoff


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Refusals are logged, too, which is no part of the test."""
    logger = logging.getLogger("django_ami")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _run(steps: bytes, client: Client, server: Server, world: World) -> None:
    sent: list[PendingAction] = []
    client.connect()
    kinds = list(REFUSALS.items())
    for step in steps:
        kind, how = step % (len(kinds) + 6), step // (len(kinds) + 6)
        if kind < len(kinds):
            what, errors = kinds[kind]
            world.next[what] = errors[how % len(errors)]
        elif kind == len(kinds):
            server.drop()
        elif kind == len(kinds) + 1:
            server.say("Event: Hangup\r\nChannel: PJSIP/1\r\n\r\n")
        elif kind == len(kinds) + 2:
            sent.append(client.send(Action("Count", Number=len(sent)), timeout=5))
        _turn(client, server)
    world.next.clear()
    end = time.monotonic() + PATIENCE_SECONDS
    while not (client.servers["one"].ready and all(pending.done() for pending in sent)):
        assert time.monotonic() < end, (client.status(), [pending.done() for pending in sent])
        _turn(client, server)
    for number, pending in enumerate(sent):
        error, times = pending.exception(0), server.arrived[str(number)]
        assert times <= 1, f"{number} arrived {times} times"
        assert error is not None or times == 1, f"{number} was answered, and never arrived"
        assert getattr(error, "sent", True) or not times, (
            f"{number} arrived, and {error!r} says that it was not sent"
        )


def _turn(client: Client, server: Server) -> None:
    server.turn()
    with contextlib.suppress(
        MemoryError
    ):  # of the selector: the caller of tick has it, and ticks again
        client.tick(TURN_SECONDS)


def seeds() -> dict[str, bytes]:
    """Each refusal by itself, in an attempt and when all is ready; and all of them in a row."""
    kinds = len(REFUSALS)
    drop, say, send, rest = kinds, kinds + 1, kinds + 2, [kinds + 3] * 12
    found = {
        what: bytes([kind, *rest, send, kind, say, send, drop, kind, send])
        for kind, what in enumerate(REFUSALS)
    }
    found["all"] = bytes([send, *rest, *range(kinds), say, *range(kinds), send])
    return found
