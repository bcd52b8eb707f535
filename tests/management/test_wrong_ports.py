"""The wrong port, or none.

Every tool says of it what the worker says, cure included, however short its time is.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from django_ami.core.client import Client
from django_ami.core.config import ServerConfig
from django_ami.testing import FakeAsterisk
from tests.core.io_support import quick
from tests.core.servers import Hoard, ScriptedServer
from tests.management.test_ami_doctor import examine
from tests.management.tools import run
from tests.running import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT = "--timeout=0.5"

#: The server there, whether the client speaks TLS, and the message: before the timeout, and behind
#: it.
PORTS: dict[str, tuple[str, bool, str, str]] = {
    "nobody": (
        "closed",
        False,
        ": connection refused: does Asterisk run, with enabled = yes and this port",
        "",
    ),
    "nobody, by TLS": (
        "closed",
        True,
        ": connection refused: does Asterisk run, with enabled = yes and this port",
        "",
    ),
    "SSH": (
        "ssh",
        False,
        "no AMI greeting, but 'SSH-2.0-OpenSSH_9.2': is this the port of AMI?",
        "",
    ),
    "SSH, by TLS": (
        "ssh",
        True,
        " does not speak TLS: is it the plain port? Use the TLS port (5039)",
        "",
    ),
    "HTTP that answers": (
        "http",
        False,
        "no AMI greeting, but 'HTTP/1.1 400 Bad Request': is this the port",
        "",
    ),
    "HTTP, by TLS": (
        "http",
        True,
        " does not speak TLS: is it the plain port? Use the TLS port (5039)",
        "",
    ),
    "a mute one": (
        "mute",
        False,
        "no AMI greeting from ",
        ": is this the AMI port, or its TLS port without the setting TLS?",
    ),
    "a mute one, by TLS": (
        "mute",
        True,
        "no TLS with ",
        ": is this the TLS port of AMI, or the plain one?",
    ),
    "AMI, by TLS": (
        "plain",
        True,
        " does not speak TLS: is it the plain port? Use the TLS port (5039)",
        "",
    ),
    "AMI with TLS, without": (
        "secured",
        False,
        "no AMI greeting from ",
        ": is this the AMI port, or its TLS port without the setting TLS?",
    ),
}


@pytest.fixture
def port_of() -> Iterator[Callable[[str], int]]:
    with ExitStack() as stack:

        def open_port(what: str) -> int:
            greetings = {
                "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
                "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
            }
            if what == "closed":
                return free_port()
            if what in greetings:
                said = greetings[what]
                return stack.enter_context(
                    ScriptedServer(lambda sock: (sock.sendall(said), sock.recv(4096)))
                ).port
            if what == "mute":
                return stack.enter_context(Hoard()).port
            return stack.enter_context(FakeAsterisk(tls=what == "secured")).port

        yield open_port


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTS)
def test_every_tool_says_what_the_worker_says(name: str, port_of: Callable[[str], int]) -> None:
    what, tls, *parts = PORTS[name]
    address = f"admin:amp111@127.0.0.1:{port_of(what)}"
    url = f"amis://{address}?verify=false" if tls else f"ami://{address}"
    worker = Client([ServerConfig.from_url("node_1", url, quick(connect_timeout=0.5))])
    worker.start()
    try:
        wait_until(lambda: worker.status()["node_1"].last_error, what="the first attempt fails")
        told = {"ami_listen": str(worker.status()["node_1"].last_error)}
    finally:
        worker.close()
    told["ami_send"] = run("ami_send", "Ping", SHORT, servers=(url,)).err
    told["ami_status"] = run("ami_status", SHORT, servers=(url,)).out
    _, steps = examine(url, SHORT)
    told["ami_doctor"] = next(
        step["said"] for step in steps.values() if step["verdict"] == "failed"
    )
    for tool, text in told.items():
        for part in parts:
            assert part.lower() in text.lower(), tool
