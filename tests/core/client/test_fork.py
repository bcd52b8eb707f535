"""A client that was used before a fork, in the child.

It leaves the parent's connection alone, and says so.

The fork is Python's, or that of the C library, as uWSGI makes it: it runs none of Python's hooks.
It is made while no other thread runs: a child that is forked without hooks while one waits for the
interpreter waits for it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import run_python

if TYPE_CHECKING:
    from django_ami.testing import Simulator
    from tests.core.io_support import Authority

HEAD = """
import asyncio, ctypes, os, sys, threading, time, warnings
from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Action, Ping
from django_ami.core.config import TLSConfig

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12 on
TLS = TLSConfig(ca_file={ca_file!r}) if {ca_file!r} else None
CONFIG = ServerConfig(
    name="node_1", host={host!r}, port={port}, username="admin", secret="amp111", tls=TLS)
client = Client([CONFIG])

def fork():
    time.sleep(0.05)  # all other threads sleep by then
    sys.stdout.flush()
    return {fork}

def end():
    sys.stdout.flush()
    os._exit(0)

def tell(function):
    try:
        print(function())
    except Exception as error:
        print(f"{{type(error).__name__}} {{getattr(error, 'sent', None)}}: {{error}}")
"""
FORKS = {"hooks": "os.fork()", "no hooks": "ctypes.PyDLL(None).fork()"}

REFUSED = (
    "ConnectionFailed False: node_1: the client was made before a fork, and is the parent's: make "
    "a new one in each process; Child was not sent."
)
ENDED = f"ConfigurationError False: {REFUSED.split(': ', 2)[2].split(';')[0]}."


@pytest.fixture(params=FORKS.values(), ids=FORKS)
def fork(request: pytest.FixtureRequest) -> str:
    return request.param


def run(
    source: str, sim: Simulator, fork: str, ca_file: str = "", host: str = "127.0.0.1"
) -> list[str]:
    return run_python(
        HEAD.format(port=sim.port, fork=fork, ca_file=ca_file, host=host) + source
    ).split("\n")


SENDS = """
client.start()
client.send(Ping()).result(20)
handle = client.server("node_1")
child = fork()
if child == 0:
    ask = lambda: tell(lambda: handle.send(Action("Child")).result(20).ok)
    ask()  # the main thread, and one that could lead
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    tell(client.start)
    tell(lambda: client.reconfigure([client.member("node_1").config]))
    tell(client.status)
    client.close()
    end()
os.waitpid(child, 0)
print(client.send(Ping()).result(20).ok)
client.close()
"""


def test_client_of_the_parent_neither_writes_nor_reads_in_the_child(
    sim: Simulator, fork: str
) -> None:
    assert run(SENDS, sim, fork) == [REFUSED, REFUSED, ENDED, ENDED, ENDED, "True"]
    assert [action.name for action in sim.received].count("Child") == 0
    sim.wait_for(lambda: sim.logoffs == 1)
    assert (sim.logins, sim.logoffs) == (1, 1)


def test_tls_is_not_ended_by_a_child(authority: Authority, fork: str) -> None:
    with FakeAsterisk(tls=authority.loopback.tls) as sim:
        assert run(SENDS, sim, fork, authority.ca_file) == [
            REFUSED,
            REFUSED,
            ENDED,
            ENDED,
            ENDED,
            "True",
        ]
        sim.wait_for(lambda: sim.logoffs == 1)
        assert (sim.logins, sim.connections) == (1, 1)


def test_call_over_the_limits_of_the_parent_is_refused_in_the_child(
    sim: Simulator, fork: str
) -> None:
    source = """
from django_ami.core import Options
CONFIG = ServerConfig(
    name="node_1", host="127.0.0.1", port=CONFIG.port, username="admin", secret="amp111",
    options=Options(max_concurrent_originates=1))
client.close()
client = Client([CONFIG])
client.start()
going = client.originate(to="Local/1@default", application="Wait", data="60")
client.send(Ping()).result(20)
child = fork()
if child == 0:
    call = client.originate(to="Local/2@default", application="Wait", data="60")
    print(call.wait(20).description)
    end()
os.waitpid(child, 0)
client.close()
"""
    refused = REFUSED.split(": ", 2)[2].replace("Child", "Originate")
    assert run(source, sim, fork) == [refused]


def test_one_that_is_turned_by_ticks_reads_nothing_of_the_parents(
    sim: Simulator, fork: str
) -> None:
    source = """
client.send(Ping()).result(20)
child = fork()
if child == 0:
    tell(client.tick)
    tell(lambda: client.send(Action("Child")).result(20))
    end()
os.waitpid(child, 0)
print(client.send(Ping()).result(20).ok)
client.close()
"""
    assert run(source, sim, fork) == [ENDED, REFUSED, "True"]
    assert (sim.logins, sim.connections) == (1, 1)


def test_one_that_was_only_made_is_the_parents_too(sim: Simulator, fork: str) -> None:
    """Children with the same ActionIDs would take one another's outcomes for their own."""
    source = """
child = fork()
if child == 0:
    tell(client.start)
    tell(lambda: client.send(Action("Child")).result(20))
    client.close()
    end()
os.waitpid(child, 0)
print(client.send(Ping()).result(20).ok)
client.close()
"""
    assert run(source, sim, fork) == [ENDED, REFUSED, "True"]
    assert (sim.logins, sim.logoffs) == (1, 1)


UNDER_WAY = """
client.start()
client.send(Ping()).result(20)
pendings = [client.send(Action("Slow"), timeout=60) for _ in range(5)]
pendings[4]._unsent = pendings[4]._unsent or [b"x"]  # as one that has not left
told = []
for pending in pendings[:4]:
    pending.on_complete(lambda error, response: told.append(os.getpid()))
waiting = threading.Thread(target=lambda: pendings[0].exception())
waiting.start()
child = fork()
if child == 0:
    mine = []
    print(pendings[4].sent, pendings[4].cancel(), pendings[4].done())
    tell(lambda: pendings[0].result(20))
    tell(lambda: pendings[1].exception().sent)
    async def wait():
        await pendings[2]
    tell(lambda: asyncio.run(wait()))
    pendings[3].on_complete(lambda error, response: mine.append(error.sent))
    print(mine, told)
    end()
os.waitpid(child, 0)
print("child has ended")
sys.stdout.flush()
for pending in pendings[:4]:
    assert pending.result(20).ok
client.close()
print(told == [os.getpid()] * 4)
"""


def test_child_fails_actions_in_flight_of_its_parent_instead_of_waiting(
    sim: Simulator, fork: str
) -> None:
    sim.on("Slow").reply().after(1.5)
    lost = (
        "ConnectionLost True: node_1: Slow is under way in the parent process, from before the "
        "fork: its answer comes there."
    )
    assert run(UNDER_WAY, sim, fork) == [
        "True False False",
        lost,
        "True",
        lost,
        "[True] []",
        "child has ended",
        "True",
    ]
    assert [action.name for action in sim.received].count("Slow") == 5
    assert sim.logins == 1


CALLING = """
client.start()
call = client.originate(to="PJSIP/noanswer", context="default", exten="102", timeout=3)
child = fork()
if child == 0:
    mine = []
    known = call.answered()
    tell(lambda: call.wait(20))
    async def wait(what):
        await asyncio.wait_for(what, 20)
    tell(lambda: asyncio.run(wait(known)))
    tell(lambda: known.exception(20).sent)
    known.add_done_callback(lambda over: mine.append(over.done()))
    print(mine)
    end()
os.waitpid(child, 0)
print(call.wait(20).result)
client.close()
"""


def test_child_does_not_wait_for_the_end_of_a_call_of_its_parent(sim: Simulator, fork: str) -> None:
    said = run(CALLING, sim, fork)
    followed = "is followed by the parent process, from before the fork."
    assert [line.startswith("ConnectionLost True: node_1: the ") for line in said[:2]] == [True] * 2
    assert [line.endswith(followed) for line in said[:2]] == [True] * 2
    assert said[2:] == ["True", "[True]", "no answer"]


IMPORTS = """
client.subscribe(None, str)  # it has threads for all that is to be done
loaded = set(sys.modules)
client.start()
done = threading.Event()
client.send(Ping()).on_complete(lambda error, response: done.set())
assert done.wait(20)
call = client.originate(to="Local/busy@users", context="users", exten="101")
assert not call.answered().result(20)
client.status(), client.reconfigure([CONFIG])
client.close()
print(sorted(set(sys.modules) - loaded))
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_threads_of_a_client_import_nothing(sim: Simulator, host: str) -> None:
    """A child that is forked in the midst of an import waits for ever when it needs that module
    itself.
    """
    assert run(IMPORTS, sim, "0", host=host) == ["[]"]


def test_threads_of_a_client_import_nothing_for_tls(authority: Authority) -> None:
    with FakeAsterisk(tls=authority.loopback.tls) as sim:
        assert run(IMPORTS, sim, "0", authority.ca_file) == ["[]"]
