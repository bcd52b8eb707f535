"""A receiver that meets a database that is gone: called again, and nobody else.

Nothing lost, and all of it counted.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import InterfaceError, OperationalError, connections

from django_ami.actions import Ping
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import Retry
from django_ami.core.reports import MOST_LINES
from django_ami.dispatch import Dispatcher
from django_ami.signals import ami_event, events, server_lost, server_ready
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening
from tests.running import hold_pings, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import Simulator

#: Fast enough for a test; the limit is reached in none that does not say so.
FAST = {"retry_initial": 0.01, "retry_max": 0.02, "retry_limit": 20}


@pytest.fixture(autouse=True)
def registry(settings: Any, django_db_blocker: Any) -> Iterator[None]:
    settings.AMI_DISPATCH = FAST
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


class Flaky:
    """A receiver whose first attempts of each event fail, and the arguments of its calls."""

    def __init__(
        self, fails: int, error: Callable[[], Exception] = lambda: OperationalError("server closed")
    ) -> None:
        self.fails, self.error = fails, error
        self.calls: list[int] = []

    def __call__(self, event: Any, **_: Any) -> None:
        number = int(event["Number"])
        self.calls.append(number)
        if self.calls.count(number) <= self.fails:
            raise self.error()


class AsyncFlaky(Flaky):
    """An asynchronous ``Flaky``."""

    async def call(self, event: Any, **named: Any) -> None:
        super().__call__(event, **named)


def connect(receiver: Flaky) -> Flaky:
    events["Hangup"].connect(
        receiver.call if isinstance(receiver, AsyncFlaky) else receiver, weak=False
    )
    return receiver


def emit(sim: Simulator, count: int, begin: int = 0) -> None:
    for number in range(begin, begin + count):
        sim.emit("Hangup", Number=number, Uniqueid=f"170.{number}", Linkedid="170.0")


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_only_the_one_that_failed_is_called_again_and_the_order_stays(
    sim: Simulator, kind: type[Flaky], error: type[Exception]
) -> None:
    before, flaky, after, other = (
        connect(kind(0)),
        connect(kind(3, error)),
        connect(kind(0)),
        connect(Flaky(0)),
    )
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 5)
        listener.run_until(lambda: listener.status.delivered == 5)
        assert flaky.calls == [number for number in range(5) for _ in range(4)]
        assert before.calls == after.calls == other.calls == list(range(5))
        assert (
            listener.status.failed,
            listener.dispatcher.delivered,
            listener.dispatcher.failed,
        ) == (0, 5, 0)
        listener.assert_accounted()


def test_the_others_of_the_same_event_wait_and_it_counts_as_queued_meanwhile(
    sim: Simulator,
) -> None:
    release, seen = threading.Event(), []

    def needs_the_database(event: Any, **_: Any) -> None:
        if not release.is_set():
            raise OperationalError("gone")

    events["Hangup"].connect(needs_the_database)
    events["Hangup"].connect(lambda event, **_: seen.append(int(event["Number"])), weak=False)
    with listening(sim.url, heartbeat_interval=0.05, read_timeout=1) as listener:
        listener.make_ready()
        emit(sim, 1)
        listener.wait_for_queued(1)
        pings = len([action for action in sim.received if action.name == "Ping"])
        holding = threading.Thread(target=listener.dispatcher.run, args=(5,))
        holding.start()
        emit(sim, 400, begin=1)
        wait_until(lambda: listener.status.queued == 401)
        wait_until(
            lambda: len([action for action in sim.received if action.name == "Ping"]) >= pings + 3
        )
        assert (seen, listener.status.delivered, listener.status.ready) == ([], 0, True)
        assert (
            listener.client.receivers.slowest()
            .partition(".<locals>.")[2]
            .startswith("needs_the_database")
        )
        release.set()
        holding.join()
        listener.run_until(lambda: len(seen) == 401)
        assert seen == list(range(401))
        assert (listener.status.delivered, listener.status.failed, listener.status.reconnects) == (
            401,
            0,
            0,
        )
        listener.assert_accounted()


@pytest.mark.slow
def test_the_queue_is_bounded_while_it_waits(sim: Simulator) -> None:
    release, seen = threading.Event(), []

    def needs_the_database(event: Any, **_: Any) -> None:
        if not release.is_set():
            raise OperationalError("gone")
        seen.append(int(event["Number"]))

    events["Hangup"].connect(needs_the_database)
    with listening(sim.url, event_queue_capacity=50) as listener:
        listener.make_ready()
        emit(sim, 1)
        holding = threading.Thread(target=listener.dispatcher.run, args=(5,))
        holding.start()
        wait_until(lambda: listener.dispatcher.busy)
        emit(sim, 199, begin=1)
        wait_until(lambda: listener.status.received - listener.status.ignored == 200)
        listener.assert_accounted()
        release.set()
        holding.join()
        listener.run_until(lambda: listener.status.queued == 0)
        status = listener.status
        assert (status.dropped, status.delivered, status.failed) == (200 - len(seen), len(seen), 0)
        assert 50 <= len(seen) <= 60
        listener.assert_accounted()


# --- when it is given up ---


def test_receiver_past_its_retry_limit_fails_at_once_until_it_succeeds(
    sim: Simulator, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AMI_DISPATCH = {**FAST, "retry_limit": 0.3}
    broken, calls, other = True, [], connect(Flaky(0))

    def on_hangup(event: Any, **_: Any) -> None:
        calls.append(int(event["Number"]))
        if broken:
            raise OperationalError("gone\nfor good")

    events["Hangup"].connect(on_hangup)
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 1)
        listener.run_until(lambda: listener.status.failed == 1)
        assert len(calls) > 1, "it is tried again"  # how often is a matter of the machine
        calls.clear()
        emit(sim, 20, begin=1)
        listener.run_until(lambda: listener.status.failed == 21)
        assert calls == list(range(1, 21)), "each is tried once"
        broken = False
        emit(sim, 1, begin=21)
        listener.run_until(lambda: listener.status.delivered == 1)
        broken = True
        calls.clear()
        emit(sim, 1, begin=22)
        listener.run_until(lambda: listener.status.failed == 22)
        assert len(calls) > 1, "it is waited for again"
        assert other.calls == list(range(23))
        listener.assert_accounted()
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    name = f"{__name__}.test_receiver_past_its_retry_limit_fails_at_once_until_it_succeeds.<locals>"
    assert lines[0].startswith(
        f"The receiver {name}.on_hangup raised OperationalError at Hangup of node_1 (Uniqueid "
        "170.0, Linkedid 170.0) "
    )
    assert lines[0].endswith(
        " times in 0.3 s (option retry_limit), failure 1 of it: gone; the others go on."
    )
    assert lines[19].endswith(
        "(Uniqueid 170.19, Linkedid 170.0), failure 20 of it: gone; the others go on."
    )
    assert " OperationalError 2 times more in " in lines[20]
    assert sum(record.exc_info is not None for record in caplog.records) == 1, "one traceback"


@pytest.mark.parametrize(
    "options", [{"retry_limit": 0}, {"retry_errors": []}, {"retry_errors": ["builtins.KeyError"]}]
)
def test_receiver_is_not_called_again_where_the_setting_says_so(
    sim: Simulator, settings: Any, options: Any
) -> None:
    settings.AMI_DISPATCH = {**FAST, **options}
    flaky = connect(Flaky(1))
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 3)
        listener.run_until(lambda: listener.status.failed == 3)
        assert flaky.calls == [0, 1, 2]
        listener.assert_accounted()


def test_the_setting_names_the_errors(sim: Simulator, settings: Any) -> None:
    settings.AMI_DISPATCH = {**FAST, "retry_errors": ["builtins.KeyError", TimeoutError]}
    flaky, late = connect(Flaky(2, KeyError)), connect(Flaky(2, TimeoutError))
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 1)
        listener.run_until(lambda: listener.status.delivered == 1)
        assert flaky.calls == late.calls == [0, 0, 0]


def test_another_error_on_the_way_is_the_end_of_it(sim: Simulator) -> None:
    errors = iter([OperationalError("gone"), ValueError("wrong")])
    flaky = connect(Flaky(2, lambda: next(errors)))
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 1)
        listener.run_until(lambda: listener.status.failed == 1)
        assert flaky.calls == [0, 0]


def test_an_event_with_two_receivers_that_fail_counts_once(sim: Simulator) -> None:
    one, two = connect(Flaky(9, ValueError)), connect(AsyncFlaky(9, ValueError))
    ami_event.connect(three := Flaky(9, SystemExit))  # type: ignore[arg-type]
    with listening(sim.url) as listener:
        listener.run_until(lambda: listener.client.server("node_1").ready)
        emit(sim, 2)
        listener.run_until(lambda: len(three.calls) == 2)
        listener.run_until(lambda: listener.status.queued == 0)
        assert one.calls == two.calls == three.calls == [0, 1]
        assert listener.status.failed == 3, "FullyBooted has no Number"
        listener.assert_accounted()


# --- the end ---


def test_stop_ends_the_wait_and_leaves_the_held_event(sim: Simulator) -> None:
    flaky, other = connect(Flaky(10**6)), connect(Flaky(0))
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 10)
        listener.wait_for_queued(10)
        threading.Timer(
            0.05, lambda: setattr(listener.dispatcher, "until", time.monotonic() + 0.1)
        ).start()
        began = time.monotonic()
        listener.dispatcher.run(0)
        assert 0.1 < time.monotonic() - began < 5
        assert (listener.status.delivered, listener.status.failed, listener.status.queued) == (
            0,
            0,
            10,
        )
        assert (set(flaky.calls), other.calls) == ({0}, [])
        listener.assert_accounted()


def test_a_stop_is_a_last_chance(sim: Simulator, settings: Any) -> None:
    settings.AMI_DISPATCH = {"retry_initial": 60, "retry_max": 60}
    flaky = connect(Flaky(1))
    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 1)
        listener.wait_for_queued(1)
        threading.Timer(
            0.05, lambda: setattr(listener.dispatcher, "until", time.monotonic() + 30)
        ).start()
        listener.dispatcher.run(0)
        assert (flaky.calls, listener.status.delivered) == ([0, 0], 1)


# --- notices and answers ---


def test_receivers_of_notices_have_the_same_care(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    others: list[str] = []

    def on_ready(sender: Any, again: bool, **_: Any) -> None:
        told.append(f"ready {again}")
        if told.count(told[-1]) <= 2:
            raise OperationalError("gone")

    async def on_lost(sender: Any, error: Any, **_: Any) -> None:
        told.append(f"lost {sender.name}")
        if told.count(told[-1]) <= 2:
            raise OperationalError("gone")

    server_ready.connect(on_ready)
    server_lost.connect(on_lost)
    for signal in (server_ready, server_lost):
        signal.connect(lambda sender, **_: others.append(sender.name), weak=False)
    with listening(sim.url) as listener:
        listener.run_until(lambda: others)
        sim.drop()
        listener.run_until(lambda: len(others) == 3)
    assert told == ["ready False"] * 3 + ["lost node_1"] * 3 + ["ready True"] * 3
    assert "on_ready raised OperationalError at server_ready of node_1: gone." in caplog.text
    assert "on_lost has done server_lost of node_1 at attempt 3" in caplog.text


def test_functions_for_an_answer_are_called_again_after_an_error_of_the_database(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []

    def on_answer(error: Any, response: Any) -> None:
        told.append(response["Ping"])
        if len(told) <= 2:
            raise OperationalError("gone")

    with listening(sim.url) as listener:
        listener.make_ready()
        answer = hold_pings(sim)
        pending = listener.client.server("node_1").send(Ping())
        pending.on_complete(on_answer)
        answer.set()
        listener.run_until(lambda: len(told) == 3)
    assert told == ["Pong"] * 3
    assert f"the answer to Ping of node_1 (ActionID {pending.action_id}): gone." in caplog.text


def test_functions_for_a_call_are_called_again_after_an_error(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    states: list[str] = []
    answers: list[bool] = []

    def on_change(call: Any, state: Any) -> None:
        states.append(state)
        if len(states) == 1:
            raise OperationalError("gone")

    def on_answer(known: Any) -> None:
        answers.append(known.result())
        if len(answers) == 1:
            raise OperationalError("away")

    with listening(sim.url) as listener:
        listener.make_ready()
        call = listener.client.originate(to="PJSIP/101", application="Wait", data="0", timeout=5)
        call.on_change(on_change)
        call.answered().add_done_callback(on_answer)
        listener.run_until(lambda: "ended" in states)
    assert states[0] == states[1]
    assert answers == [True, True]
    place = f"{__name__}.test_functions_for_a_call_are_called_again_after_an_error.<locals>"
    for said in (
        f"{place}.on_change raised OperationalError at the call {call.id} of node_1: gone.",
        f"{place}.on_change has done the call {call.id} of node_1 at attempt 2",
        f"{place}.on_answer raised OperationalError at the answer to the call {call.id} of node_1:",
    ):
        assert said in caplog.text


def test_argument_bound_to_a_function_is_not_in_the_log(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(bound: str, *_: Any) -> None:
        raise ValueError("wrong")

    with listening(sim.url) as listener:
        listener.make_ready()
        answer = hold_pings(sim)
        pending = listener.client.server("node_1").send(Ping())
        pending.add_done_callback(partial(raises, "hunter2"))
        pending.on_complete(partial(raises, "hunter2"))
        answer.set()
        call = listener.client.originate(to="PJSIP/101", application="Wait", data="0", timeout=5)
        call.on_change(partial(raises, "hunter2"))
        call.answered().add_done_callback(partial(raises, "hunter2"))
        listener.run_until(lambda: caplog.text.count("wrong; the others go on") >= 4)
    assert "hunter2" not in caplog.text
    for occasion in ("the answer to Ping", "the call", "the answer to the call"):
        assert f"<locals>.raises raised ValueError at {occasion} " in caplog.text


# --- reports ---


def test_one_traceback_for_each_receiver_and_kind_of_error(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    connect(Flaky(9, ValueError))
    connect(AsyncFlaky(9, lambda: KeyError("Channel")))
    with listening(sim.url) as listener:
        listener.make_ready()
        sim.emit("Hangup", Number=0, Uniqueid="1.1\x1b[2J", ActionID="7")
        emit(sim, 30, begin=1)
        listener.run_until(lambda: listener.status.failed == 31)
        assert dict(listener.client.receivers.failures) == {
            f"{__name__}.Flaky": 31,
            f"{__name__}.AsyncFlaky.call": 31,
        }
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2 * (1 + MOST_LINES + 1), (
        "one in full, some in a line each, and how many others"
    )
    assert sum(record.exc_info is not None for record in told) == 2
    counted = told[-2].getMessage()
    assert counted.startswith(
        f"The receiver {__name__}.Flaky raised ValueError {31 - 1 - MOST_LINES} times more in "
    )
    assert counted.endswith(
        " s, the last time at Hangup of node_1 (Uniqueid 170.30, Linkedid 170.0): ValueError."
    )
    assert (
        "at Hangup of node_1 (Uniqueid 1.1\\x1b[2J, ActionID 7); the others go on."
        in told[0].getMessage()
    )


@pytest.mark.parametrize("wrong", [-1, "5", True, float("nan"), 86_401])
def test_the_policy_is_checked(wrong: Any) -> None:
    assert Retry(retry_limit=None).limit == float("inf")
    with pytest.raises(
        ConfigurationError,
        match="option 'retry_limit' must be from 0 to 86400 seconds, or None, not",
    ):
        Retry(retry_limit=wrong)
    with pytest.raises(
        ConfigurationError, match="unknown option 'retry_limits': did you mean 'retry_limit'"
    ):
        Retry.from_mapping({"retry_limits": 1})


# --- a real database ---


def test_a_file_that_another_holds(sim: Simulator, tmp_path: Path) -> None:
    """SQLite's "database is locked" is an OperationalError, too.

    And each attempt has a new connection.
    """
    path = tmp_path / "db.sqlite3"
    connections.databases["locked"] = {
        **connections.databases["default"], "NAME": str(path), "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 0},
    }  # fmt: skip
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE seen (number integer)")
    holder.execute("BEGIN EXCLUSIVE")
    used: list[Any] = []

    def save(event: Any, **_: Any) -> None:
        connection = connections["locked"]
        connection.ensure_connection()
        used.append(connection.connection)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO seen VALUES (%s)", [event["Number"]])

    events["Hangup"].connect(save)
    try:
        with listening(sim.url) as listener:
            listener.make_ready()
            emit(sim, 3)
            listener.wait_for_queued(3)
            holding = threading.Timer(0.2, holder.execute, ("COMMIT",))
            holding.start()
            listener.run_until(lambda: listener.status.delivered == 3)
            holding.join()
            assert listener.status.failed == 0
        assert holder.execute("SELECT number FROM seen").fetchall() == [(0,), (1,), (2,)]
        assert len(used) > 4
        assert len({id(one) for one in used}) == len(used) - 2, (
            "each attempt a new one, and then that"
        )
    finally:
        connections["locked"].close()
        del connections["locked"]
        del connections.databases["locked"]
        holder.close()


def test_a_dispatcher_may_be_told_the_policy(sim: Simulator) -> None:
    flaky = connect(Flaky(2, LookupError))
    with listening(sim.url) as listener:
        listener.make_ready()
        Dispatcher(listener.client, retry=Retry(retry_errors=(LookupError,), retry_initial=0.01))
        emit(sim, 1)
        listener.run_until(lambda: listener.status.delivered == 1)
        assert flaky.calls == [0, 0, 0]
