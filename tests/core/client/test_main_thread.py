"""The main thread reads its own reply where no function of the program handles a signal."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import signal
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.reactor import MainThread, When, main_thread
from tests.core.io_support import (
    CALM,
    PATIENCE_SECONDS,
    config,
    loop_of,
    ready,
    runner_of,
    started,
    wait_until,
    with_leaders,
)
from tests.running import PYTHON, Program, run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.core.client import Client
    from django_ami.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_bugs"), with_leaders]

#: How often Ctrl+C is pressed, and for how long at most nobody presses it.
INTERRUPTIONS = 60
LONGEST_PAUSE_SECONDS = 0.02

#: Sends numbered actions from its main thread, and goes on behind each KeyboardInterrupt.
INTERRUPTED = """
import json, signal, sys, time
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.actions import Action
from django_ami.core.errors import AmiError

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
options = Options(reconnect_initial=0.01, reconnect_max=0.02)
client = Client([ServerConfig.from_url("node_1", sys.argv[1], options)])
client.start()
while client.status()["node_1"].state != "ready":
    time.sleep(0.01)
number, interrupted, told, done, unsent = 0, 0, 0, [], []

def work():
    global number
    while True:
        number += 1
        try:
            client.send(Action("Setvar", Variable="V", Value=str(number))).result(20)
        except AmiError as error:
            if not error.sent:
                unsent.append(number)
            continue
        done.append(number)

print("at work", flush=True)
while told < int(sys.argv[2]):
    try:
        if told < interrupted:
            print("interrupted", interrupted, flush=True)
            told = interrupted
        else:
            work()
    except KeyboardInterrupt:
        interrupted += 1
reconnects = client.status()["node_1"].reconnects
client.close()
print(json.dumps([done, unsent, reconnects]))
"""


@pytest.fixture
def client(sim: Simulator) -> Iterator[Client]:
    with started(config(sim, **CALM), role="caller") as made:
        ready(made)
        yield made


@pytest.fixture
def handlers() -> Iterator[Callable[..., Any]]:
    """Nobody handles a signal (the plugin for timeouts does); sets handlers for the test."""
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    harmless = {signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler, None}
    for number, handler in before.items():
        if handler not in harmless:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        yield signal.signal
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


@pytest.fixture
def threads(client: Client, monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """Those that run the loop."""
    seen: set[threading.Thread] = set()
    loop = loop_of(client)
    run_once = loop.run_once

    def noted(*arguments: Any, **named: Any) -> bool:
        seen.add(threading.current_thread())
        return run_once(*arguments, **named)

    monkeypatch.setattr(loop, "run_once", noted)
    return seen


def ping(client: Client, times: int = 20) -> None:
    for _ in range(times):
        assert client.send(Ping()).result(PATIENCE_SECONDS).ok


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN])
def test_main_thread_reads_its_own_reply_where_no_function_handles_signals(
    handlers: Callable[..., Any], client: Client, threads: set[threading.Thread], ctrl_c: Any
) -> None:
    handlers(signal.SIGINT, ctrl_c)
    wait_until(lambda: ping(client) or threading.main_thread() in threads)


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, *_: object) -> None:
        """Handle nothing."""


@pytest.mark.parametrize("handler", [lambda *_: None, Unhashable()])
def test_main_thread_lets_the_reactor_thread_read_while_a_signal_has_a_handler(
    handlers: Callable[..., Any],
    client: Client,
    threads: set[threading.Thread],
    handler: Callable[..., Any],
) -> None:
    handlers(signal.SIGUSR1, handler)
    ping(client)
    assert {one.name for one in threads} == {"django_ami-reactor"}


@pytest.mark.usefixtures("handlers")
def test_main_thread_of_uwsgi_lets_the_reactor_thread_read(
    client: Client, threads: set[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uWSGI gives a site this module. ``scripts/servers`` starts, and stops, a real one."""
    monkeypatch.setitem(sys.modules, "uwsgi", types.ModuleType("uwsgi"))
    ping(client)
    assert {one.name for one in threads} == {"django_ami-reactor"}


@pytest.mark.usefixtures("handlers")
def test_handler_in_c_that_python_does_not_know_of_stays(
    client: Client, threads: set[threading.Thread], tmp_path: Path
) -> None:
    with (tmp_path / "traceback").open("w+") as file:
        faulthandler.register(signal.SIGINT, file, all_threads=False)
        try:
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            ping(client)
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pytest.fail("Python's own handler has replaced it")
        finally:
            faulthandler.unregister(signal.SIGINT)
        file.seek(0)
        assert "most recent call first" in file.read()
    assert {one.name for one in threads} == {"django_ami-reactor"}


def test_main_thread_lets_the_reactor_thread_read_while_another_signal_raises_as_ctrl_c_does(
    handlers: Callable[..., Any], client: Client, threads: set[threading.Thread]
) -> None:
    handlers(signal.SIGTERM, signal.default_int_handler)
    ping(client)
    assert {one.name for one in threads} == {"django_ami-reactor"}


def test_handler_of_a_signal_may_send_and_wait_while_the_main_thread_waits(
    handlers: Callable[..., Any], sim: Simulator, client: Client
) -> None:
    sim.on("Slow").reply().after(0.3)
    pinged: list[bool] = []
    handlers(signal.SIGUSR1, lambda *_: pinged.append(ping(client, 1) is None))
    pending = client.send(Action("Slow"))
    wait_until(lambda: any(action.name == "Slow" for action in sim.received))
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    assert pending.result(PATIENCE_SECONDS).ok
    assert pinged == [True]


@pytest.mark.usefixtures("handlers")
def test_thread_that_is_no_main_thread_to_python_leads_without_a_handler(client: Client) -> None:
    """``threading`` may have been imported by another thread first, in a program written in C."""
    main = MainThread(runner_of(client), loop_of(client))
    with ThreadPoolExecutor(1) as other:
        led = other.submit(main.lead, When(lambda: True), 0, guest=True).result(PATIENCE_SECONDS)
    assert led in {True, False}
    ping(client)


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_ends_a_wait_at_once(sim: Simulator, client: Client) -> None:
    sim.on("Never").hang()
    pending = client.send(Action("Never"))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        pending.result(PATIENCE_SECONDS)
    ping(client)
    assert client.status()["node_1"].reconnects == 0


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_in_the_midst_of_a_turn_raises_behind_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = client._cluster.servers["node_1"].session.exchange
    receive = exchange.receive
    finished: list[bool] = []

    def interrupted(data: bytes, now: float) -> Any:
        if threading.current_thread() is threading.main_thread() and not finished:
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(1000))  # bytecodes, between which the handler runs
            finished.append(True)
        return receive(data, now)

    monkeypatch.setattr(exchange, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ping(client, 1000)
    assert finished
    ping(client)
    assert client.status()["node_1"].reconnects == 0


class Limit(Exception):
    """An exception from outside, such as the time limit of a task."""


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_is_heard_though_an_exception_kept_its_handler_from_being_put_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[object] = []

    def set_handler(number: int, handler: Any) -> object:
        if handler is signal.default_int_handler and not kept:
            kept.append(signal.getsignal(number))
            raise Limit
        return signal.signal(number, handler)

    monkeypatch.setattr(main_thread, "set_handler", set_handler)
    with pytest.raises(Limit):
        ping(client, 1000)
    assert signal.getsignal(signal.SIGINT) in kept
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        time.sleep(PATIENCE_SECONDS)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ping(client)


#: A thread forks while the main thread waits; the child is interrupted twice.
FORKED = """
import os, signal, sys, threading, time
from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Action, Ping

signal.signal(signal.SIGINT, signal.default_int_handler)
client = Client([ServerConfig.from_url("node_1", sys.argv[1])])
client.start()
for _ in range(20):
    client.send(Ping()).result(20)
waiting, reads, writes = threading.Event(), *os.pipe()

def fork():
    waiting.wait()
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.001)  # the main thread does not lead yet
    child = os.fork()
    if child == 0:
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            os._exit(2)  # an event loop of the child would not set its own
        for _ in range(2):
            try:
                os.write(writes, b".")
                time.sleep(20)
            except KeyboardInterrupt:
                continue
            os._exit(1)
        os._exit(0)
    for _ in range(2):
        os.read(reads, 1)
        time.sleep(0.1)  # it is in its sleep, or just before it
        os.kill(child, signal.SIGINT)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    client.send(Ping()).result(20)

thread = threading.Thread(target=fork)
thread.start()
pending = client.send(Action("Slow"))
waiting.set()
pending.result(20)
thread.join()
client.close()
"""


def test_ctrl_c_interrupts_a_child_that_another_thread_forked_while_the_main_thread_led(
    sim: Simulator,
) -> None:
    sim.on("Slow").reply().after(1.0)
    assert run_python(FORKED, sim.url) == "0"


def test_action_is_not_sent_twice_whenever_ctrl_c_comes(sim: Simulator) -> None:
    moment = random.Random(19)
    command = [*PYTHON, "-c", INTERRUPTED, sim.url, str(INTERRUPTIONS)]
    with Program(command) as child:
        child.wait_for_out("at work")
        for number in range(1, INTERRUPTIONS + 1):
            time.sleep(moment.uniform(0, LONGEST_PAUSE_SECONDS))
            child.signal(signal.SIGINT)
            child.wait_for_out(f"interrupted {number}")
        assert child.wait() == 0, str(child)
    done, unsent, reconnects = json.loads(child.out[-1])
    sent = [int(action["Value"]) for action in sim.received if action.name == "Setvar"]
    assert len(sent) == len(set(sent))
    assert len(done) > INTERRUPTIONS
    assert set(done) <= set(sent)
    assert not set(unsent) & set(sent)
    assert reconnects == 0, "Ctrl+C came in the midst of a turn"
