"""One non-blocking TCP or TLS socket to one server.

Rule: an OSError or SSLError becomes one of our errors here, and only here; each says which address,
what happened and what to do. Nothing here waits: the owner of the selector calls ``advance``,
``read`` and ``write`` when it is time.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from hashlib import sha256
from selectors import EVENT_READ, EVENT_WRITE
from struct import pack
from typing import TYPE_CHECKING, Final

from django_ami.core.addresses import shown
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.core.refusals import LIMITS
from django_ami.core.send_queue import has_unsent, is_unacknowledged, make_writable_when_sent
from django_ami.core.session.reaching import no_connection, no_greeting, no_tls
from django_ami.core.tls import (
    certificate_cure,
    handshake_failure,
    reason_of,
    record_size,
    wants_more,
    wants_to_write,
)
from django_ami.core.wire import WireTap, is_logged

if TYPE_CHECKING:
    import ssl

    from django_ami.core.addresses import Address
    from django_ami.core.config import ServerConfig

__all__ = ["Transport"]

#: How much one call of the system reads at most.
READ_BYTES: Final = 65_536
#: How many bytes are read from one server before the others have their turn: a flood of events
#: costs them a few milliseconds.
READ_BUDGET_BYTES: Final = READ_BYTES
#: How many times as much is read in a flood: the other work of a turn is then done less often.
FLOOD_FACTOR: Final = 4
_WRITE_BYTES: Final = 262_144

#: ``struct linger``: on, and no time.
_RESET: Final = pack("ii", 1, 0)

_CLOSED: Final = "the server closed the connection."
_CURES: Final = {
    errno.ECONNREFUSED: (
        "connection refused: does Asterisk run, with enabled = yes and this port in manager.conf?"
    ),
    errno.EHOSTUNREACH: "no route to the host: is the address right, and the network up?",
    errno.ENETUNREACH: "the network cannot be reached: is the address right, and the network up?",
    errno.ETIMEDOUT: "no answer: is the address right, and does a firewall drop it?",
    errno.ECONNRESET: "Connection reset by peer: is it stopping, or is its authlimit reached?",
    **LIMITS,
}


class Transport:
    """A connection to one address, under way or up.

    Raises ConnectionFailed if the system refuses it at once. ``events`` says what to wait for,
    ``up`` is True once bytes may be exchanged. ``broken`` is the error of a write: nothing leaves
    any more, but bytes that had arrived by then are still to be read. ``write_refused``: reading
    will not tell it, as the system has refused the write, or a firewall, and not the other side.
    """

    def __init__(
        self, config: ServerConfig, address: Address, context: ssl.SSLContext | None
    ) -> None:
        family, kind, proto, _, place = address
        self.up = False
        self.broken: ConnectionLost | None = None
        self.write_refused = False
        self.peer = shown(address)
        self._config = config
        self._context = context
        self._flooded = False
        self._record = 0
        #: The wire log of this connection, once it has greeted.
        self._wire: WireTap | None = None
        self._handshaking = self._tls_wants_write = self._one_by_one = False
        #: TLS writes no more before it has read: the server wants new keys.
        self._tls_wants_read = False
        try:
            sock = socket.socket(family, kind, proto)
        except OSError as error:
            raise self._failure(error.errno or 0) from None
        self._socket: socket.socket | ssl.SSLSocket = sock
        sock.setblocking(False)
        code = sock.connect_ex(place)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            sock.close()
            raise self._failure(code)

    # --- connecting ---

    def _failure(self, code: int) -> ConnectionFailed:
        cure = _CURES.get(code) or f"{os.strerror(code)}: is the address right, and the network up?"
        return ConnectionFailed(f"{self.peer}: {cure}", server=self._config.name)

    @property
    def encrypting(self) -> bool:
        """The server has accepted; TLS is under way."""
        return self._handshaking and not self.up

    def advance(self) -> None:
        """The socket is ready: go on with connecting.

        Raises ConnectionFailed if this address is not the one.
        """
        if not self._handshaking:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code != 0:
                raise self._failure(code)
            try:
                self._socket.getpeername()
            except OSError:
                return  # woken too early
            self._established()
        if self._handshaking:
            self._handshake()

    def obstacle(self, within: float) -> str:
        """Why it is not up after so many seconds, or nothing has come."""
        if self.up:
            return no_greeting(self.peer, within, tls=self._context is not None)
        return (no_tls if self._handshaking else no_connection)(self.peer, within)

    def _established(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._context is None:
            self.up = True
            return
        self._one_by_one = make_writable_when_sent(self._socket)
        tls = self._config.tls
        hostname = (tls.server_hostname if tls else None) or self._config.host
        try:
            hostname.encode("idna")  # as wrap_socket does, which then forgets to close the socket
            self._socket = self._context.wrap_socket(
                self._socket, server_hostname=hostname, do_handshake_on_connect=False
            )
        except OSError as error:
            raise ConnectionFailed(_end(error), server=self._config.name) from None
        except ValueError:
            raise ConnectionFailed(
                (
                    f"{hostname!r} cannot be in a certificate: check HOST, or the TLS key "
                    "SERVER_HOSTNAME."
                ),
                server=self._config.name,
            ) from None
        self._handshaking = True

    def _handshake(self) -> None:
        import ssl

        assert isinstance(self._socket, ssl.SSLSocket)  # noqa: S101  (for the type checker)
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._tls_wants_write = False
            return
        except ssl.SSLWantWriteError:
            self._tls_wants_write = True
            return
        except OSError as error:
            message = handshake_failure(self.peer, self._config.tls, error)
            raise ConnectionFailed(message, server=self._config.name) from None
        self._check_fingerprint(self._socket.getpeercert(binary_form=True) or b"")
        self._handshaking = False
        self._tls_wants_write = False
        self.up = True

    def _check_fingerprint(self, certificate: bytes) -> None:
        expected = self._config.tls.fingerprint if self._config.tls else None
        if not expected:
            return
        found = sha256(certificate).hexdigest()
        if found != expected:
            raise ConnectionFailed(
                f"the certificate of {self.peer} is not the pinned one: its SHA-256 is {found}. "
                "If the server has a new certificate, put that into the TLS key FINGERPRINT; if "
                "not, another server answers in its place.",
                server=self._config.name,
            )

    # --- bytes ---

    def fileno(self) -> int:
        return self._socket.fileno()

    def events(self, *, wants_write: bool) -> int:
        """The events that the selector shall wait for."""
        if self.up:
            may_write = self.broken is None and not self._tls_wants_read
            wants_write = (wants_write and may_write) or self._tls_wants_write
            return EVENT_READ | (EVENT_WRITE if wants_write else 0)
        if self._handshaking:
            return EVENT_WRITE if self._tls_wants_write else EVENT_READ
        return EVENT_WRITE

    def read(self, *, hurry: bool = False) -> tuple[bytes, bool]:
        """The bytes that have arrived, and whether there may be more behind them.

        At most ``READ_BUDGET_BYTES``; ``FLOOD_FACTOR`` times as many if the last read has not got
        all that was there, unless by TLS, or a caller is in a ``hurry``: its reply is in the first
        of them, or it is not there. Raises ConnectionLost at the end of the stream, if nothing was
        read before it.
        """
        factor = FLOOD_FACTOR if self._flooded and self._context is None and not hurry else 1
        self._flooded = False
        most, budget = READ_BYTES * factor, READ_BUDGET_BYTES * factor
        chunks: list[bytes] = []
        size = 0
        while size < budget:
            try:
                chunk = self._socket.recv(most)
            except (BlockingIOError, InterruptedError):
                return b"".join(chunks), False
            except OSError as error:
                if wants_more(error):
                    self._tls_wants_read, self._tls_wants_write = False, wants_to_write(error)
                    return b"".join(chunks), False
                if "_ALERT_" in reason_of(error):
                    # In TLS 1.3 the server judges our certificate when the handshake is over for
                    # us.
                    text = (
                        f"{self.peer} broke off "
                        f"({reason_of(error)}){certificate_cure(reason_of(error))}"
                    )
                    raise ConnectionFailed(text, server=self._config.name) from None
                return self._ended(chunks, _end(error))
            if not chunk:
                return self._ended(chunks, _CLOSED)
            chunks.append(chunk)
            if self._wire is not None and (is_logged() or self._wire.log is not None):
                self._wire.received(chunk)
            size += len(chunk)
            if self._context is None and len(chunk) < most:
                return b"".join(
                    chunks
                ), False  # a plain socket would say so; TLS may have more inside
        self._flooded = True
        return b"".join(chunks), True

    def _ended(self, chunks: list[bytes], message: str) -> tuple[bytes, bool]:
        if chunks:
            return b"".join(chunks), True  # the end is told the next time
        raise self.broken or ConnectionLost(message, server=self._config.name)

    @property
    def most_unread(self) -> int:
        """How many bytes may have arrived unread: in the system, and in a record of TLS."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) + READ_BYTES

    def write(self, data: bytearray) -> int:
        """Write what fits, and delete it from ``data``: nothing when the link is ``broken``.

        Says how many bytes that were.

        By TLS that is whole records, of whole lines, and no more than ``_WRITE_BYTES``: the rest is
        for the next turn. A record waits until the one before it has been sent, and so the system
        cannot join two and cut one: Asterisk closes a connection if it finds a part of a record
        (``ast_iostream_read`` in main/iostream.c does not wait).
        """
        total = 0
        try:
            if self._context is not None:
                while total < min(len(data), _WRITE_BYTES) and not (
                    self._one_by_one and has_unsent(self._socket)
                ):
                    # OpenSSL keeps bytes that the kernel did not take, and must be given the same
                    # bytes again.
                    self._record = self._record or record_size(data, total)
                    total += self._socket.send(data[total : total + self._record])
                    self._record = 0
            elif len(data) <= _WRITE_BYTES:
                total = self._socket.send(data)
            else:
                with memoryview(data) as view:
                    while total < len(data):
                        total += self._socket.send(view[total : total + _WRITE_BYTES])
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            if wants_more(error):
                self._tls_wants_read = not wants_to_write(error)
            elif total == 0:
                self.broken = ConnectionLost(_end(error), server=self._config.name)
                self.write_refused = error.errno in LIMITS or isinstance(error, PermissionError)
        if self._wire is not None and (is_logged() or self._wire.log is not None):
            self._wire.sent(bytes(data[:total]))
        del data[:total]
        return total

    def begin_log(self, received: bytes) -> None:
        """From here on show in the wire log what goes over it; these bytes have come by now."""
        self._wire = WireTap(self._config.name)
        if is_logged():
            self._wire.begin(self.peer, received)

    def close(self, why: str = "") -> None:
        """Give the connection up; ``why`` is for the wire log.

        The system does not send unacknowledged bytes again, even if the link heals.

        The other side is told by a reset then, and else as ever.
        """
        if self.up and is_unacknowledged(self._socket):
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()
        if self._wire is not None:
            self._wire.ended(why)

    def abandon(self) -> None:
        """Let go of a connection that is another process's too, which goes on with it."""
        self._socket.close()


def _end(error: OSError) -> str:
    """The state of the link, as an error of reading or writing tells it."""
    if isinstance(error, BrokenPipeError) or type(error).__name__ in (
        "SSLEOFError",
        "SSLZeroReturnError",
    ):
        return _CLOSED
    return f"the connection broke ({reason_of(error)})."
