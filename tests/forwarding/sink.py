"""An engine for tests, and its outlet.

A TCP server that can be frozen, killed and made to lose its answers.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django_ami.conf.forward import Forward
from django_ami.forwarding.envelope import Envelope, decode
from django_ami.forwarding.outlet import Batch, OutletAway

_HEAD = struct.Struct("!II")


class SinkOutlet:
    """Publishes to a sink: the option ``port`` says where it is."""

    linger_seconds = 0.005

    def __init__(self, forward: Forward) -> None:
        self._port: int = forward.options["port"]
        self._timeout: float = forward.options.get("timeout", 1.0)
        self._socket: socket.socket | None = None

    def open(self) -> None:
        self.close(0)
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._timeout)
        except OSError as error:
            raise OutletAway(f"the sink cannot be reached ({error}). Start it.") from None

    def publish(self, batches: Sequence[Batch]) -> None:
        assert self._socket is not None
        try:
            for one in batches:
                meta = [one.partition, one.source, one.position, str(one.first), str(one.last)]
                head = json.dumps(meta).encode()
                self._socket.sendall(_HEAD.pack(len(head), len(one.data)) + head + one.data)
            for _ in batches:
                if not self._socket.recv(1):
                    raise ConnectionResetError("it has gone")
        except OSError as error:
            raise OutletAway(f"the sink does not confirm ({error}). Look after it.") from None

    def lag(self) -> Mapping[int, int] | None:
        return {0: 7}

    def close(self, timeout: float) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Sink:
    """The engine. ``batches`` has what has come, repeated ones too."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, str, int, list[Envelope]]] = []
        self._server: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._thawed = threading.Event()
        self._thawed.set()
        self.mute = False
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port: int = one.getsockname()[1]

    # --- its health ---

    def start(self) -> None:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", self.port))
        server.listen()
        self._server = server
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def kill(self) -> None:
        """Refuse connections, and end those that are."""
        if self._server is not None:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        for one in self._connections:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._connections.clear()

    def freeze(self) -> None:
        """Accept connections, read nothing, and answer nothing."""
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    # --- its contents ---

    @property
    def envelopes(self) -> list[Envelope]:
        """In the order in which they came, without the repeated batches."""
        seen: set[tuple[str, int]] = set()
        found: list[Envelope] = []
        for _, source, position, envelopes in list(self.batches):
            if (source, position) not in seen:
                seen.add((source, position))
                found += envelopes
        return found

    @property
    def events(self) -> list[Envelope]:
        """Without notices and copies."""
        return [one for one in self.envelopes if one.kind == "event" and not one.copy]

    @property
    def doubles(self) -> int:
        """How many batches have come again."""
        return len(self.batches) - len({(source, at) for _, source, at, _ in self.batches})

    def numbers(self) -> list[int]:
        """The header Number of the events that have it, in the order in which they came."""
        return [number_of(one) for one in self.events if header_of(one, b"Number")]

    def by_partition(self) -> dict[int, list[int]]:
        """The numbers by partition: each list is the order of that partition."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for partition, _, _, envelopes in list(self.batches):
            for one in envelopes:
                if header_of(one, b"Number"):
                    found[partition].append(number_of(one))
        return found

    # --- the threads ---

    def _serve(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                self._connections.append(connection)
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with suppress(OSError, EOFError):
            while True:
                self._thawed.wait()
                head, data = _HEAD.unpack(_exactly(connection, _HEAD.size))
                meta = json.loads(_exactly(connection, head))
                envelopes = decode(_exactly(connection, data))
                assert [str(envelopes[0].id), str(envelopes[-1].id)] == meta[3:]
                self.batches.append((meta[0], meta[1], meta[2], envelopes))
                self._thawed.wait()
                if self.mute:
                    connection.close()
                    return
                connection.sendall(b"1")


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        some = connection.recv(count - len(found))
        if not some:
            raise EOFError
        found += some
    return found


def number_of(one: Envelope) -> int:
    return int(header_of(one, b"Number"))


def header_of(one: Envelope, key: bytes) -> bytes:
    return one.raw.partition(b"\r\n" + key + b": ")[2].partition(b"\r\n")[0]


@contextmanager
def sinking() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    try:
        yield sink
    finally:
        sink.thaw()
        sink.kill()


def options_of(sink: Sink, **more: Any) -> dict[str, Any]:
    """AMI_FORWARD for a sink."""
    return {
        "OUTLET": "tests.forwarding.sink.SinkOutlet",
        "OPTIONS": {"port": sink.port, **more.pop("options", {})},
        "SPOOL": None,
        **more,
    }


__all__ = ["Sink", "SinkOutlet", "header_of", "number_of", "options_of", "sinking"]
