"""``ami`` in every kind of child process.

One login for each process that sends, and none harms another.

A fork by the C library, as uWSGI makes it, runs none of Python's hooks.
"""

from __future__ import annotations

from collections import Counter

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import run_python

SETUP = """
import ctypes, os, sys, threading, time, warnings
import django
from django.conf import settings
if not settings.configured:
    servers = {"node_1": {"URL": os.environ["AMI_NODE1_URL"]}}
    settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS=servers)
    django.setup()
from django_ami import ami
from django_ami.actions import Action, Ping

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12 on
pbx = ami.server("node_1")

def end():
    sys.stdout.flush()
    os._exit(0)
"""
FORKS = {"hooks": "os.fork()", "no hooks": "ctypes.PyDLL(None).fork()"}


@pytest.fixture(params=FORKS.values(), ids=FORKS)
def fork(request: pytest.FixtureRequest) -> str:
    return request.param


def run(source: str, sim: FakeAsterisk, fork: str = "") -> list[str]:
    return run_python(
        f"{SETUP}\ndef fork():\n    time.sleep(0.05)  # all other threads sleep by then\n"
        f"    sys.stdout.flush()\n    return {fork}\n{source}",
        AMI_NODE1_URL=sim.url,
    ).split("\n")


@pytest.mark.slow
@pytest.mark.parametrize("used_before", ["ami.send(Ping()).result(20)", ""])
def test_workers_with_threads_log_in_once_each(fork: str, used_before: str) -> None:
    source = f"""
{used_before}
workers = []
for number in range(3):
    child = fork()
    if child == 0:
        barrier, ok = threading.Barrier(8), []
        def work(index):
            barrier.wait(20)
            send = (ami.send, pbx.send, ami.server("node_1").send)[index % 3]
            ok.append(send(Action("Mine", Worker=number)).result(20).ok)
        threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(ok), all(ok), pbx is ami.server("node_1"), pbx.ready, pbx.status().ready)
        end()
    workers.append(child)
for child in workers:
    os.waitpid(child, 0)
print(pbx.send(Ping()).result(20).ok)
"""
    with FakeAsterisk() as sim:
        sim.on("Mine").reply()
        out = run(source, sim, fork)
        assert out == ["8 True True True True"] * 3 + ["True"]
        mine = [action for action in sim.received if action.name == "Mine"]
        assert Counter(action.get("Worker") for action in mine) == {"0": 8, "1": 8, "2": 8}
        assert len({action.session for action in mine}) == 3
        # No two processes have an ActionID, or the part that all of a process have, in common.
        assert len({action.action_id for action in sim.received}) == len(sim.received)
        assert len({action.action_id.partition("-")[0] for action in mine}) == 3
        sim.wait_for(lambda: sim.logoffs == 1)
        assert (sim.logins, sim.connections) == (4, 4)


@pytest.mark.slow
def test_a_child_of_a_child_and_an_end_by_exit(fork: str) -> None:
    source = """
pbx.send(Ping()).result(20)
child = fork()
if child == 0:
    print(pbx.send(Ping()).result(20).ok)
    grandchild = fork()
    if grandchild == 0:
        print(pbx.send(Ping()).result(20).ok)
        ami.close()
        end()
    os.waitpid(grandchild, 0)
    print(pbx.send(Ping()).result(20).ok)
    idle = fork()
    if idle == 0:
        ami.close()  # as at exit: nothing of its own
        end()
    os.waitpid(idle, 0)
    print(pbx.send(Ping()).result(20).ok)
    sys.stdout.flush()
    ami.close()
    end()
os.waitpid(child, 0)
print(pbx.send(Ping()).result(20).ok)
"""
    with FakeAsterisk() as sim:
        assert run(source, sim, fork) == ["True"] * 5
        sim.wait_for(lambda: sim.logoffs == 3)
        assert (sim.logins, sim.connections) == (3, 3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method: str) -> None:
    source = """
import multiprocessing
from tests.process_pool import dial
if __name__ == "__main__":
    pbx.send(Ping()).result(20)
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        print(all(pool.map(dial, range(20), chunksize=1)))
        pool.close()
        pool.join()
    print(pbx.send(Ping()).result(20).ok)
""".replace("METHOD", repr(method))
    with FakeAsterisk() as sim:
        sim.on("Dial").reply()
        assert run(source, sim) == ["True", "True"]
        dialled = [action for action in sim.received if action.name == "Dial"]
        assert sorted(int(action.get("Number")) for action in dialled) == list(range(20))
        assert sim.logins == 1 + len({action.session for action in dialled})
        assert sim.logins <= 3
