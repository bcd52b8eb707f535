"""A waiting thread leads.

It runs the loop while the reactor thread sleeps or pauses, and leaves nobody unserved.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import selectors
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.errors import ActionTimeout, ConnectionLost
from django_ami.core.reactor import When, pause
from django_ami.core.reactor.leader import Phase
from django_ami.core.transport import READ_BUDGET_BYTES
from tests.core.io_support import (
    CALM,
    PATIENCE_SECONDS,
    Recorder,
    config,
    leader_of,
    loop_of,
    ready,
    runner_of,
    started,
    traffic_of,
    unread,
    wait_until,
    with_leaders,
)
from tests.running import DEADLINE_SECONDS, hold_pings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.core.client import Client
    from django_ami.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_bugs"), with_leaders]

OWN = "django_ami-reactor"


@pytest.fixture(autouse=True)
def endless_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reactor thread, once it pauses, stays away for the whole test unless it is woken."""
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 10 * DEADLINE_SECONDS)


def at_rest(client: Client) -> Client:
    """Its own thread rests, as it does when somebody who could have led had to wait."""

    def contend() -> None:
        leader_of(client).lead(When(lambda: True), 0)  # the reactor thread holds the turn

    leader_of(client).call_soon(contend)
    wait_until(lambda: leader_of(client).phase is Phase.PAUSING)
    return client


@pytest.fixture(params=["at rest", "at rest, no epoll", "on watch"])
def client(
    sim: Simulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    """A client whose reactor thread does not run the loop for now."""
    if request.param == "at rest, no epoll":
        monkeypatch.setattr(selectors, "DefaultSelector", selectors.PollSelector)
    with started(config(sim, **CALM), role="caller") as made:
        ready(made)
        if request.param == "on watch":
            wait_until(lambda: leader_of(made).phase is Phase.SLEEPING)
        else:
            at_rest(made)
        yield made


@pytest.fixture
def resting(sim: Simulator) -> Iterator[Client]:
    with started(config(sim, **CALM), role="caller") as made:
        ready(made)
        yield at_rest(made)


def ping(client: Client) -> bool:
    return client.send(Ping()).result(PATIENCE_SECONDS).ok


class Turners:
    """The threads that run the loop, and those of them that poll before they sleep."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.guests: set[str] = set()
        loop = loop_of(client)
        run_once = loop.run_once

        def counted(timeout: float | None = None, **more: Any) -> bool:
            self.names.append(threading.current_thread().name)
            if loop.guest:
                self.guests.add(threading.current_thread().name)
            return run_once(timeout, **more)

        monkeypatch.setattr(loop, "run_once", counted)


class Asking(threading.Thread):
    """A thread that sends an action and waits for the answer."""

    def __init__(self, client: Client, action: Action, timeout: float = PATIENCE_SECONDS) -> None:
        super().__init__(name="asking")
        self.told: Any = None
        self._client, self._action, self._timeout = client, action, timeout
        self.start()

    def run(self) -> None:
        try:
            self.told = self._client.send(self._action).result(self._timeout)
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            self.told = error

    def result(self) -> Any:
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()
        return self.told


def arrived(sim: Simulator, name: str) -> int:
    """How many actions of that name the server has got."""
    return sum(action.name == name for action in sim.received)


def is_led(client: Client) -> bool:
    return leader_of(client).polling


def test_waiting_thread_reads_its_own_reply_without_waking_the_reactor_thread(
    sim: Simulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.on("Slow").reply().after(0.4)  # not before the thread waits for it
    turners = Turners(client, monkeypatch)
    for _ in range(2):
        assert Asking(client, Action("Slow")).result().ok
    assert set(turners.names) == turners.guests == {"asking"}


def test_thread_that_asks_repeatedly_wakes_no_other_thread(
    resting: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    turners = Turners(resting, monkeypatch)

    def ask() -> None:
        for _ in range(20):
            assert ping(resting)

    asker = threading.Thread(target=ask, name="asker")
    asker.start()
    asker.join(PATIENCE_SECONDS)
    assert set(turners.names) == turners.guests == {"asker"}


def test_all_threads_that_wait_together_are_answered(sim: Simulator, client: Client) -> None:
    """One of them leads; when he has his answer, the own thread goes on for the others."""
    sim.on("Slow").reply().after(0.2)
    sim.on("Slower").reply().after(0.4)
    first = Asking(client, Action("Slow"))
    wait_until(lambda: is_led(client))
    others = [Asking(client, Action("Slower")) for _ in range(3)]
    assert first.result().ok
    assert [other.result().ok for other in others] == [True] * 3


def test_a_coroutine_that_waits_during_a_rest_ends_it(client: Client) -> None:
    async def ask() -> bool:
        return (await client.send(Ping())).ok

    assert asyncio.run(asyncio.wait_for(ask(), PATIENCE_SECONDS))


def test_a_function_that_waits_during_a_rest_ends_it(sim: Simulator, client: Client) -> None:
    seen = Recorder()
    answer = hold_pings(sim)  # an action that is settled already calls its function at once
    client.send(Ping()).on_complete(seen)
    answer.set()
    wait_until(lambda: len(seen))
    assert seen.threads == {"django_ami-dispatch"}


@pytest.mark.parametrize("how", ["coroutine", "function"])
def test_follower_is_served_after_the_leader_leaves(
    sim: Simulator, client: Client, how: str
) -> None:
    sim.on("Slow").reply().after(0.2)
    sim.on("Slower").reply().after(0.4)
    first = Asking(client, Action("Slow"))
    wait_until(lambda: is_led(client))
    if how == "coroutine":

        async def ask() -> bool:
            return (await client.send(Action("Slower"))).ok

        assert asyncio.run(asyncio.wait_for(ask(), PATIENCE_SECONDS))
    else:
        seen = Recorder()
        client.send(Action("Slower")).on_complete(seen)
        wait_until(lambda: len(seen))
    assert first.result().ok


def test_action_without_a_waiting_thread_leaves_at_the_end_of_the_pause(
    sim: Simulator, resting: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting.send(Action("Setvar", Variable="V", Value="during the endless one"))
    assert arrived(sim, "Setvar") == 0
    ping(resting)  # a wait of the main thread ends it
    assert arrived(sim, "Setvar") == 1
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 0.01)
    at_rest(resting)
    resting.send(Action("Setvar", Variable="V", Value="during a short one"))
    wait_until(lambda: arrived(sim, "Setvar") == 2)


def test_action_of_a_thread_leaves_at_once_and_by_itself(
    sim: Simulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether anybody will wait for the answer is not known yet."""
    writers: list[str] = []
    transport = client._cluster.servers["node_1"]._link.transport
    assert transport is not None
    write = transport.write

    def noted(data: bytearray) -> int:
        writers.append(threading.current_thread().name)
        return write(data)

    monkeypatch.setattr(transport, "write", noted)
    sender = threading.Thread(
        target=client.send, args=(Action("Setvar", Variable="V", Value="1"),), name="sender"
    )
    sender.start()
    sender.join(PATIENCE_SECONDS)
    assert writers == ["sender"]
    wait_until(lambda: arrived(sim, "Setvar") == 1)


def test_actions_sent_while_others_are_awaited_leave_together(
    sim: Simulator, resting: Client
) -> None:
    """A write for each of a thousand would cost more than they do."""
    sim.on("Never").hang()

    def send() -> None:
        for _ in range(50):
            resting.send(Action("Never"))

    sender = threading.Thread(target=send, name="sender")
    sender.start()
    sender.join(PATIENCE_SECONDS)
    assert len(loop_of(resting).calls) == 49
    assert ping(resting)
    assert arrived(sim, "Never") == 50


def test_a_wait_that_is_over_leaves_the_answer_to_others(sim: Simulator, client: Client) -> None:
    sim.on("Slow").reply().after(0.3)
    asking = Asking(client, Action("Slow"), timeout=0.1)
    error = asking.result()
    assert isinstance(error, ActionTimeout)
    assert error.sent
    assert ping(client)
    assert client.status()["node_1"].late_answers == 0  # it was answered in time, if to nobody


def test_closing_ends_a_wait_that_leads(sim: Simulator, client: Client) -> None:
    sim.on("Never").hang()
    asking = Asking(client, Action("Never"))
    wait_until(lambda: is_led(client))
    client.close()
    assert isinstance(asking.result(), ConnectionLost)


class TimeLimit(BaseException):
    """The exception that a task queue raises in a thread whose time is over."""


class OrdinaryTimeLimit(Exception):
    """The exception of other task queues."""


@pytest.fixture(params=[TimeLimit, OrdinaryTimeLimit])
def limit(request: pytest.FixtureRequest) -> type[BaseException]:
    return request.param


def interrupt(thread: threading.Thread, limit: type[BaseException]) -> None:
    assert (
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(limit)
        )
        == 1
    )


def test_an_exception_from_outside_while_a_leader_sleeps_harms_nobody(
    sim: Simulator, client: Client, limit: type[BaseException]
) -> None:
    sim.on("Slow").reply().after(0.2)
    sim.on("Slower").reply().after(0.4)
    asking = Asking(client, Action("Slow"))
    wait_until(lambda: is_led(client))
    interrupt(asking, limit)
    other = Asking(client, Action("Slower"))
    assert isinstance(asking.result(), limit)
    assert other.result().ok
    assert client.status()["node_1"].reconnects == 0


def test_an_exception_from_outside_in_the_midst_of_a_turn_makes_the_connections_anew(
    sim: Simulator,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    limit: type[BaseException],
) -> None:
    """It is unknown what was done by then: actions handed over for writing may have left."""
    sim.on("Never").hang()
    exchange = client._cluster.servers["node_1"].session.exchange
    receive = exchange.receive

    def interrupted(data: bytes, now: float) -> Any:
        if threading.current_thread().name == "asking":
            raise limit
        return receive(data, now)

    monkeypatch.setattr(exchange, "receive", interrupted)
    asking = Asking(client, Action("Never"))
    wait_until(lambda: is_led(client) and arrived(sim, "Never"))
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ConnectionLost, match="was interrupted by an exception") as lost,
    ):
        client.send(Ping()).result(PATIENCE_SECONDS)
    assert lost.value.sent
    assert isinstance(asking.result(), limit)
    assert ping(client)
    assert client.status()["node_1"].reconnects == 1
    assert arrived(sim, "Never") == 1


@pytest.mark.parametrize("what", ["written", "receive"])
def test_an_action_is_not_sent_twice_whenever_an_exception_comes(
    sim: Simulator,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    limit: type[BaseException],
    what: str,
) -> None:
    server = client._cluster.servers["node_1"]
    exchange, transport = server.session.exchange, server._link.transport
    assert transport is not None
    receive, write = exchange.receive, transport.write

    def interrupt_when_asking() -> None:
        if threading.current_thread().name == "asking":
            raise limit

    def interrupted_receive(data: bytes, now: float) -> Any:
        interrupt_when_asking()
        return receive(data, now)

    def interrupted_write(data: bytearray) -> int:
        written = bytearray(data)
        count = write(written)  # the system has them, and they still stand in ``data``
        interrupt_when_asking()
        del data[:count]
        return count

    if what == "receive":
        monkeypatch.setattr(exchange, "receive", interrupted_receive)
    else:
        monkeypatch.setattr(transport, "write", interrupted_write)
    sim.on("Setvar").reply().after(0.4)  # so that it is the asking thread that reads
    action = Action("Setvar", Variable="V", Value="once")
    assert isinstance(Asking(client, action).result(), limit)
    wait_until(lambda: client.status()["node_1"].reconnects == 1)
    assert ping(client)
    assert arrived(sim, "Setvar") == 1


def test_error_of_a_lost_connection_holds_no_frame_of_the_thread_that_read_it(
    sim: Simulator, client: Client
) -> None:
    """Notices of it wait for long in a process that only sends."""
    sim.on("Cut").drop()
    lost: list[Any] = []
    client.on_lost(lambda *given: lost.extend(given))
    asking = Asking(client, Action("Cut"))
    assert isinstance(asking.result(), ConnectionLost)
    wait_until(lambda: lost)
    errors = [one for one in lost if isinstance(one, ConnectionLost)] or [lost[-1].error]
    assert [error.__traceback__ for error in errors] == [None]


def test_after_an_exception_in_a_timer_the_server_is_tried_again(
    sim: Simulator, client: Client, monkeypatch: pytest.MonkeyPatch, limit: type[BaseException]
) -> None:
    server = client._cluster.servers["node_1"]
    due = server._due

    def interrupted() -> None:
        if threading.current_thread().name == "asking":
            raise limit
        due()

    monkeypatch.setattr(server, "_due", interrupted)
    sim.on("Slow").reply().after(0.5)
    asking = Asking(client, Action("Slow"))
    wait_until(lambda: is_led(client))

    def arm() -> None:
        server._link.timer = loop_of(client).call_at(loop_of(client).now, server._due)

    runner_of(client).call_soon(arm)
    assert isinstance(asking.result(), limit)
    wait_until(lambda: client.status()["node_1"].reconnects == 1)
    assert ping(client)


def test_answered_follower_is_forgotten(sim: Simulator, client: Client) -> None:
    sim.on("Slow").reply().after(1)
    asking = Asking(client, Action("Slow"))
    wait_until(lambda: is_led(client))

    async def ask() -> int:
        asked = 0
        while is_led(client) or asked < 500:
            await client.send(Ping())
            asked += 1
            assert leader_of(client).following < 200
        return asked

    assert asyncio.run(asyncio.wait_for(ask(), PATIENCE_SECONDS)) >= 500
    assert asking.result().ok


def test_thread_that_found_the_turn_taken_gets_the_next_pause_though_it_waits(
    sim: Simulator,
) -> None:
    with started(config(sim, **CALM), role="caller") as made:
        ready(made)

        def ask() -> None:  # the reactor thread holds the turn
            leader_of(made).lead(When(lambda: True), 0)
            leader_of(made).expect(When(lambda: True))

        leader_of(made).call_soon(ask)
        wait_until(lambda: leader_of(made).phase is Phase.PAUSING)


# --- a flood ---

#: A little more than one read takes, and no more than the system keeps for a client that does not
#: read.
MANY = 1_400


def flood(events: int) -> bytes:
    return b"".join(
        b"Event: Flood\r\nPrivilege: call,all\r\nNumber: %d\r\n\r\n" % number
        for number in range(events)
    )


def drain(client: Client) -> None:
    while client.inbox.take(0) != ([], []):
        pass


def numbers(events: Iterable[Any]) -> list[int]:
    return [int(event["Number"]) for event in events]


def test_flood_keeps_its_order_whichever_thread_reads_it(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 0.01)
    seen = Recorder()
    with started(config(sim, event_queue_capacity=1_000_000)) as client:
        client.subscribe("Flood", seen)
        ready(client)
        sim.send_raw(flood(200_000))
        wait_until(lambda: len(seen) == 200_000)
        assert numbers(seen.firsts) == list(range(200_000))
        assert ping(client)


@pytest.fixture
def flooded(sim: Simulator) -> Iterator[Client]:
    """One whose own thread rests while more of a flood is there than is read at a time.

    The test dispatches.
    """
    data = flood(MANY)
    with (
        started(config(sim, event_queue_capacity=1_000_000, **CALM), dispatcher=False) as made,
        ThreadPoolExecutor(1) as asker,
    ):
        made.set_interest(frozenset({"flood"}))
        ready(made)
        assert asker.submit(ping, made).result(PATIENCE_SECONDS)
        at_rest(made)
        drain(made)
        sim.send_raw(data)
        wait_until(lambda: unread(made) == len(data))
        assert len(data) > READ_BUDGET_BYTES
        traffic_of(made).flooded = True  # as the read before this rest would have said
        yield made


def test_dispatching_thread_reads_a_flood_itself(
    flooded: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two changes of threads for each batch are spared."""
    turners = Turners(flooded, monkeypatch)
    seen: list[int] = []
    while len(seen) < MANY:
        calls, events = flooded.inbox.take(PATIENCE_SECONDS, lead=True)
        assert events
        assert not calls
        seen += numbers(events)
    assert seen == list(range(MANY))
    assert set(turners.names) == {threading.current_thread().name}
    assert not turners.guests, "he waits for events, and not for an answer"
    assert not traffic_of(flooded).flooded


def test_take_does_not_lead_unless_asked(flooded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    turners = Turners(flooded, monkeypatch)
    assert flooded.inbox.take(0.05) == ([], [])
    assert turners.names == []


def test_wake_up_ends_the_lead_of_a_dispatching_thread(client: Client) -> None:
    drain(client)
    traffic_of(client).flooded = True  # by a server that has gone silent
    timer = threading.Timer(0.05, client.inbox.wake)
    timer.start()
    assert client.inbox.take(PATIENCE_SECONDS, lead=True) == ([], [])
    timer.join()


def test_lead_of_a_dispatching_thread_ends_in_time(client: Client) -> None:
    drain(client)
    traffic_of(client).flooded = True
    assert client.inbox.take(0.05, lead=True) == ([], [])
