"""A relay between a client and the server that keeps every byte of both."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Relay:
    """Listens on a port of its own.

    ``conversations`` are the connections so far, each as (sent, received).
    """

    def __init__(self, host: str, port: int) -> None:
        self.conversations: list[tuple[bytearray, bytearray]] = []
        self._server = host, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listening]
        self._servers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def sent(self) -> bytes:
        """All that clients sent, over all connections."""
        return b"".join(bytes(sent) for sent, _ in self.conversations)

    @property
    def received(self) -> bytes:
        """All that the server sent, over all connections."""
        return b"".join(bytes(received) for _, received in self.conversations)

    def actions(self) -> list[str]:
        """The names of the actions that were sent, in order."""
        return re.findall(r"^Action: (.*?)\r?$", self.sent.decode(errors="replace"), re.MULTILINE)

    def cut(self) -> None:
        """End all connections to the server, once what it has sent is passed on.

        New ones are welcome.
        """
        for it in self._servers:
            _end(it)

    def close(self) -> None:
        for it in self._sockets:
            _end(it)
            it.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # closed
            self._sockets.append(client)
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
                continue
            self._sockets.append(server)
            self._servers.append(server)
            sent, received = conversation = bytearray(), bytearray()
            self.conversations.append(conversation)
            threading.Thread(target=_pass_on, args=(client, server, sent), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, received), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    try:
        while piece := source.recv(65536):
            kept += piece
            target.sendall(piece)
    except OSError:
        pass  # one of the two is gone: the other direction comes to an end by itself
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _end(it: socket.socket) -> None:
    with suppress(OSError):
        it.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    it = Relay(host, port)
    try:
        yield it
    finally:
        it.close()
