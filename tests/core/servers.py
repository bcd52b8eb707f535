"""Servers that misbehave in ways the Simulator does not.

Raw sockets on loopback, each a context manager.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, Self

__all__ = ["Hoard", "ScriptedServer", "black_hole", "read_action", "refusing_port", "take_login"]

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can get meanwhile.

    Bound, but not listening.
    """
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port that answers no SYN, as behind a firewall.

    The queue of a listener that accepts nobody is full.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.1)
            try:
                filler.connect(address)
            except TimeoutError:
                break
        else:
            raise RuntimeError("this system's listener takes more connections than it was told")
        yield address[1]


def read_action(stream: BinaryIO) -> dict[str, str]:
    """The next action, its headers by name; empty at the end."""
    headers = {}
    while (line := stream.readline().decode().rstrip("\r\n")) or not headers:
        key, colon, value = line.partition(": ")
        if not colon:
            break
        headers[key] = value
    return headers


def take_login(sock: socket.socket) -> BinaryIO:
    """Let a caller with ``auth_type="plain"`` log in, up to the Events that is its last word.

    Gives what comes then.
    """
    stream = sock.makefile("rb")
    sock.sendall(b"Asterisk Call Manager/11.0.0\r\n")
    while action := read_action(stream):
        sock.sendall(f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode())
        if action["Action"] == "Login":
            sock.sendall(
                b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
            )
        if action["Action"] == "Events":
            break
    return stream


class Hoard:
    """Accepts everybody, says ``greeting`` (nothing by default), reads and answers nothing, and
    counts.
    """

    def __init__(self, greeting: bytes = b"") -> None:
        self.accepted = 0
        self.most_open = 0
        self.open: dict[int, socket.socket] = {}
        self._greeting = greeting
        self._listener = socket.create_server((LOOPBACK, 0), backlog=512)
        self._listener.setblocking(False)
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="hoard", daemon=True)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()
        self._thread.join()
        self._stopped.close()
        self._listener.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._stopped:
                        for sock in self.open.values():
                            sock.close()
                        return
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    else:
                        self._forget_if_gone(selector, key.fd)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = self._listener.accept()
            sock.sendall(self._greeting)
            selector.register(sock, selectors.EVENT_READ)
            self.open[sock.fileno()] = sock
            # A client that is gone does not count as open: an accept may come before the reading of
            # an EOF.
            gone = [fileno for fileno, other in self.open.items() if _at_end(other)]
            for fileno in gone:
                self._forget(selector, fileno)
            self.accepted += 1
            self.most_open = max(self.most_open, len(self.open))

    def _forget_if_gone(self, selector: selectors.BaseSelector, fileno: int) -> None:
        if fileno in self.open and _at_end(self.open[fileno], consume=True):
            self._forget(selector, fileno)

    def _forget(self, selector: selectors.BaseSelector, fileno: int) -> None:
        selector.unregister(fileno)
        self.open.pop(fileno).close()


def _at_end(sock: socket.socket, *, consume: bool = False) -> bool:
    try:
        return not sock.recv(65536, socket.MSG_DONTWAIT | (0 if consume else socket.MSG_PEEK))
    except BlockingIOError:
        return False
    except OSError:
        return True


class ScriptedServer:
    """Runs ``script(socket)`` for every connection, each in a thread of its own.

    Its return ends the connection.

    ``connections`` counts. The sockets are shut down at the end, so that a script that waits in
    ``recv`` returns.
    """

    def __init__(self, script: Callable[[socket.socket], object]) -> None:
        self.connections = 0
        self._script = script
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((LOOPBACK, 0), backlog=64)
        self._acceptor = threading.Thread(target=self._accept, name="scripted-server", daemon=True)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(sock)
            thread = threading.Thread(
                target=self._serve, args=(sock,), name="scripted-connection", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self._script(sock)
