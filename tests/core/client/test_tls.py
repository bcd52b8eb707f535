"""TLS, from the settings to the first answer: trusted certificates, and the errors of others."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.core.config import TLSConfig
from django_ami.core.errors import ConfigurationError, ConnectionFailed, ConnectionLost
from django_ami.testing import FakeAsterisk, Simulator
from tests.core.io_support import (
    NEVER,
    PATIENCE_SECONDS,
    Authority,
    Certificate,
    Recorder,
    Turns,
    config,
    ready,
    resolving,
    started,
    wait_until,
)
from tests.core.servers import Hoard, ScriptedServer, read_action, take_login

pytestmark = pytest.mark.usefixtures("no_bugs")


@pytest.fixture
def secured(authority: Authority) -> Iterator[Simulator]:
    with FakeAsterisk(tls=authority.loopback.tls) as running:
        yield running


def ping(sim: Simulator | int, tls: TLSConfig | None, **options: object) -> None:
    """Send a Ping; raises what it raises."""
    with started(config(sim, tls=tls, **options), role="caller", connect=False) as client:
        response = client.send(Ping(), timeout=20).result()
        assert response["Ping"] == "Pong"
        assert client.status()["node_1"].tls is (tls is not None)


def refusal(sim: Simulator | int, tls: TLSConfig | None, **options: object) -> str:
    """The message of a Ping's error."""
    with pytest.raises(ConnectionFailed) as caught:
        ping(sim, tls, **options)
    assert caught.value.sent is False
    assert "Ping was not sent" in str(caught.value)
    return str(caught.value)


# --- trusted certificates ---


def test_a_certificate_of_a_trusted_authority(secured: Simulator, authority: Authority) -> None:
    ping(secured, TLSConfig(ca_file=authority.ca_file))


def test_an_unknown_authority_is_refused_and_the_cure_named(secured: Simulator) -> None:
    text = refusal(secured, TLSConfig())
    assert "unable to get local issuer certificate" in text
    assert "CA_FILE" in text
    assert "FINGERPRINT" in text


def test_the_name_in_the_certificate_must_be_that_of_the_host(authority: Authority) -> None:
    with FakeAsterisk(tls=authority.elsewhere.tls) as sim:
        text = refusal(sim, TLSConfig(ca_file=authority.ca_file))
        assert "SERVER_HOSTNAME" in text
        ping(sim, TLSConfig(ca_file=authority.ca_file, server_hostname="pbx.example.org"))


@pytest.mark.parametrize("name", ["a..b", ".example.org"])
def test_a_name_that_no_certificate_can_have(
    secured: Simulator, authority: Authority, name: str
) -> None:
    text = refusal(secured, TLSConfig(ca_file=authority.ca_file, server_hostname=name))
    assert repr(name) in text
    assert "SERVER_HOSTNAME" in text


def test_a_self_signed_certificate_is_refused_and_the_cure_named(authority: Authority) -> None:
    with FakeAsterisk(tls=authority.self_signed.tls) as sim:
        text = refusal(sim, TLSConfig())
        assert "self-signed certificate" in text
        assert "FINGERPRINT" in text


def test_a_pinned_certificate_needs_no_authority_and_no_name(authority: Authority) -> None:
    for certificate in (authority.self_signed, authority.elsewhere, authority.expired):
        with FakeAsterisk(tls=certificate.tls) as sim:
            ping(sim, TLSConfig(fingerprint=certificate.fingerprint))


def test_another_certificate_than_the_pinned_one_is_refused(
    secured: Simulator, authority: Authority
) -> None:
    text = refusal(
        secured, TLSConfig(ca_file=authority.ca_file, fingerprint=authority.elsewhere.fingerprint)
    )
    assert "is not the pinned one" in text
    assert authority.loopback.fingerprint in text
    assert secured.login_attempts == 0


def test_verify_false_takes_any_certificate(authority: Authority) -> None:
    for certificate in (authority.self_signed, authority.elsewhere, authority.expired):
        with FakeAsterisk(tls=certificate.tls) as sim:
            ping(sim, TLSConfig(verify=False))


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    with FakeAsterisk(tls=authority.expired.tls) as sim:
        text = refusal(sim, TLSConfig(ca_file=authority.ca_file))
    assert "expired" in text
    assert "renew it on the server" in text


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def demanding(authority: Authority, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """The settings of a server that demands a certificate of its clients."""
    context = authority.loopback.tls.context()
    context.maximum_version = request.param
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=authority.ca_file)
    return context


def test_a_server_that_demands_a_certificate_of_ours_gets_it(
    authority: Authority, demanding: ssl.SSLContext
) -> None:
    own = authority.client
    with FakeAsterisk(tls=demanding) as sim:
        ping(
            sim, TLSConfig(ca_file=authority.ca_file, cert_file=own.certfile, key_file=own.keyfile)
        )


def test_a_server_that_demands_a_certificate_and_gets_none(
    authority: Authority, demanding: ssl.SSLContext
) -> None:
    def serve(sock: socket.socket) -> None:
        with demanding.wrap_socket(
            sock, server_side=True
        ) as secure:  # tells the reason by an alert, as Asterisk does
            secure.recv(1)

    with ScriptedServer(serve) as server:
        text = refusal(server.port, TLSConfig(ca_file=authority.ca_file))
    assert (
        "does it demand a certificate of ours? The TLS keys CERT_FILE and KEY_FILE name one."
        in text
    )


# --- old servers ---


def old(certificate: Certificate, newest: str, ciphers: str = "DEFAULT") -> ssl.SSLContext:
    """The settings of a server that has nothing newer than this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion[newest]
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.load_cert_chain(certificate.certfile, certificate.keyfile)
    return context


@pytest.mark.parametrize("newest", ["TLSv1", "TLSv1_1"])
def test_a_server_that_has_only_an_old_tls(authority: Authority, newest: str) -> None:
    with FakeAsterisk(tls=old(authority.loopback, newest)) as sim:
        text = refusal(sim, TLSConfig(ca_file=authority.ca_file))
        assert (
            f"127.0.0.1:{sim.port} does not speak TLSv1.2 or later (TLSV1_ALERT_PROTOCOL_VERSION): "
            in text
        )
        assert (
            "update OpenSSL on the server, or set the TLS key MINIMUM_VERSION to 'TLSv1', which "
            "is weak." in text
        )
        ping(sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1"))
        ping(sim, TLSConfig(fingerprint=authority.loopback.fingerprint, minimum_version="TLSv1"))
        again = TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1.1")
        if newest == "TLSv1":
            assert "does not speak TLSv1.1 or later" in refusal(sim, again)
        else:
            ping(sim, again)


def test_a_server_that_answers_in_an_old_tls() -> None:
    """Older ones do not refuse: they answer in the newest version that they know."""
    hello = b"\x02\x00\x00\x26\x03\x01" + bytes(32) + b"\x00" + b"\xc0\x14" + b"\x00"
    answer = b"\x16\x03\x01\x00\x2a" + hello
    with ScriptedServer(
        lambda sock: (sock.recv(4096), sock.sendall(answer), sock.recv(4096))
    ) as server:
        text = refusal(server.port, TLSConfig())
    assert "does not speak TLSv1.2 or later (UNSUPPORTED_PROTOCOL)" in text
    assert "MINIMUM_VERSION" in text


def test_a_server_that_has_only_old_ciphers(authority: Authority) -> None:
    """Without forward secrecy, as an Asterisk has that was built without elliptic curves."""
    with FakeAsterisk(tls=old(authority.rsa, "TLSv1_2", "AES256-GCM-SHA384")) as sim:
        text = refusal(sim, TLSConfig(ca_file=authority.ca_file))
        assert "are its ciphers old?" in text
        assert "MINIMUM_VERSION to 'TLSv1'" in text
        ping(sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1"))


def test_a_newer_tls_than_the_server_has_may_be_demanded(authority: Authority) -> None:
    with FakeAsterisk(tls=old(authority.loopback, "TLSv1_2")) as sim:
        ping(sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1.2"))
        text = refusal(sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1.3"))
        assert "does not speak TLSv1.3 or later" in text


def test_a_weak_certificate_is_refused_and_the_cure_named(authority: Authority) -> None:
    weak = authority.weak
    with FakeAsterisk(tls=old(weak, "TLSv1_2")) as sim:
        text = refusal(sim, TLSConfig(ca_file=weak.certfile))
        assert (
            "key too weak; make a stronger one on the server, or set the TLS key FINGERPRINT to "
            "its SHA-256." in text
        )
        ping(sim, TLSConfig(fingerprint=weak.fingerprint))


def test_anybody_is_refused_in_an_old_tls_too(authority: Authority) -> None:
    """Ciphers without a certificate would let anybody be the server."""
    context = old(authority.loopback, "TLSv1", "aNULL")
    with FakeAsterisk(tls=context) as sim:
        refusal(sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1"))
    with FakeAsterisk(tls=old(authority.self_signed, "TLSv1")) as sim:
        assert "is refused" in refusal(
            sim, TLSConfig(ca_file=authority.ca_file, minimum_version="TLSv1")
        )


# --- files ---


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_file_that_cannot_be_read_is_told_when_the_client_is_made(
    tmp_path: object, key: str
) -> None:
    missing = TLSConfig(**{key: f"{tmp_path}/missing.pem"})
    with pytest.raises(
        ConfigurationError, match=f"node_1: TLS key '{key.upper()}': .*No such file"
    ):
        Client([config(5039, tls=missing)])


def test_a_file_that_is_no_certificate_is_told_when_the_client_is_made(tmp_path: object) -> None:
    path = f"{tmp_path}/nonsense.pem"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("nonsense")
    with pytest.raises(ConfigurationError, match="not a valid PEM file"):
        Client([config(5039, tls=TLSConfig(ca_file=path))])


# --- the wrong port ---


def test_tls_spoken_to_the_plain_port(sim: Simulator) -> None:
    text = refusal(sim, TLSConfig())
    assert "does not speak TLS: is it the plain port?" in text


def test_plain_spoken_to_the_tls_port(secured: Simulator) -> None:
    text = refusal(secured, None, connect_timeout=0.3)
    assert "no AMI greeting" in text
    assert "TLS?" in text


def test_a_server_that_hangs_up_in_the_handshake() -> None:
    with ScriptedServer(lambda sock: sock.recv(16)) as server:
        text = refusal(server.port, TLSConfig())
    assert "TLS" in text


def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    with Hoard() as mute:
        text = refusal(mute.port, TLSConfig(), connect_timeout=0.3)
    assert "within 0.3 s" in text


def test_an_address_that_is_mute_in_the_handshake_leaves_time_for_the_next(
    secured: Simulator, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hoard() as mute:
        found = [("127.0.0.1", mute.port), ("127.0.0.1", secured.port)]
        resolving(monkeypatch, {"pbx.test": lambda: found})
        tls = TLSConfig(ca_file=authority.ca_file, server_hostname="127.0.0.1")
        with started(
            config(secured, host="pbx.test", tls=tls, connect_timeout=1), role="caller"
        ) as client:
            ready(client)
            assert client.status()["node_1"].address == f"127.0.0.1:{secured.port}"


def test_an_address_that_fails_the_handshake_is_passed_over(
    sim: Simulator, secured: Simulator, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("127.0.0.1", sim.port), ("127.0.0.1", secured.port)]  # the first speaks no TLS
    resolving(monkeypatch, {"pbx.test": lambda: found})
    tls = TLSConfig(ca_file=authority.ca_file, server_hostname="127.0.0.1")
    with started(config(secured, host="pbx.test", tls=tls), role="caller") as client:
        ready(client)
        status = client.status()["node_1"]
        assert (status.address, status.failures, status.last_error) == (
            f"127.0.0.1:{secured.port}",
            0,
            None,
        )


# --- bytes ---


def test_bytes_in_the_tls_object_are_read_without_waiting(
    secured: Simulator, authority: Authority
) -> None:
    """More than one record, and more than one turn: bytes in the SSL object wake no selector."""
    seen = Recorder()
    size = 1500
    frames = b"".join(
        b"Event: Big\r\nPrivilege: call,all\r\nNumber: %d\r\nFill: %s\r\n\r\n" % (n, b"x" * 1000)
        for n in range(size)
    )
    with started(config(secured, tls=TLSConfig(ca_file=authority.ca_file))) as client:
        client.subscribe("Big", seen)
        ready(client)
        secured.send_raw(frames)  # 1.5 MB in one piece, then silence
        wait_until(lambda: len(seen) == size, "all events read")
        assert [int(event["Number"]) for event in seen.firsts] == list(range(size))


def test_a_flood_both_ways_through_tls(secured: Simulator, authority: Authority) -> None:
    seen = Recorder()
    with started(
        config(secured, tls=TLSConfig(ca_file=authority.ca_file), event_queue_capacity=100_000)
    ) as client:
        client.subscribe("UserEvent", seen)
        ready(client)
        flood = secured.start_flood(count=5000, Fill="x" * 200)
        answers = [
            client.send(Action("Setvar", Variable=f"V{n}", Value="y" * 900)) for n in range(500)
        ]
        for answer in answers:
            assert answer.result(20).ok
        flood.result(20)
        wait_until(lambda: len(seen) == 5000, "all events read")
    assert [int(event["Number"]) for event in seen.firsts] == list(range(5000))


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def either(authority: Authority, request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A server that speaks one version of TLS, and reads it as Asterisk does."""
    context = authority.loopback.tls.context()
    context.minimum_version = context.maximum_version = request.param
    with FakeAsterisk(tls=context) as running:
        yield running


def test_no_action_waits_for_the_next_one(either: Simulator, authority: Authority) -> None:
    """Sent in one go, of any size.

    Asterisk takes no more than 1,024 bytes out of TLS, unless the socket has more.
    """
    with started(config(either, tls=TLSConfig(ca_file=authority.ca_file)), role="caller") as client:
        ready(client)
        sizes = [0] * 400 + [1, 900, 1_000, 2, 990] * 40
        sent = [
            client.send(Action("Ping", Number=at, Fill="x" * size)) for at, size in enumerate(sizes)
        ]
        large = client.send(
            Action("Ping", Number=len(sizes), Fill=["y" * 1_016] * 124)
        )  # lines of 1,022 bytes
        assert all(pending.result(PATIENCE_SECONDS).ok for pending in [*sent, large])
        received = [action for action in either.received if "Number" in action]
        assert [int(action["Number"]) for action in received] == [*range(len(sizes) + 1)]
        assert [len(action["Fill"]) for action in received[:-1]] == sizes
        assert received[-1].get_all("Fill") == ("y" * 1_016,) * 124


def test_the_end_of_tls_is_the_end_even_if_the_link_stays_open(authority: Authority) -> None:
    """The words and the end may be read in one go.

    Then no selector tells of the end, for the link stays open.
    """
    context = authority.loopback.tls.context()

    def say_and_end(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure:
            secure.sendall(b"Asterisk Call Manager/11.0.0\r\n")
            secure.recv(4096)
            secure.sendall(b"Response: Error\r\nActionID: 0\r\nMessage: x\r\n\r\n" * 5000)
            secure.unwrap()  # says that it is the end, and waits

    with ScriptedServer(say_and_end) as server:
        tls = TLSConfig(ca_file=authority.ca_file)
        with started(config(server.port, tls=tls, **NEVER)) as client:
            wait_until(lambda: client.status()["node_1"].failures)
            assert "the server closed the connection" in str(client.status()["node_1"].last_error)
            assert client.status()["node_1"].unmatched_answers == 5000


def test_waiting_for_a_server_that_does_not_read_it_does_not_turn_and_loses_nothing(
    authority: Authority,
) -> None:
    context, read_on, numbers = authority.loopback.tls.context(), threading.Event(), []

    def serve(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure, take_login(secure) as stream:
            assert read_on.wait(60)
            while action := read_action(stream):
                numbers.append(action.get("Number"))
                if action["Action"] == "Last":
                    return

    tls, limit = TLSConfig(ca_file=authority.ca_file), 2**26
    with ScriptedServer(serve) as server:
        settings = config(
            server.port, tls=tls, auth_type="plain", write_buffer_limit=limit, **NEVER
        )
        with started(settings, role="caller") as client:
            turns = Turns(client)
            ready(client)
            for number in range(160):  # 16 MB: more than the kernel takes
                client.send(Action("Setvar", Number=number, Value=["y" * 1000] * 100))
            last = client.send(Action("Last"))
            wait_until(lambda: turns.during(0.05) <= 4, "the kernel has taken what it takes")
            assert turns.during(0.3) <= 20  # one that spins turns thousands of times
            assert client.status()["node_1"].unwritten_bytes > 2**20
            read_on.set()
            assert isinstance(
                last.exception(60), ConnectionLost
            )  # it was read, and the server hung up
    assert numbers == [*map(str, range(160)), None]


class Renegotiating:
    """``openssl s_server`` behind a relay, which holds back its bytes while it is told to.

    Python's own TLS never asks for new keys. ``held`` are the bytes, ``seen`` what was decrypted.
    """

    def __init__(self, certificate: Certificate) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.held, self.seen, self.holding = bytearray(), bytearray(), threading.Event()
        files = ["-cert", certificate.certfile, "-key", certificate.keyfile]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{self._port}", "-tls1_2", *files]
        self._openssl = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: b"ACCEPT" in self.seen, "openssl listens")

    def _read(self) -> None:
        assert self._openssl.stdout is not None
        while data := self._openssl.stdout.read1():  # type: ignore[attr-defined]
            self.seen += data

    def say(self, data: bytes) -> None:
        assert self._openssl.stdin is not None
        self._openssl.stdin.write(data)
        self._openssl.stdin.flush()

    def kinds(self) -> list[int]:
        """The types of the records that are held back."""
        found, at = [], 0
        while at < len(self.held):
            found.append(self.held[at])
            at += 5 + int.from_bytes(self.held[at + 3 : at + 5])
        return found

    def release(self) -> None:
        data, self.held = self.held, bytearray()
        self._client.sendall(data)

    def relay(self, client: socket.socket) -> None:
        self._client = client
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            threading.Thread(target=self._bring_back, args=(server,), daemon=True).start()
            while data := client.recv(65_536):
                server.sendall(data)

    def _bring_back(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                self.held += data
                if not self.holding.is_set():
                    self.release()

    def close(self) -> None:
        self._openssl.kill()
        self._openssl.communicate()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not here")
def test_a_server_that_is_slow_to_change_keys_is_waited_for_without_a_turn(
    authority: Authority,
) -> None:
    with contextlib.closing(Renegotiating(authority.loopback)) as openssl:
        tls = TLSConfig(ca_file=authority.ca_file)
        with ScriptedServer(openssl.relay) as server:
            settings = config(server.port, tls=tls, auth_type="plain", **NEVER)
            with started(settings) as client:
                turns = Turns(client)
                wait_until(lambda: b"CIPHER is" in openssl.seen, "TLS is up")
                openssl.holding.set()
                openssl.say(b"Asterisk Call Manager/11.0.0\r\n")
                wait_until(lambda: 23 in openssl.kinds(), "the greeting")
                openssl.say(b"R\n")
                wait_until(lambda: openssl.kinds()[-2:] == [23, 22], "it asks for new keys")
                openssl.release()
                wait_until(lambda: openssl.held, "it has the first answer, and says the next")
                assert turns.during(0.3) <= 20  # one that spins turns thousands of times
                assert b"Action: Login" not in openssl.seen
                openssl.holding.clear()
                openssl.release()
                wait_until(lambda: b"Action: Login" in openssl.seen, "the login came through")
