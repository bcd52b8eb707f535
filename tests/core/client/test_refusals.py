"""The system refuses a thread, a descriptor or memory.

It is tried again, as after every attempt that fails.

Each case is a process of its own, whose limits are lowered for real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.core.io_support import Authority
from tests.running import run_python

if TYPE_CHECKING:
    from django_ami.testing import Simulator

HEAD = """
import logging, os, time
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.actions import Action, Ping
from django_ami.core.config import TLSConfig
from django_ami.core.errors import AmiError
from tests.refusing import no_descriptors, no_threads

logging.disable()

def config(host="127.0.0.1", port={port}, **more):
    options = Options(reconnect_initial=0.02, reconnect_max=0.05, boot_grace=0.05)
    account = {"username": "admin", "secret": "amp111"}
    return ServerConfig(name="node_1", host=host, port=port, options=options, **account, **more)

def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.002)

def tell(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, getattr(error, "sent", None), error)

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def status():
    return client.status()["node_1"]
"""


def run(source: str, sim: Simulator | int, *arguments: str) -> list[str]:
    port = sim if isinstance(sim, int) else sim.port
    return run_python(HEAD.replace("{port}", str(port)) + source, *arguments).split("\n")


RECONNECT = """
import sys
host, refusal = sys.argv[1], {"thread": no_threads, "descriptor": no_descriptors}[sys.argv[2]]
client = Client([config(host)], role=sys.argv[3])
client.start(connect=False)
with refusal():
    client.connect()
    until(lambda: status().failures >= 3)
    print(status().last_error)
until(lambda: status().ready)
print(client.send(Ping()).result(20).ok, status().unexpected_errors)
client.close()
"""

THREAD = (
    "no thread can be started (can't start new thread): raise the limit of this user (ulimit "
    "-u), service or container."
)
DESCRIPTOR = "too many open files in this process: raise the limit (ulimit -n)."


@pytest.mark.parametrize("role", ["listener", "caller"])
@pytest.mark.parametrize(
    ("host", "refusal", "said"),
    [
        ("localhost", "thread", [THREAD]),
        ("127.0.0.1", "descriptor", ["127.0.0.1:{port}: " + DESCRIPTOR]),
        # The resolver says so, or that it knows no such name: it could not open the file.
        (
            "localhost",
            "descriptor",
            ["the name 'localhost' cannot be resolved (", "127.0.0.1:{port}: " + DESCRIPTOR],
        ),
    ],
)
def test_client_retries_a_resource_that_the_system_refused_during_an_attempt(
    sim: Simulator, role: str, host: str, refusal: str, said: list[str]
) -> None:
    told, then = run(RECONNECT, sim, host, refusal, role)
    assert any(text.format(port=sim.port) in told for text in said), told
    assert then == "True 0"


def test_a_client_that_the_system_refuses_leaves_nothing_open_and_is_made_later(
    sim: Simulator,
) -> None:
    source = """
before = descriptors()
for but in range(8):
    with no_descriptors(but=but):
        try:
            Client([config()], role="caller").close()
        except AmiError as error:
            assert error.sent is False
            print(type(error).__name__, error)
    assert descriptors() == before, (but, descriptors(), before)
client = Client([config()], role="caller")
client.start()
print(client.send(Ping()).result(20).ok)
client.close()
"""
    *refused, last = run(source, sim)
    assert (
        refused == ["ConnectionFailed " + DESCRIPTOR] * 4
    )  # two of a wake-up, two of the selectors
    assert last == "True"


def test_a_client_whose_thread_is_refused_is_started_later(sim: Simulator) -> None:
    source = """
client = Client([config()])
with no_threads():
    tell(client.start)
    print(client.started)
client.start()
print(client.send(Ping()).result(20).ok)
client.close()
"""
    assert run(source, sim) == ["ConnectionFailed False " + THREAD, "False", "True"]


DISPATCHER = """
answers, events = [], []
client = Client([config()])
client.start()
until(lambda: status().ready)
with no_threads():
    client.subscribe("UserEvent", events.append)
    client.send(Ping()).on_complete(lambda error, response: answers.append(response.ok))
    client.send(Action("UserEvent", UserEvent="Test")).result(20)
    until(lambda: status().received >= 2)
    {first}
{then}
print(answers, [event.name for event in events], client.totals().delivered)
"""
WAIT_THEN_CLOSE = ("print(answers, events)", "until(lambda: answers and events); client.close()")
CLOSE_THEN_RUN = ("client.close()", "")


@pytest.mark.parametrize(
    ("first", "then"), [WAIT_THEN_CLOSE, CLOSE_THEN_RUN], ids=["later", "at the end"]
)
def test_receivers_whose_thread_is_refused_are_called_later(
    sim: Simulator, first: str, then: str
) -> None:
    out = run(DISPATCHER.format(first=first, then=then), sim)
    assert out[-1] == "[True] ['UserEvent'] 1"
    assert out[:-1] in ([], ["[] []"])


def test_a_context_of_tls_without_the_systems_authorities_is_not_kept(
    sim: Simulator, authority: Authority
) -> None:
    """OpenSSL says nothing of a file that it could not open.

    Each certificate would be refused for ever after.
    """
    source = """
client = Client([config(tls=TLSConfig())])
with no_descriptors():
    tell(lambda: client.reconfigure([config(tls=TLSConfig(minimum_version="TLSv1.3"))]))
changes = client.reconfigure([config(tls=TLSConfig(minimum_version="TLSv1.3"))])
print(changes)
client.close()
"""
    refusal, done = run_python(
        HEAD.replace("{port}", str(sim.port)) + source,
        SSL_CERT_FILE=authority.ca_file,
        SSL_CERT_DIR="/nowhere",
    ).split("\n")
    assert refusal == (
        f"ConfigurationError False node_1: the authorities of the system: {authority.ca_file} "
        "cannot be used: Too many open files."
    )
    assert done == "changed: node_1"
