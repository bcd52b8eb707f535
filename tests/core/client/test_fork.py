"""A client that was started before a fork, in the child: it leaves the parent's connection alone, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.running import run_python

if TYPE_CHECKING:
    from django_ami.testing import Simulator

SOURCE = """
import os, sys, threading, warnings
from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Action, Ping

client = Client([ServerConfig(name="node_1", host="127.0.0.1", port={port}, username="admin", secret="amp111")])
client.start()
client.send(Ping()).result(20)

def ask():
    try:
        print(client.send(Action("Child")).result(20).ok)
    except Exception as error:
        print(error)

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12 on
child = os.fork()
if child == 0:
    ask()  # the main thread, and one that could lead
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
print(client.send(Ping()).result(20).ok)
client.close()
"""


def test_it_neither_writes_nor_reads_there(sim: Simulator) -> None:
    out = run_python(SOURCE.format(port=sim.port)).split("\n")
    refused = (
        "node_1: the client was started before a fork, and is the parent's: make a new one in each process; "
        "Child was not sent."
    )
    assert out == [refused, refused, "True"]
    assert [action.name for action in sim.received].count("Child") == 0
    assert (sim.logins, sim.logoffs) == (1, 1)
