"""No ghosts: an action that failed with its connection is not carried out when the way heals."""

from __future__ import annotations

import json
import select
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Action
from django_ami.core.config import TLSConfig
from django_ami.core.errors import ActionTimeout, ConnectionLost
from django_ami.testing import Simulator
from tests.core.io_support import PATIENCE_SECONDS, Authority, config, ready, started, wait_until
from tests.core.servers import LOOPBACK, ScriptedServer
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from pathlib import Path

#: Actions of 2 KB: more than fits into the receive buffer of the relay, and less than our kernel
#: holds.
FILLERS = 150


class Relay:
    """A way to a server.

    The first connection stops to take bytes from the client when told, and goes on when told.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.hole, self.in_hole, self.healed, self.drained = (threading.Event() for _ in range(4))
        self.ended_by: type[OSError] | None = None
        self._is_first = True

    def __call__(self, near: socket.socket) -> None:
        is_first, self._is_first = self._is_first, False
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.create_connection((LOOPBACK, self.port)) as far:
            while not (is_first and self.hole.is_set()):
                for sock in select.select([near, far], [], [], 0.01)[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    (far if sock is near else near).sendall(data)
            self.in_hole.set()
            assert self.healed.wait(PATIENCE_SECONDS)
            try:
                while data := near.recv(65536):
                    far.sendall(data)
            except OSError as error:
                self.ended_by = type(error)
            self.drained.set()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    ("given_up", "how"), [("lost", "plain"), ("lost", "TLS"), ("closed", "plain")]
)
def test_no_action_leaves_when_its_connection_was_given_up(
    given_up: str, how: str, authority: Authority
) -> None:
    """A server that does not read for a while: the bytes wait in our kernel."""
    with Simulator(tls=authority.loopback.tls if how == "TLS" else None) as sim:
        relay = Relay(sim.port)
        tls = TLSConfig(ca_file=authority.ca_file) if how == "TLS" else None
        times = {"read_timeout": 0.5, "heartbeat_interval": 0.2} if given_up == "lost" else {}
        with (
            ScriptedServer(relay) as server,
            started(config(server.port, tls=tls, **times)) as client,
        ):
            ready(client)
            relay.hole.set()
            assert relay.in_hole.wait(PATIENCE_SECONDS)
            for number in range(FILLERS):
                client.send(
                    Action("UserEvent", UserEvent="filler", Number=number, Value=["v" * 980] * 2),
                    timeout=1,
                )
            ghost = client.send(Action("UserEvent", UserEvent="ghost"), timeout=1)
            if given_up == "closed":
                wait_until(lambda: ghost.sent)
                client.close()
            error = ghost.exception(PATIENCE_SECONDS)
            assert isinstance(error, ConnectionLost | ActionTimeout)
            # By TLS a record waits in this process until those before it have left.
            assert error.sent or how == "TLS"
            wait_until(lambda: not client.server("node_1").ready)
            relay.healed.set()
            assert relay.drained.wait(PATIENCE_SECONDS)
            # Not by an end, as if the server were to do what it was asked.
            assert relay.ended_by is ConnectionResetError
            if given_up == "lost":
                ready(client)
                assert client.send(Action("Ping")).result(PATIENCE_SECONDS).ok
        with suppress(AssertionError):
            wait_until(lambda: ghosts(sim), timeout=0.2)
        assert ghosts(sim) == []


def ghosts(sim: Simulator) -> list[str]:
    return [action.action_id for action in sim.received if action.get("UserEvent") == "ghost"]


# --- a way that is really gone ---

#: A network of its own: its loopback interface is the way, which is taken down and up.
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")


def has_namespaces() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(
    not has_namespaces(), reason="needs unshare, ip, and a kernel that lets users make namespaces"
)
@pytest.mark.parametrize("given_up", ["lost", "closed"])
def test_no_action_leaves_when_a_black_hole_heals(given_up: str, tmp_path: Path) -> None:
    with Program([*NAMESPACE, *PYTHON, "-m", "tests.chaos.black_hole_worker", given_up]) as program:
        assert program.wait() == 0, str(program)
    told = json.loads(program.out[-1])
    error = {"lost": "ActionTimeout", "closed": "ConnectionLost"}[given_up]
    assert told == {"error": error, "sent": True, "waiting": 0, "ready again": True, "ghosts": 0}
