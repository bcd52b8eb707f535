"""One non-blocking TCP or TLS socket to one server.

Rule: an OSError or SSLError becomes one of our errors here, and only here; each says which address, what happened and
what to do. Nothing here waits: whoever owns the selector calls ``advance``, ``read`` and ``write`` when it is time.
"""

from __future__ import annotations

# The codec of host names, which is else imported at the first lookup, on the reactor's thread: a child that is forked
# meanwhile would wait for that import for ever.
import encodings.idna  # noqa: F401
import errno
import os
import socket
from collections.abc import Sequence
from hashlib import sha256
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any, Final

from django_ami.core import permission
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.core.session.reaching import no_tls
from django_ami.core.tls import certificate_cure, handshake_failure, reason_of, record_size, wants_more

if TYPE_CHECKING:
    import ssl

    from django_ami.core.config import ServerConfig

__all__ = ["Transport", "resolve"]

#: One resolved address: what ``socket.getaddrinfo`` gives.
Address = tuple[int, int, int, str, Any]
Addresses = Sequence[Address]

READ_SIZE: Final = 65_536
#: So much is read from one server before the others have their turn: a flood of events costs them a few milliseconds.
READ_BUDGET: Final = READ_SIZE
#: So many times as much while there is more than that: what a turn costs beside what it reads is spared then.
FLOOD_FACTOR: Final = 4
_WRITE_SIZE: Final = 262_144

_CLOSED: Final = "the server closed the connection."
_CURES: Final = {
    errno.ECONNREFUSED: "connection refused: does Asterisk run, with enabled = yes and this port in manager.conf?",
    errno.EHOSTUNREACH: "no route to the host: is the address right, and the network up?",
    errno.ENETUNREACH: "the network cannot be reached: is the address right, and the network up?",
    errno.ETIMEDOUT: "no answer: is the address right, and does a firewall drop it?",
    errno.ECONNRESET: "Connection reset by peer: is it stopping, or is its authlimit reached?",
    errno.EMFILE: "too many open files in this process: raise the limit (ulimit -n).",
}


def resolve(host: str, port: int) -> Addresses:
    """All addresses of a host. It may block for long (DNS): not for the reactor's thread.

    Raises ConnectionFailed, and ConnectionForbidden before anything is asked: without an address nothing is opened.
    """
    permission.check(host, port)
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConnectionFailed(
            f"the name {host!r} cannot be resolved ({reason}): is HOST right, and does DNS work?"
        ) from None


def is_numeric(host: str) -> bool:
    """True if the host is an address already, so that ``resolve`` does not ask DNS."""
    try:
        socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


class Transport:
    """A connection under way or up, to the first of the addresses that answers.

    ``events`` says what to wait for; ``up`` is True once bytes may be exchanged; ``tried`` counts the addresses;
    ``broken`` is the error of a write: nothing leaves any more, but what had arrived by then is still to be read.
    """

    def __init__(self, config: ServerConfig, addresses: Addresses, context: ssl.SSLContext | None) -> None:
        self.up = False
        self.tried = 0
        self.broken: ConnectionLost | None = None
        self.peer = config.address
        self._config = config
        self._addresses = list(addresses)
        self._context = context
        self._errors: list[str] = []
        self._flooded = False
        self._record = 0
        self._socket: socket.socket | ssl.SSLSocket = self._connect_next()

    # --- connecting ---

    def _connect_next(self) -> socket.socket:
        self._handshaking = self._tls_wants_write = False
        while self._addresses:
            family, kind, proto, _, address = self._addresses.pop(0)
            self.tried += 1
            self.peer = f"[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else f"{address[0]}:{address[1]}"
            try:
                sock = socket.socket(family, kind, proto)
            except OSError as error:
                self._note(error.errno or 0)
                continue
            sock.setblocking(False)
            code = sock.connect_ex(address)
            if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
                return sock
            sock.close()
            self._note(code)
        raise ConnectionFailed("; ".join(self._errors), server=self._config.name)

    def _note(self, code: int) -> None:
        cure = _CURES.get(code) or f"{os.strerror(code)}: is the address right, and the network up?"
        self._errors.append(f"{self.peer}: {cure}")

    @property
    def encrypting(self) -> bool:
        """The server has accepted; TLS is under way."""
        return self._handshaking and not self.up

    @property
    def more_addresses(self) -> int:
        """Addresses that were not tried yet."""
        return len(self._addresses)

    def next_address(self) -> None:
        """Give up this address and try the next one. Raises ConnectionFailed if there is none."""
        if self._handshaking:
            self._pass_over(no_tls(self.peer))
            return
        self._socket.close()
        self._note(errno.ETIMEDOUT)
        self._socket = self._connect_next()

    def _pass_over(self, why: str) -> None:
        """This address is not the one; perhaps the next is. Raises ConnectionFailed if there is none."""
        self._socket.close()
        self._errors.append(why)
        self._socket = self._connect_next()

    def advance(self) -> None:
        """The socket is ready: go on with connecting. Raises ConnectionFailed if nothing is left to try."""
        while not self._handshaking:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                try:
                    self._socket.getpeername()
                except OSError:
                    return  # woken too early
                self._established()
                break
            self._socket.close()
            self._note(code)
            self._socket = self._connect_next()
            return
        if self._handshaking:
            self._handshake()

    def _established(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._context is None:
            self.up = True
            return
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
                f"{hostname!r} is no name that a certificate can have: check HOST, or the TLS key SERVER_HOSTNAME.",
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
            self._pass_over(handshake_failure(self.peer, self._config.tls, error))
            return
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
                f"the certificate of {self.peer} is not the pinned one: its SHA-256 is {found}. If the server has a "
                "new certificate, put that into the TLS key FINGERPRINT; if not, somebody is in between.",
                server=self._config.name,
            )

    # --- bytes ---

    def fileno(self) -> int:
        return self._socket.fileno()

    def events(self, *, wants_write: bool) -> int:
        """What the selector shall wait for."""
        if self.up:
            wants_write = (wants_write and self.broken is None) or self._tls_wants_write
            return EVENT_READ | (EVENT_WRITE if wants_write else 0)
        if self._handshaking:
            return EVENT_WRITE if self._tls_wants_write else EVENT_READ
        return EVENT_WRITE

    def read(self, *, hurry: bool = False) -> tuple[bytes, bool]:
        """What there is to read, and whether there may be more behind it.

        At most ``READ_BUDGET`` bytes; ``FLOOD_FACTOR`` times as many if the last read has not got all that was there,
        unless by TLS, or somebody is in a ``hurry``: what he waits for is in the first of them, or it is not. Raises
        ConnectionLost at the end of the stream, if nothing was read before it.
        """
        factor = FLOOD_FACTOR if self._flooded and self._context is None and not hurry else 1
        self._flooded = False
        most, budget = READ_SIZE * factor, READ_BUDGET * factor
        chunks: list[bytes] = []
        size = 0
        while size < budget:
            try:
                chunk = self._socket.recv(most)
            except (BlockingIOError, InterruptedError):
                return b"".join(chunks), False
            except OSError as error:
                if wants_more(error):
                    return b"".join(chunks), False
                if "_ALERT_" in reason_of(error):
                    # In TLS 1.3 the server judges our certificate when the handshake is over for us.
                    text = f"{self.peer} broke off ({reason_of(error)}){certificate_cure(reason_of(error))}"
                    raise ConnectionFailed(text, server=self._config.name) from None
                return self._ended(chunks, _end(error))
            if not chunk:
                return self._ended(chunks, _CLOSED)
            chunks.append(chunk)
            size += len(chunk)
            if self._context is None and len(chunk) < most:
                return b"".join(chunks), False  # a plain socket would say so; TLS may have more inside
        self._flooded = True
        return b"".join(chunks), True

    def _ended(self, chunks: list[bytes], message: str) -> tuple[bytes, bool]:
        if chunks:
            return b"".join(chunks), True  # the end is told the next time
        raise self.broken or ConnectionLost(message, server=self._config.name)

    @property
    def most_unread(self) -> int:
        """So many bytes may have arrived that were not read yet: in the system, and in a record of TLS."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) + READ_SIZE

    def write(self, data: bytearray) -> int:
        """Write what fits; says how many bytes: none when the link is ``broken``.

        By TLS that is whole records, of whole lines, and no more than ``_WRITE_SIZE``: the rest is for the next turn.
        """
        total = 0
        try:
            if self._context is not None:
                while total < min(len(data), _WRITE_SIZE):
                    # What the kernel did not take is kept by OpenSSL, which must be given the same bytes again.
                    self._record = self._record or record_size(data, total)
                    total += self._socket.send(data[total : total + self._record])
                    self._record = 0
                return total
            if len(data) <= _WRITE_SIZE:
                return self._socket.send(data)
            with memoryview(data) as view:
                while total < len(data):
                    total += self._socket.send(view[total : total + _WRITE_SIZE])
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            if total == 0 and not wants_more(error):
                self.broken = ConnectionLost(_end(error), server=self._config.name)
        return total

    def close(self) -> None:
        self._socket.close()


def _end(error: OSError) -> str:
    """What an error of reading or writing says of the link."""
    if isinstance(error, BrokenPipeError) or type(error).__name__ in ("SSLEOFError", "SSLZeroReturnError"):
        return _CLOSED
    return f"the connection broke ({reason_of(error)})."
