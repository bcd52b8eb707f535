"""Helpers of the tests over real TCP: quick settings, started clients, waits with an end."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import socket
import ssl
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fcntl import ioctl
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from termios import FIONREAD, TIOCOUTQ
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from django_ami.core.client import Client
from django_ami.core.config import Options, ServerConfig, TLSConfig
from django_ami.core.log import get_logger
from django_ami.core.reactor import Leader, Loop, Runner, Traffic
from django_ami.testing import FakeAsterisk, ServerTLS, Simulator
from tests.running import DEADLINE_SECONDS

#: Long enough for the slowest machine, since nothing waits for the whole of it unless it fails.
PATIENCE_SECONDS = 20.0
#: Options of a server that is tried once: the next attempt comes at a random moment of a whole day.
NEVER: dict[str, Any] = {"reconnect_initial": 86_400, "reconnect_max": 86_400}
#: Options with which no timer ends a pause of the reactor thread.
CALM = {
    "heartbeat_interval": 10 * DEADLINE_SECONDS,
    "read_timeout": 20 * DEADLINE_SECONDS,
    "action_timeout": 10 * DEADLINE_SECONDS,
}


def wait_until(
    condition: Callable[[], object], what: str = "", timeout: float = PATIENCE_SECONDS
) -> None:
    """Wait for a condition; fail by name after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(0.002)


def quick(**changes: Any) -> Options:
    """Options with short retries; every other time as in real life unless it is given."""
    return Options(
        **{"reconnect_initial": 0.02, "reconnect_max": 0.05, "boot_grace": 0.05, **changes}
    )


def wait_for_the_log() -> None:
    """Wait until all records so far are handled.

    A started client does that in a thread of its own, in order.
    """
    marker, handled = logging.getLogger("django_ami.marker"), threading.Event()
    handler = logging.NullHandler()
    handler.handle = lambda _: handled.set()  # type: ignore[method-assign,assign,return-value]
    marker.addHandler(handler)
    marker.setLevel(logging.DEBUG)
    try:
        get_logger(marker.name).debug("so far")
        assert handled.wait(PATIENCE_SECONDS)
    finally:
        marker.removeHandler(handler)


def config(
    where: Simulator | int,
    name: str = "node_1",
    *,
    host: str = "127.0.0.1",
    user: str = "admin",
    secret: str = "amp111",
    tls: TLSConfig | None = None,
    **options: Any,
) -> ServerConfig:
    """The settings of a server at a simulator or at a port; options as keywords."""
    port = where if isinstance(where, int) else where.port
    return ServerConfig(
        name=name,
        host=host,
        port=port,
        username=user,
        secret=secret,
        tls=tls,
        options=quick(**options),
    )


@contextlib.contextmanager
def started(
    *servers: ServerConfig, connect: bool = True, dispatcher: bool = True, **settings: Any
) -> Iterator[Client]:
    """A started client, closed at the end."""
    client = Client(servers, **settings)
    try:
        client.start(connect=connect, dispatcher=dispatcher)
        yield client
    finally:
        client.close()


def ready(client: Client, *names: str) -> None:
    """Wait until these servers (all, if none is named) are ready."""
    for name in names or tuple(client.servers):
        wait_until(
            lambda name=name: client.servers[name].ready, f"{name} ready: {client.status()[name]}"
        )


def unread(client: Client, name: str = "node_1") -> int:
    """Bytes of a server that have come and are not read."""
    count = array("i", [0])
    ioctl(client._cluster.servers[name]._link.transport.fileno(), FIONREAD, count)
    return count[0]


def unacknowledged(descriptor: int) -> int:
    """Bytes of a socket that the other side's kernel has not taken yet."""
    count = array("i", [0])
    ioctl(descriptor, TIOCOUTQ, count)
    return count[0]


class Recorder:
    """A callable that keeps what it was called with, and the thread it was called in."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.threads: set[str] = set()

    def __call__(self, *arguments: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append(arguments)

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def firsts(self) -> list[Any]:
        """The first argument of every call."""
        return [call[0] for call in self.calls]


def resolving(monkeypatch: Any, names: dict[str, Callable[[], list[tuple[str, int]]]]) -> None:
    """Let host names resolve to what a function of the test says (it may wait, or raise).

    All else as ever.
    """
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *arguments: Any, **more: Any) -> list[Any]:
        if host not in names or more.get("flags"):
            return real(host, port, *arguments, **more)
        return addresses(*names[host]())

    monkeypatch.setattr("django_ami.core.addresses.socket.getaddrinfo", getaddrinfo)


def addresses(*pairs: tuple[str, int]) -> list[Any]:
    """Host and port as ``getaddrinfo`` gives them."""
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", pair) for pair in pairs]


# --- fixtures (conftest.py gives them to the tests) ---


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with FakeAsterisk() as running:
        yield running


@pytest.fixture
def no_bugs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing failed on the reactor thread, and no thread of a client outlived the test."""
    caplog.set_level(logging.INFO, logger="django_ami")
    yield
    for when in ("setup", "call"):
        bugs = [
            record
            for record in caplog.get_records(when)
            if "A bug in django_ami" in record.getMessage()
        ]
        assert not bugs, bugs[0].exc_text or bugs[0].exc_info
    ours = ("django_ami-reactor", "django_ami-dispatch")
    left = [thread.name for thread in threading.enumerate() if thread.name in ours]
    assert not left, f"this test, or one before it in this process, has left {left}"


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate and its key."""

    certfile: str
    keyfile: str
    fingerprint: str

    @property
    def tls(self) -> ServerTLS:
        return ServerTLS(self.certfile, self.keyfile)


class Authority:
    """A certificate authority of the tests: ``ca_file`` to trust, and all kinds of certificates."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)
        self._folder = folder
        past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
        self.loopback = self._issue("loopback", "127.0.0.1")
        self.elsewhere = self._issue("elsewhere", "pbx.example.org")
        self.expired = self._issue(
            "expired", "127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=9)
        )
        self.client = self._issue("client", "worker@example.org")
        self.rsa = self._issue("rsa", "127.0.0.1", key_type=trustme.KeyType.RSA)
        self.self_signed = self._self_signed()

    def _issue(self, name: str, identity: str, **more: Any) -> Certificate:
        issued = self.ca.issue_cert(identity, **more)
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        return self._write(name, chain, issued.private_key_pem.bytes())

    def _self_signed(self) -> Certificate:
        other = trustme.CA()  # the certificate of an authority is signed by itself
        return self._write("self", other.cert_pem.bytes(), other.private_key_pem.bytes())

    @cached_property
    def weak(self) -> Certificate:
        """With a key that is too short for today, signed by itself."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        return self._write(
            "weak",
            made.public_bytes(pem),
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )

    def _write(self, name: str, certificate: bytes, key: bytes) -> Certificate:
        certfile, keyfile = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certfile.write_bytes(certificate)
        keyfile.write_bytes(key)
        end = "-----END CERTIFICATE-----"
        first = certificate.decode().partition(end)[0] + end
        return Certificate(
            str(certfile), str(keyfile), sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
        )


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


#: For what is true only of clients whose threads lead.
with_leaders = pytest.mark.skipif(
    os.environ.get("AMI_TEST_LEADING") == "0", reason="clients run without leaders"
)


def loop_of(client: Client) -> Loop:
    """The event loop of a client."""
    return client._loop


def runner_of(client: Client) -> Runner:
    """The object that runs the event loop of a client."""
    return client._runner


def leader_of(client: Client) -> Leader:
    """The Leader of a client whose threads lead."""
    runner = runner_of(client)
    assert isinstance(runner, Leader)
    return runner


def traffic_of(client: Client) -> Traffic:
    """The findings of a client's last reads."""
    return client.inbox._traffic


class Turns:
    """Counts the turns of a client's event loop: nothing that waits for something makes a turn."""

    def __init__(self, client: Client) -> None:
        self.count = 0
        self._client = client
        self._loop = loop_of(client)
        self._run_once = self._loop.run_once
        self._loop.run_once = self._counted  # type: ignore[method-assign]

    def _counted(self, timeout: float | None = None, **more: Any) -> bool:
        self.count += 1
        return self._run_once(timeout, **more)

    def during(self, seconds: float) -> int:
        """How many turns a started client made within so many seconds of the loop's own clock."""
        counts: list[int] = []
        over = threading.Event()

        def begin() -> None:
            counts.append(self.count)
            self._loop.call_at(self._loop.now + seconds, end)

        def end() -> None:
            counts.append(self.count)
            over.set()

        runner_of(self._client).call_soon(begin)
        assert over.wait(PATIENCE_SECONDS)
        return counts[1] - counts[0]
