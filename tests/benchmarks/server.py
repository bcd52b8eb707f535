"""The server of the benchmarks, in a process of its own.

It sends what was made before, so that it is never waited for.

It is no simulator: it knows the few actions that a benchmark sends, and answers them as Asterisk 22
does. ``Flood`` and ``Pace`` are its own: ``Count`` events, as fast as they are read, or ``Rate``
per second. A flood may be of ``Names`` names with ``Headers`` headers each. With a ``Timeout`` in
seconds it knows Asterisk's ``writetimeout``: a client that takes nothing for so long is cut.
``FloodOfCalls`` is ``Blocks`` blocks of recorded calls, and a UserEvent that ends them.
``tests/benchmarks/scenarios/server.py`` shows how many bytes per second it gives to a client that
does nothing but read.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from functools import cache
from hashlib import md5
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django_ami.testing
from tests.benchmarks.calls import block_of_calls, end_of_flood
from tests.benchmarks.events import BLOCK, block, shaped
from tests.benchmarks.machine import ROOT, raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "bench"
SECRET: Final = "bench-secret"

_READ_BYTES: Final = 2**18
_PIECE: Final = 2**20
#: A client has to take this within the timeout: some thirty events.
_TIMED_PIECE: Final = 2**14
_CHALLENGE: Final = "131125642"
_HEADER: Final = re.compile(rb"^(\w+): ([^\r\n]*)", re.MULTILINE)
_SETTINGS: Final = (
    b"AMIversion: 11.0.0\r\nAsteriskVersion: 22.10.1\r\nSystemName: \r\nCoreMaxCalls: 0\r\n"
    b"CoreMaxLoadAvg: 0.000000\r\n"
    b"CoreRunUser: \r\nCoreRunGroup: \r\nCoreMaxFilehandles: 65536\r\nCoreRealTimeEnabled: No\r\n"
    b"CoreCDRenabled: Yes\r\nCoreHTTPenabled: No\r\nSoundsSearchCustomDir: No\r\n"
)
_BOOTED: Final = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 4\r\nLastReload: 4\r\n"
    b"Status: Fully Booted\r\n\r\n"
)
_CHANNEL: Final = (
    "Event: CoreShowChannel\r\nActionID: @\r\nChannel: "
    "PJSIP/agent-{0:06d}-{0:08x}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: "
    "{0:06d}\r\nCallerIDName: Agent {0}\r\nConnectedLineNum: "
    "+4930555{0:06d}\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\nContext: "
    "from-trunk\r\nExten: 800100200\r\nPriority: 4\r\nUniqueid: 1795459388.{0}\r\nLinkedid: "
    "1795459388.{0}\r\nApplication: Queue\r\nApplicationData: support,tT,,,120\r\nDuration: "
    "00:00:03\r\nBridgeId: 134ed48f-59f6-45a4-af60-{0:012x}\r\n\r\n"
)


class Pacer(threading.Thread):
    """Sends events at a rate, each on its own, to as many connections as want some."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._due: list[tuple[float, int, Iterator[float]]] = []
        self._tie = count()
        self._changed = threading.Condition()

    def add(self, connection: Connection, rate: float, events: int) -> None:
        with self._changed:
            steps = connection.pace(rate, events, time.monotonic())
            heappush(self._due, (next(steps), next(self._tie), steps))
            self._changed.notify()

    def run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                when, _, steps = heappop(self._due)
            ahead = when - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            following = next(steps, None)
            if following is not None:
                with self._changed:
                    heappush(self._due, (following, next(self._tie), steps))


class Connection(threading.Thread):
    """One client: its actions one after the other, as Asterisk takes them."""

    def __init__(
        self, sock: socket.socket, pacer: Pacer | None, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._socket = sock
        self._tls = tls
        self._leaving = False
        self._pacer = pacer
        self._sending = threading.Lock()
        self._flood = self._blocks = 0
        self._made, self._timeout = block(), 0.0

    def run(self) -> None:
        with contextlib.suppress(OSError), self._socket:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self._socket = self._tls.wrap_socket(self._socket, server_side=True)
            self._send(b"Asterisk Call Manager/11.0.0\r\n")
            rest = b""
            while not self._leaving and (data := self._socket.recv(_READ_BYTES)):
                *actions, rest = (rest + data).split(b"\r\n\r\n")
                self._send(b"".join(map(self.answer, actions)))
                if self._flood:
                    self._send_flood()
                if self._blocks:
                    self._send_calls()

    def _send(self, data: bytes | memoryview) -> None:
        with self._sending:
            self._socket.sendall(data)

    def answer(self, action: bytes) -> bytes:
        headers = dict(_HEADER.findall(action))
        name, action_id = headers.get(b"Action", b""), headers.get(b"ActionID", b"")
        return _ANSWERS.get(name.lower(), Connection._unknown)(self, headers).replace(
            b"\r\n", b"\r\nActionID: %b\r\n" % action_id if action_id else b"\r\n", 1
        )

    # --- the actions ---

    def _ping(self, _: dict[bytes, bytes]) -> bytes:
        return b"Response: Success\r\nPing: Pong\r\nTimestamp: 1795459380.615053\r\n\r\n"

    def _getvar(self, headers: dict[bytes, bytes]) -> bytes:
        variable = headers[b"Variable"]
        return b"Response: Success\r\nVariable: %b\r\nValue: value of %b\r\n\r\n" % (
            variable,
            variable,
        )

    def _challenge(self, _: dict[bytes, bytes]) -> bytes:
        return b"Response: Success\r\nChallenge: %b\r\n\r\n" % _CHALLENGE.encode()

    def _login(self, headers: dict[bytes, bytes]) -> bytes:
        key = md5(f"{_CHALLENGE}{SECRET}".encode()).hexdigest().encode()
        good = headers.get(b"Secret") == SECRET.encode() or headers.get(b"Key") == key
        if not good or headers.get(b"Username") != USER.encode():
            return b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        return b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n" + _BOOTED

    def _settings(self, _: dict[bytes, bytes]) -> bytes:
        return b"Response: Success\r\n" + _SETTINGS + b"\r\n"

    def _events(self, _: dict[bytes, bytes]) -> bytes:
        return b"Response: Success\r\nEvents: On\r\n\r\n"

    def _channels(self, headers: dict[bytes, bytes]) -> bytes:
        channels, action_id = int(headers.get(b"Channels", 0)), headers[b"ActionID"]
        return b"".join(
            (
                b"Response: Success\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n",
                _channel_list(channels).replace(b"@", action_id),
                (
                    b"Event: CoreShowChannelsComplete\r\nActionID: %b\r\nEventList: Complete\r\n"
                    b"ListItems: %d\r\n\r\n"
                )
                % (action_id, channels),
            )
        )

    def _command(self, headers: dict[bytes, bytes]) -> bytes:
        """The action names no command: ``Megabytes`` is how much output it has."""
        return b"Response: Success\r\nMessage: Command output follows\r\n%b\r\n" % _output(
            int(headers[b"Megabytes"])
        )

    def _begin_flood(self, headers: dict[bytes, bytes]) -> bytes:
        self._flood = int(headers[b"Count"])
        self._timeout = float(headers.get(b"Timeout", 0))
        if b"Names" in headers:
            self._made = shaped(int(headers[b"Names"]), int(headers[b"Headers"]))
        return b"Response: Success\r\nBytes: %d\r\n\r\n" % self._made.size(self._flood)

    def _begin_calls(self, headers: dict[bytes, bytes]) -> bytes:
        self._blocks = int(headers[b"Blocks"])
        return b"Response: Success\r\nEvents: %d\r\n\r\n" % (block_of_calls().events * self._blocks)

    def _begin_pace(self, headers: dict[bytes, bytes]) -> bytes:
        self._pacer.add(self, float(headers[b"Rate"]), int(headers[b"Count"]))
        return b"Response: Success\r\nMessage: At that rate\r\n\r\n"

    def _logoff(self, _: dict[bytes, bytes]) -> bytes:
        self._leaving = True
        return b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"

    def _unknown(self, _: dict[bytes, bytes]) -> bytes:
        return b"Response: Error\r\nMessage: Invalid/unknown command\r\n\r\n"

    # --- events ---

    def _send_flood(self) -> None:
        events, self._flood = self._flood, 0
        made, size = self._made, _TIMED_PIECE if self._timeout else _PIECE
        self._socket.settimeout(self._timeout or None)
        whole, rest = divmod(events, len(made.ends))
        for _ in range(whole):
            self._send_in_pieces(memoryview(made.data), size)
        self._send_in_pieces(memoryview(made.data)[: made.prefix(rest)], size)
        self._socket.settimeout(None)

    def _send_calls(self) -> None:
        blocks, self._blocks = self._blocks, 0
        made = block_of_calls()
        for number in range(blocks):
            self._send_in_pieces(memoryview(made.numbered(number)))
        self._send(end_of_flood(blocks * made.events))

    def _send_in_pieces(self, data: memoryview, size: int = _PIECE) -> None:
        for start in range(0, len(data), size):
            self._send(data[start : start + size])

    def pace(self, rate: float, events: int, begun: float) -> Iterator[float]:
        """Gives the time of the next event, and sends it when it is asked for the one behind it."""
        made = block()
        # Not in step with the other connections, which were asked at about the same time.
        shift = self._socket.fileno() * 0.618 % 1.0
        place = int(shift * BLOCK)
        for number in range(events):
            yield begun + (number + shift) / rate
            at = (place + number) % BLOCK
            try:
                self._send(made.data[made.ends[at - 1] if at else 0 : made.ends[at]])
            except OSError:
                return  # it has gone


_ANSWERS: Final = {
    b"ping": Connection._ping,
    b"getvar": Connection._getvar,
    b"challenge": Connection._challenge,
    b"login": Connection._login,
    b"coresettings": Connection._settings,
    b"events": Connection._events,
    b"coreshowchannels": Connection._channels,
    b"command": Connection._command,
    b"flood": Connection._begin_flood,
    b"floodofcalls": Connection._begin_calls,
    b"pace": Connection._begin_pace,
    b"logoff": Connection._logoff,
}


@cache
def _output(megabytes: int) -> bytes:
    """Lines as a CLI command prints them."""
    line = b"Output: PJSIP/agent-100-0000002a from-trunk 800100200 4 Up Queue support,tT,,,120\r\n"
    return line * (megabytes * 2**20 // len(line))


_lists: dict[int, bytes] = {}


def _channel_list(channels: int) -> bytes:
    """The items of a list; @ stands for the ActionID. Made once per length."""
    if channels not in _lists:
        _lists[channels] = "".join(map(_CHANNEL.format, range(channels))).encode()
    return _lists[channels]


@contextlib.contextmanager
def running(*, tls: bool = False) -> Iterator[int]:
    """The server in a process of its own, for as long as the context lasts; gives its port."""
    command = [sys.executable, "-m", "tests.benchmarks.server", *(["tls"] if tls else [])]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()  # it ends when nobody is left to tell it anything
            process.wait(10)


def _serve() -> None:
    raise_file_limit()
    block()
    # A thread that answers should not wait for another one that only copies.
    sys.setswitchinterval(0.0005)
    pacer = Pacer()
    pacer.start()
    context = _context() if sys.argv[1:] == ["tls"] else None
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener, pacer, context), daemon=True).start()
    sys.stdin.read()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Path(django_ami.testing.__file__).with_name("certificate.pem"))
    return context


def _accept(listener: socket.socket, pacer: Pacer, context: ssl.SSLContext | None) -> None:
    while True:
        Connection(listener.accept()[0], pacer, context).start()


if __name__ == "__main__":
    _serve()
