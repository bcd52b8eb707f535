"""The public face over real TCP.

Every action its own answer, every event its receiver, every wait its end.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from django_ami.core.actions import Action, Command, Originate, Ping, QueueStatus, UserEvent
from django_ami.core.client import Client
from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    AmiError,
    Backpressure,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    InvalidAction,
    WouldBlock,
)
from django_ami.core.outcome import CallResult
from django_ami.core.pending import PendingAction
from django_ami.core.session import GapReason
from django_ami.core.session.connections import EndReason
from django_ami.simulator.masks import CLASSES
from django_ami.testing import CallTimes, FakeAsterisk, Faults, ReceivedAction, Simulator, User
from tests.core.io_support import (
    PATIENCE_SECONDS,
    Recorder,
    config,
    loop_of,
    ready,
    runner_of,
    started,
    wait_for_the_log,
    wait_until,
)
from tests.core.servers import Hoard, refusing_port
from tests.core.test_timeouts import NONSENSE
from tests.running import hold_pings

pytestmark = pytest.mark.usefixtures("no_bugs")

REACTOR, DISPATCHER = "django_ami-reactor", "django_ami-dispatch"


@pytest.fixture
def caller(sim: Simulator) -> Iterator[Client]:
    with started(config(sim), role="caller", connect=False) as client:
        yield client


@pytest.fixture
def listener(sim: Simulator) -> Iterator[Client]:
    with started(config(sim)) as client:
        ready(client)
        yield client


def our_threads() -> list[str]:
    return sorted(
        thread.name for thread in threading.enumerate() if thread.name.startswith("django_ami")
    )


def echo(action: ReceivedAction) -> bytes:
    """An answer that only this action can have."""
    return (
        f"Response: Success\r\nActionID: {action.action_id}\r\nEcho: {action.get('Value')}\r\n\r\n"
    ).encode()


def names(sim: Simulator) -> list[str]:
    return [action.name for action in sim.received]


# --- actions and their answers ---


def test_fifty_threads_get_each_their_own_answers(sim: Simulator, caller: Client) -> None:
    sim.on("Echo").raw(echo).after(lambda _: random.random() / 50)  # in any order
    wrong: list[str] = []

    def ask(who: int) -> None:
        sent = {
            f"{who}/{number}": caller.send(Action("Echo", Value=f"{who}/{number}"))
            for number in range(20)
        }
        wrong.extend(
            value for value, pending in sent.items() if pending.result(60)["Echo"] != value
        )

    threads = [threading.Thread(target=ask, args=(who,)) for who in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert names(sim).count("Echo") == 1000
    status = caller.status()["node_1"]
    assert (status.pending_actions, status.late_answers, status.unmatched_answers) == (0, 0, 0)
    assert sim.logins == 1


def test_one_login_however_many_begin_at_once(sim: Simulator, caller: Client) -> None:
    threads = [threading.Thread(target=lambda: caller.send(Ping()).result(20)) for _ in range(20)]
    assert sim.connections == 0  # made on first use
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sim.connections == sim.logins == 1


def test_a_refusal_carries_the_answer(sim: Simulator, caller: Client) -> None:
    sim.on("Command").fail("Permission denied")
    refused, fine = caller.send(Command("core show uptime")), caller.send(Ping())
    with pytest.raises(ActionFailed, match="node_1: Command refused: Permission denied") as caught:
        refused.result(20)
    assert caught.value.response["Message"] == "Permission denied"
    assert caught.value.sent is True
    assert fine.result(20).ok
    assert caller.status()["node_1"].pending_actions == 0


def test_a_list_is_collected(caller: Client) -> None:
    response = caller.send(QueueStatus()).result(20)
    assert {event.name for event in response.events} >= {"QueueParams"}
    assert response.final_event is not None
    assert response.final_event.name == "QueueStatusComplete"


def test_a_link_that_is_cut_in_the_middle_of_a_list(sim: Simulator, caller: Client) -> None:
    whole = len(b"".join(event.raw for event in caller.send(QueueStatus()).result(20).events))
    sim.on("QueueStatus").cut(after=whole // 2).once()
    with pytest.raises(ConnectionLost) as caught:
        caller.send(QueueStatus()).result(20)
    assert caught.value.sent is True
    assert "it may have been carried out" in str(caught.value)
    assert caught.value.events
    assert caller.send(QueueStatus()).result(20).events


def test_class_in_the_place_of_an_action_is_told_how_to_make_one(caller: Client) -> None:
    with pytest.raises(InvalidAction, match=r"make one of this class, as Ping\(…\)"):
        caller.send(Ping)  # type: ignore[arg-type]


def test_an_action_that_cannot_be_written_is_refused_and_opens_nothing(
    sim: Simulator, caller: Client
) -> None:
    with pytest.raises(InvalidAction):
        caller.send(Action("Ping", Evil="a\r\nAction: Originate"))
    assert sim.connections == 0


def test_no_answer_in_the_time_waited_is_no_end(sim: Simulator, caller: Client) -> None:
    caller.send(Ping()).result(20)
    sim.on("Ping").after(0.3)
    pending = caller.send(Ping())
    with pytest.raises(
        ActionTimeout, match=r"in the 0\.01 s that were waited; it is still under way"
    ):
        pending.result(0.01)
    assert not pending.done()
    assert pending.result(20).ok


def test_no_answer_within_the_time_of_the_action_is_the_end(sim: Simulator, caller: Client) -> None:
    caller.send(Ping()).result(20)
    sim.on("Ping").after(0.3)
    pending = caller.send(Ping(), timeout=0.1)
    with pytest.raises(
        ActionTimeout, match=r"within 0\.1 s; it was sent, so it may have been carried out"
    ) as caught:
        pending.result()
    assert caught.value.sent is True
    assert caller.status()["node_1"].pending_actions == 0
    wait_until(
        lambda: caller.status()["node_1"].late_answers == 1,
        "its answer comes all the same, and is counted",
    )
    sim.clear_script()
    assert caller.send(Ping()).result(20).ok


def test_no_connection_within_the_time_of_the_action_is_safe_to_repeat() -> None:
    with Hoard() as mute, started(config(mute.port), role="caller", connect=False) as client:
        error = client.send(Ping(), timeout=0.1).exception()
    assert isinstance(error, ActionTimeout)
    assert error.sent is False
    assert "it was never sent" in str(error)


def test_the_option_is_the_time_of_an_action_that_has_none(sim: Simulator) -> None:
    sim.on("Ping").hang()
    with started(config(sim, action_timeout=0.1), role="caller") as client:
        with pytest.raises(ActionTimeout, match=r"within 0\.1 s"):
            client.send(Ping()).result()
        assert (
            client.send(Originate(channel="PJSIP/1", application="Wait", wait=True)).timeout == 40
        )


def test_an_action_that_was_carried_out_is_not_cancelled(sim: Simulator, caller: Client) -> None:
    sim.on("Ping").after(0.1)
    pending = caller.send(Ping())
    wait_until(lambda: "Ping" in names(sim))
    assert pending.sent
    assert pending.cancel() is False
    assert pending.result(20).ok


def test_an_action_that_waits_for_its_connection_is_cancelled_and_never_arrives(
    sim: Simulator,
) -> None:
    sim.on("Login").after(0.3)
    with started(config(sim), role="caller", connect=False) as client:
        unwanted, wanted = client.send(Action("Echo")), client.send(Ping())
        assert not unwanted.sent
        assert unwanted.cancel()
        with pytest.raises(ActionCancelled, match="node_1: Echo was cancelled; it was not sent"):
            unwanted.result(20)
        assert wanted.result(20).ok
        wait_until(lambda: client.status()["node_1"].pending_actions == 0)
        assert "Echo" not in names(sim)


@pytest.mark.parametrize("timeout", NONSENSE, ids=lambda value: type(value).__name__)
def test_a_timeout_of_the_wrong_type_is_refused_at_the_call_and_harms_nothing(
    sim: Simulator, caller: Client, timeout: object
) -> None:
    assert caller.send(Ping()).result(20).ok
    with pytest.raises(
        InvalidAction, match="node_1: Ping: a timeout is a number of seconds"
    ) as raised:
        caller.send(Ping(), timeout=timeout)
    assert not raised.value.sent
    strange = Ping()
    strange.timeout = timeout
    with pytest.raises(InvalidAction):
        caller.send(strange)
    pending = caller.send(Ping())
    for wait in (pending.result, pending.exception):
        with pytest.raises(ValueError, match="a timeout is a number of seconds"):
            wait(timeout)
    assert pending.result(timedelta(seconds=20)).ok
    assert caller.send(Ping(), timeout=timedelta(seconds=20)).result(20).ok
    assert sim.logins == 1


def test_two_clients_never_take_each_others_answers(sim: Simulator, listener: Client) -> None:
    """UserEvent is broadcast with the ActionID of its sender.

    A listener sees ActionIDs of others, and its own.
    """
    sim.on("Ping").hang()
    seen = Recorder()
    listener.subscribe("UserEvent", seen)
    waiting = [listener.send(Ping()) for _ in range(20)]
    wait_until(lambda: names(sim).count("Ping") == 20)
    with started(config(sim), role="caller") as other:
        theirs = other.send(UserEvent("Theirs"))
        assert theirs.result(20).ok
        ours = listener.send(UserEvent("Ours"))
        assert ours.result(20).ok
        sim.emit("UserEvent", UserEvent="Forged", ActionID=waiting[0].action_id)
        wait_until(lambda: len(seen) == 3)
        assert theirs.action_id.partition("-")[0] != ours.action_id.partition("-")[0]
    assert [event["UserEvent"] for event in seen.firsts] == ["Theirs", "Ours", "Forged"]
    assert [event["ActionID"] for event in seen.firsts] == [
        theirs.action_id,
        ours.action_id,
        waiting[0].action_id,
    ]
    assert not [pending for pending in waiting if pending.done()]


# --- where one may wait, and where not ---


def test_completions_run_on_the_dispatcher(sim: Simulator, caller: Client) -> None:
    sim.on("Command").fail("no")
    done = Recorder()
    answer = hold_pings(sim)  # an action that is settled already calls its function at once
    caller.send(Ping()).on_complete(done)
    caller.send(Command("x")).on_complete(done)
    caller.send(Ping()).add_done_callback(done)
    answer.set()
    wait_until(lambda: len(done) == 3)
    (error, response), (refusal, refused), (future,) = done.calls
    assert error is None
    assert response["Ping"] == "Pong"
    assert isinstance(refusal, ActionFailed)
    assert refused is refusal.response
    assert future.result().ok
    assert done.threads == {DISPATCHER}


def test_a_completion_that_comes_too_late_runs_at_once(caller: Client) -> None:
    done = Recorder()
    pending = caller.send(Ping())
    response = pending.result(20)
    pending.on_complete(done)
    assert done.calls == [(None, response)]


def test_a_completion_may_send_and_wait(sim: Simulator, caller: Client) -> None:
    answers: list[str] = []
    answer = hold_pings(sim)
    caller.send(Ping()).on_complete(
        lambda *_: answers.append(caller.send(Ping()).result(20)["Ping"])
    )
    answer.set()
    wait_until(lambda: answers == ["Pong"])


def test_waiting_on_the_reactors_thread_is_refused(sim: Simulator, caller: Client) -> None:
    sim.on("Ping").hang()
    pending = caller.send(Ping())
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            pending.result(1)
        except WouldBlock as error:
            errors.append(error)

    runner_of(caller).call_soon(wait)
    wait_until(lambda: errors)
    assert "use on_complete" in str(errors[0])


# --- events ---


def test_events_come_in_order(sim: Simulator, listener: Client) -> None:
    seen = Recorder()
    listener.subscribe("Flood", seen)
    sim.flood("Flood", count=5000)
    wait_until(lambda: len(seen) == 5000)
    assert [int(event["Number"]) for event in seen.firsts] == list(range(5000))
    assert seen.threads == {DISPATCHER}


def test_only_the_names_that_somebody_wants_are_delivered(sim: Simulator, listener: Client) -> None:
    hangups = Recorder()
    listener.subscribe("hANGUP", hangups)
    before = listener.status()["node_1"]
    for number in range(10):
        sim.emit("Newchannel", Number=number)
        sim.emit("Hangup", Number=number)
    wait_until(lambda: len(hangups) == 10)
    wait_until(lambda: listener.status()["node_1"].delivered == 10)
    after = listener.status()["node_1"]
    assert after.ignored - before.ignored == 10
    assert after.received - before.received == 20
    assert {event.name for event in hangups.firsts} == {"Hangup"}


def test_a_receiver_of_all_events(sim: Simulator, listener: Client) -> None:
    everything, hangups = Recorder(), Recorder()
    listener.subscribe(None, everything)
    listener.subscribe("Hangup", hangups)
    for name in ("Newchannel", "Hangup", "Cdr"):
        sim.emit(name)
    wait_until(lambda: len(everything) == 3)
    assert [event.name for event in everything.firsts] == ["Newchannel", "Hangup", "Cdr"]
    assert len(hangups) == 1


def test_a_receiver_that_raises_is_named_in_the_log_and_stops_nobody(
    sim: Simulator, listener: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_receiver(_: object) -> None:
        raise ZeroDivisionError("in the receiver")

    seen = Recorder()
    listener.subscribe("Hangup", broken_receiver)
    listener.subscribe("Hangup", seen)
    listener.on_lost(broken_receiver)
    for _ in range(3):
        sim.emit("Hangup")
    wait_until(lambda: len(seen) == 3)
    answer = hold_pings(sim)
    listener.send(Ping()).on_complete(broken_receiver)
    answer.set()
    assert listener.send(Ping()).result(20).ok
    wait_until(lambda: listener.status()["node_1"].failed == 3)
    wait_for_the_log()
    told = [
        record.getMessage()
        for record in caplog.records
        if record.exc_info and "ZeroDivision" in record.getMessage()
    ]
    assert told
    assert all(
        "tests.core.client.test_client." in message and ".broken_receiver" in message
        for message in told
    )


def test_a_slow_receiver_stops_neither_reading_nor_answers_and_every_event_is_accounted_for(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    release, seen = threading.Event(), Recorder()

    def slow(event: object) -> None:
        assert release.wait(60)
        seen(event)

    with started(config(sim, event_queue_capacity=1000)) as client:
        ready(client)
        client.subscribe("Flood", slow)
        sim.flood("Flood", count=5000)
        sim.flood("Other", count=500)
        wait_until(lambda: client.status()["node_1"].received >= 5500)
        for _ in range(5):
            assert client.send(Ping()).result(20).ok
        status = client.status()["node_1"]
        assert (status.queued, status.dropped, status.delivered) == (1000, 4000, 0)
        assert status.received == status.ignored + status.dropped + status.queued
        assert status.reconnects == 0
        release.set()
        wait_until(lambda: client.status()["node_1"].queued == 0)
        status = client.status()["node_1"]
        assert status.delivered == len(seen) == 1000
        assert status.received == status.ignored + status.dropped + status.delivered
    assert int(seen.firsts[-1]["Number"]) == 4999  # the oldest are dropped
    assert "(option event_queue_capacity) is full" in caplog.text


def test_a_mask_of_events_is_kept(sim: Simulator) -> None:
    """Logged in with ``system`` beside it, to see FullyBooted.

    Afterwards the mask is what was asked for.
    """
    everything = Recorder()
    with started(config(sim, events="call")) as client:
        client.subscribe(None, everything)
        ready(client)
        client.send(Ping()).result(20)
        assert [session.mask for session in sim.sessions] == [CLASSES["call"]]
        sim.emit("Reload")
        sim.emit("Hangup")
        wait_until(lambda: [event.name for event in everything.firsts][-1:] == ["Hangup"])
        assert "Reload" not in [event.name for event in everything.firsts]


def test_own_dispatching(sim: Simulator) -> None:
    seen, done = Recorder(), Recorder()
    with started(config(sim), dispatcher=False) as client:
        client.subscribe("Hangup", seen)
        ready(client)
        sim.emit("Hangup")
        client.send(Ping()).on_complete(done)
        while not (seen.calls and done.calls):
            assert client.dispatch(20)
        assert [name for name in our_threads() if name != "django_ami-log"] == [REACTOR]
    assert seen.threads == done.threads == {threading.current_thread().name}


def test_wake_ends_a_wait_of_own_dispatching(sim: Simulator) -> None:
    with started(config(sim), role="caller", connect=False, dispatcher=False) as client:
        client.inbox.wake()
        assert client.dispatch(None) == 0


# --- callers ---


def test_a_caller_receives_no_events_while_traffic_runs(sim: Simulator, listener: Client) -> None:
    with started(config(sim), role="caller") as client:
        ready(client)
        client.send(Ping()).result(20)
        assert sorted(bool(session.mask) for session in sim.sessions) == [False, True]
        sim.run_traffic(200)
        wait_until(lambda: listener.status()["node_1"].received > 300, "there is traffic")
        client.send(Ping()).result(20)
        sim.stop_traffic()
        assert client.status()["node_1"].received <= 1  # FullyBooted, which tells that it may begin


@pytest.mark.parametrize(
    ("channel", "result"),
    [
        ("PJSIP/101", CallResult.ANSWERED),
        ("PJSIP/busy", CallResult.BUSY),
        ("PJSIP/noanswer", CallResult.NO_ANSWER),
        ("PJSIP/reject", CallResult.REJECTED),
        ("PJSIP/notfound", CallResult.NOT_FOUND),
        ("Local/congestion@default", CallResult.FAILED),
        ("PJSIP/fail", CallResult.UNAVAILABLE),
    ],
)
def test_a_caller_gets_the_outcome_of_its_call_and_no_other_events(
    channel: str, result: CallResult
) -> None:
    with (
        FakeAsterisk(times=CallTimes(ring=0.01, duration=0.05)) as sim,
        started(config(sim), role="caller") as client,
    ):
        ready(client)
        sim.run_traffic(100)
        for _ in range(2):  # the filter is made once
            call = Originate(
                channel=channel, application="Wait", data="1", timeout_ms=200, wait=True
            )
            outcome = client.send(call).result(20).outcome
            assert outcome is not None
            assert outcome.result is result
        # FullyBooted, and of each call DialEnd, OriginateResponse and the Hangup of one channel or
        # two.
        assert client.status()["node_1"].received <= 9
        assert names(sim).count("Filter") == 1


def originate(*, wait: bool = True) -> Originate:
    return Originate(channel="PJSIP/101", application="Wait", data="1", wait=wait)


def test_an_outcome_needs_write_system() -> None:
    users = {"limited": User(secret="li", write="call,originate")}
    with (
        FakeAsterisk(users=users) as sim,
        started(config(sim, user="limited", secret="li"), role="caller") as client,
    ):
        with pytest.raises(
            ConfigurationError, match="give the AMI user write=system, or send with wait=False"
        ) as caught:
            client.send(originate()).result(20)
        assert caught.value.sent is False
        assert client.send(originate(wait=False)).result(20).ok
        assert names(sim).count("Originate") == 1


def test_an_outcome_that_the_account_may_not_see_is_a_timeout_that_says_so() -> None:
    users = {"blind": User(secret="bl", read="system")}
    with (
        FakeAsterisk(users=users) as sim,
        started(config(sim, user="blind", secret="bl"), role="caller") as client,
    ):
        call = Originate(
            channel="PJSIP/101", application="Wait", data="1", timeout_ms=100, wait=True
        )
        with pytest.raises(
            ActionTimeout, match="no OriginateResponse came: does the AMI user have read=call"
        ) as caught:
            client.send(call, timeout=0.3).result()
        assert caught.value.sent is True


def test_an_outcome_needs_a_listener_that_listens_to_calls(sim: Simulator) -> None:
    with started(config(sim, events="user")) as client:
        with pytest.raises(
            ConfigurationError, match="this listener's events are 'user'; add 'call' to them"
        ) as caught:
            client.send(originate()).result(20)
        assert caught.value.sent is False
    assert "Originate" not in names(sim)


def test_an_idle_caller_logs_off_and_connects_again_for_the_next_action(sim: Simulator) -> None:
    with started(config(sim, idle_timeout=0.1), role="caller", connect=False) as client:
        for number in (1, 2):
            assert client.send(Ping()).result(20).ok
            wait_until(lambda number=number: sim.logoffs == number)
            wait_until(lambda: client.status()["node_1"].state == "idle")
        assert sim.logins == 2
        assert client.status()["node_1"].failures == 0


def test_an_action_that_comes_while_it_logs_off_is_sent_afterwards(sim: Simulator) -> None:
    sim.on("Logoff").after(0.3).block().once()
    with started(config(sim, idle_timeout=0.1), role="caller", connect=False) as client:
        client.send(Ping()).result(20)
        wait_until(lambda: client.status()["node_1"].state == "closing")
        assert client.send(Ping()).result(20).ok
    assert sim.logins == 2


def test_a_caller_with_an_unanswered_action_is_not_idle(sim: Simulator) -> None:
    sim.on("Ping").after(0.4)
    with started(config(sim, idle_timeout=0.05), role="caller", connect=False) as client:
        assert client.send(Ping()).result(20).ok
        assert sim.logins == 1


def test_a_listener_never_idles(sim: Simulator) -> None:
    with started(config(sim, idle_timeout=0.05)) as client:
        ready(client)
        assert client._cluster.servers["node_1"].session.next_deadline() > loop_of(client).now + 5
        assert sim.logoffs == 0


# --- bounds ---


def test_action_is_refused_when_too_many_are_unanswered(sim: Simulator) -> None:
    with started(config(sim, max_pending_actions=3), role="caller") as client:
        ready(client)
        client.send(Ping()).result(20)
        sim.on("Ping").hang()
        waiting = [client.send(Ping(), timeout=0.5) for _ in range(3)]
        error = client.send(Ping()).exception(20)
        assert isinstance(error, Backpressure)
        assert error.sent is False
        assert "option max_pending_actions" in str(error)
        assert [isinstance(pending.exception(20), ActionTimeout) for pending in waiting] == [
            True
        ] * 3
        sim.clear_script()
        assert client.send(Ping()).result(20).ok


def test_action_is_refused_when_too_many_bytes_wait_for_a_server_that_does_not_read(
    sim: Simulator,
) -> None:
    big = Action("Setvar", Variable="X", Value=["y" * 1000] * 100)  # 100 KB
    with started(config(sim, write_buffer_limit=2**20), role="caller") as client:
        ready(client)
        sim.faults.stop_reading = True
        sent: list[PendingAction] = []

        def refused() -> list[PendingAction]:
            sent.append(client.send(big))
            return [pending for pending in sent if pending.done()]

        wait_until(refused)
        error = refused()[0].exception(0)
        assert isinstance(error, Backpressure)
        assert error.sent is False
        assert "option write_buffer_limit" in str(error)
        assert client.status()["node_1"].unwritten_bytes <= 2**20

        # An action that the loss has cut is not continued on the next connection.
        sim.drop(reset=True)
        sim.faults.stop_reading = False
        wait_until(
            lambda: all(pending.done() for pending in sent)
        )  # a Ping on the old connection is lost with it
        assert client.send(Ping(), timeout=20).result().ok
        again = [action for action in sim.received if action.session == sim.sessions[-1].number]
        assert {action.fault for action in again} == {""}
        assert again[0].name == "Challenge"
        assert all(pending.done() for pending in sent)
        lost = [
            pending.exception(0)
            for pending in sent
            if isinstance(pending.exception(0), ConnectionLost)
        ]
        assert {error.sent for error in lost} == {True, False}  # some had left, some never did


# --- signs of life ---


def test_a_server_that_says_nothing_is_asked(sim: Simulator) -> None:
    with started(config(sim, heartbeat_interval=0.05)) as client:
        ready(client)
        wait_until(lambda: names(sim).count("Ping") >= 3)
        assert client.status()["node_1"].reconnects == 0
        assert client.status()["node_1"].pending_actions <= 1


@pytest.mark.parametrize("heartbeat_interval", [0.05, 3600])
def test_a_silent_server_is_lost_whatever_the_heartbeat(
    sim: Simulator, heartbeat_interval: float
) -> None:
    lost = Recorder()
    with started(config(sim, heartbeat_interval=heartbeat_interval, read_timeout=0.3)) as client:
        client.on_lost(lost)
        ready(client)
        sim.faults.silent = True
        wait_until(lambda: lost.calls)
        _, error = lost.calls[0]
        assert isinstance(error, ConnectionLost)
        assert "(option read_timeout): the server or the way to it is dead" in str(error)
        assert "Ping" in names(sim)
        sim.faults.silent = False
        sim.drop(reset=True)
        ready(client)


def test_a_slow_action_is_no_loss(sim: Simulator) -> None:
    """Asterisk sends nothing at all while it runs an action: no event, no Pong."""
    sim.on("Originate").reply(Message="done").after(0.8).block()
    with started(config(sim, heartbeat_interval=0.1, read_timeout=0.2)) as client:
        ready(client)
        assert client.send(Action("Originate"), timeout=20).result().message == "done"
        assert client.status()["node_1"].reconnects == 0
    assert sim.connections == 1


def test_a_slow_action_is_a_loss_after_its_deadline(sim: Simulator) -> None:
    sim.on("Originate").hang().block()
    with started(config(sim, heartbeat_interval=0.1, read_timeout=0.2)) as client:
        ready(client)
        error = client.send(Action("Originate"), timeout=0.5).exception()
        assert isinstance(error, ActionTimeout)
        assert error.sent is True
        wait_until(lambda: sim.connections == 2)


def test_after_a_drop_events_flow_again(sim: Simulator, listener: Client) -> None:
    seen = Recorder()
    listener.subscribe("Hangup", seen)
    for number in range(5):
        wait_until(lambda number=number: sim.logins == number + 1)
        ready(listener)
        sim.emit("Hangup", Number=number)
        wait_until(lambda number=number: len(seen) == number + 1)
        sim.drop(reset=bool(number % 2))
    assert [event["Number"] for event in seen.firsts] == list("01234")


def test_half_a_message_before_a_drop_is_forgotten(sim: Simulator, listener: Client) -> None:
    seen = Recorder()
    listener.subscribe("Hangup", seen)
    sim.send_raw(b"Event: Hangup\r\nPrivilege: call,all\r\nNumber: 1\r\nRest: cut of")
    sim.drop()
    wait_until(lambda: sim.logins == 2)
    ready(listener)
    sim.emit("Hangup", Number=2)
    wait_until(lambda: seen.calls)
    assert [event["Number"] for event in seen.firsts] == ["2"]
    assert "Rest" not in seen.firsts[0]


# --- booting ---


def test_actions_wait_until_the_server_is_booted() -> None:
    sim = FakeAsterisk(faults=Faults(boot_delay=math.inf, login_delay=0))
    with sim, started(config(sim, boot_grace=3600), role="caller", connect=False) as client:
        pending = client.send(Ping())
        wait_until(
            lambda: client.status()["node_1"].state == "booting" and "CoreSettings" in names(sim)
        )
        second = client.send(Ping())
        wait_until(lambda: client.status()["node_1"].pending_actions == 2)
        assert not second.sent  # neither was handed over for writing
        assert not pending.sent
        sim.finish_booting()
        assert pending.result(20).ok
        assert second.result(20).ok


def test_a_server_that_boots_again_is_waited_for(sim: Simulator, listener: Client) -> None:
    """It was seen to say FullyBooted once: then it is waited for, however short the grace."""
    sim.faults.boot_delay = math.inf
    sim.shutdown(restart=True)
    wait_until(lambda: listener.status()["node_1"].state != "ready")
    sim.start()
    pending = listener.send(Ping())
    wait_until(
        lambda: (
            listener.status()["node_1"].state == "booting" and names(sim).count("CoreSettings") == 2
        )
    )
    loop, seen = loop_of(listener), []

    def finish() -> None:
        seen.extend([listener.status()["node_1"].state, names(sim)[-1]])
        sim.finish_booting()

    runner_of(listener).call_soon(
        lambda: loop.call_at(loop.now + 0.2, finish)
    )  # the grace of 0.05 s is long over then
    assert pending.result(20).ok
    assert seen == ["booting", "CoreSettings"]


def test_an_account_that_may_not_see_the_boot_does_not_wait_for_ever() -> None:
    users = {"limited": User(secret="li", read="call", write="call")}
    with (
        FakeAsterisk(users=users) as sim,
        started(config(sim, user="limited", secret="li")) as client,
    ):
        ready(client)
        assert client.send(Ping()).result(20).ok
        assert client.status()["node_1"].asterisk_version == ""


# --- status ---


def test_status_tells_how_it_is(sim: Simulator, listener: Client) -> None:
    listener.subscribe("Hangup", Recorder())
    sim.emit("Hangup")
    sim.send_raw(b"Response: Error\r\nMessage: whose is this?\r\n\r\nnonsense\r\n")
    wait_until(lambda: listener.status()["node_1"].garbage_bytes)
    wait_until(lambda: listener.status()["node_1"].delivered == 1)
    status = listener.server("node_1").status().as_dict()
    assert status.pop("ready_for") >= 0
    assert status.pop("last_event_age") >= 0
    assert status.pop("lost_log_records") >= 0, "of the process: other tests may have lost some"
    assert status == {
        "name": "node_1",
        "address": f"127.0.0.1:{sim.port}",
        "tls": False,
        "state": "ready",
        "ready": True,
        "ami_version": "11.0.0",
        "asterisk_version": "22.10.1",
        "reconnects": 0,
        "gaps": 0,
        "failures": 0,
        "last_error": None,
        "pending_actions": 0,
        "unwritten_bytes": 0,
        "received": 2,
        "ignored": 1,
        "delivered": 1,
        "failed": 0,
        "dropped": 0,
        "dropped_important": 0,
        "queued": 0,
        "late_answers": 0,
        "unmatched_answers": 1,
        "garbage_bytes": 10,
        "oversized_messages": 0,
        "suspect_messages": 0,
        "swallowed_messages": 0,
        "unexpected_errors": 0,
        "oldest_event_age": None,
        "ping_round_trip": None,
        "takeovers": 0,
        "dropped_by_reason": {"queue_full": 0, "queue_bytes": 0, "memory": 0, "lease": 0},
        "reconnects_by_reason": dict.fromkeys(EndReason, 0),
        "gaps_by_reason": dict.fromkeys(GapReason, 0),
        "gap_seconds_by_reason": dict.fromkeys(GapReason, 0.0),
    }


def test_status_of_a_server_that_is_down() -> None:
    with refusing_port() as port, started(config(port)) as client:
        wait_until(lambda: client.status()["node_1"].failures > 1)
        status = client.status()["node_1"]
        assert not status.ready
        assert status.ready_for is status.last_event_age is None
        assert "connection refused" in str(status.last_error)
        assert status.ami_version == status.asterisk_version == ""


def test_handle_shows_its_server(sim: Simulator, listener: Client) -> None:
    handle = listener.server("node_1")
    assert repr(handle) == "<ServerHandle node_1>"
    assert handle.address == f"127.0.0.1:{sim.port}"
    assert listener.servers == {"node_1": handle}


# --- begin and end ---


def test_a_second_start_does_nothing(sim: Simulator) -> None:
    with started(config(sim)) as client:
        client.start()
        ready(client)
        assert our_threads().count(REACTOR) == 1
        assert sim.connections == 1


def test_closing_logs_off(sim: Simulator) -> None:
    with started(config(sim)) as client:
        ready(client)
        client.subscribe("Hangup", print)
    assert sim.logoffs == 1
    assert our_threads() == []
    client.close()  # once more
    assert sim.logoffs == 1


def test_close_fails_actions_under_way(sim: Simulator, caller: Client) -> None:
    sim.on("Ping").hang()
    pending = caller.send(Ping())
    wait_until(lambda: "Ping" in names(sim))
    caller.close()
    error = pending.exception(0)
    assert isinstance(error, ConnectionLost)
    assert error.sent is True
    assert "the client was closed" in str(error)


def test_close_fails_actions_that_never_left() -> None:
    with Hoard() as mute, started(config(mute.port), role="caller", connect=False) as client:
        pending = client.send(Ping())
        wait_until(lambda: client.status()["node_1"].state == "greeting")
    error = pending.exception(0)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is False


def test_action_just_before_the_close_is_sent(sim: Simulator) -> None:
    with started(config(sim), role="caller") as client:
        ready(client)
        client.send(UserEvent("Last"))
    assert names(sim)[-2:] == ["UserEvent", "Logoff"]


def test_a_server_that_does_not_answer_the_logoff_does_not_hold_the_close(sim: Simulator) -> None:
    sim.on("Logoff").hang()
    with started(config(sim), role="caller") as client:
        ready(client)
        client.close(timeout=0.2)
        assert our_threads() == []


def test_sending_after_the_close(sim: Simulator, caller: Client) -> None:
    caller.close()
    error = caller.send(Ping()).exception(0)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is False
    assert "the client was closed; Ping was not sent" in str(error)
    with pytest.raises(ConfigurationError, match="make a new one"):
        caller.start()
    assert sim.connections == 0


def test_sending_while_another_thread_closes_ends_too(sim: Simulator) -> None:
    """The close comes between the look whether it is closed and the hand-over."""
    with started(config(sim), role="caller", connect=False) as client:
        hand_over = client._runner.call_lazily

        def close_first(function: object) -> None:
            client._runner.call_lazily = hand_over
            client.close()
            hand_over(function)

        client._runner.call_lazily = close_first
        error = client.send(Ping()).exception(0)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is False


def test_sending_while_the_close_is_under_way_begins_no_new_connection(sim: Simulator) -> None:
    with (
        FakeAsterisk() as other,
        started(config(sim, "a"), config(other, "b"), role="caller", connect=False) as client,
    ):
        other.on("Logoff").after(0.2).block()
        client.send(Ping(), server="b").result(20)
        hand_over = client._runner.call_lazily

        def begin_to_close_first(function: object) -> None:
            client._runner.call_lazily = hand_over
            client.begin_close()
            hand_over(function)

        client._runner.call_lazily = begin_to_close_first
        error = client.send(Ping(), server="a").exception(20)
    assert isinstance(error, ConnectionFailed)
    assert sim.connections == 0


def test_completions_of_the_close_are_told_behind_a_slow_receiver(
    sim: Simulator, listener: Client
) -> None:
    sim.on("Ping").hang()
    release, entered, done = threading.Event(), threading.Event(), Recorder()

    def slow(_: object) -> None:
        entered.set()
        assert release.wait(60)

    listener.subscribe("Hangup", slow)
    listener.send(Ping()).on_complete(done)
    wait_until(lambda: "Ping" in names(sim))
    sim.emit("Hangup")
    assert entered.wait(20)
    # With time enough: a close whose time is over waits for no receiver.
    closing = threading.Thread(target=listener.close, args=(60,))
    closing.start()
    wait_until(lambda: REACTOR not in our_threads())
    release.set()
    closing.join()
    assert [type(error) for error, _ in done.calls] == [ConnectionLost]
    assert done.threads == {DISPATCHER}


def test_completions_of_the_close_are_told_where_nobody_dispatched_before(
    sim: Simulator, caller: Client
) -> None:
    sim.on("Ping").hang()
    done = Recorder()
    caller.send(Ping()).on_complete(done)
    wait_until(lambda: "Ping" in names(sim))
    assert DISPATCHER not in our_threads()
    caller.close(60)
    assert [type(error) for error, _ in done.calls] == [ConnectionLost]


def test_a_receiver_may_close_the_client(sim: Simulator, listener: Client) -> None:
    closed = threading.Event()

    def close(_: object) -> None:
        listener.close()
        closed.set()

    listener.subscribe("Hangup", close)
    sim.emit("Hangup")
    assert closed.wait(20)
    wait_until(lambda: our_threads() == [])


def test_no_servers_is_told() -> None:
    with pytest.raises(ConfigurationError, match="name one at least"):
        Client([])


# --- without a thread ---


@pytest.fixture
def ticking(sim: Simulator) -> Iterator[Client]:
    client = Client([config(sim)])
    yield client
    client.close()


def test_without_a_thread_a_waiting_caller_runs_the_loop(ticking: Client) -> None:
    assert ticking.send(Ping()).result(20)["Ping"] == "Pong"
    assert our_threads() == []
    assert ticking.send(Ping()).exception(20) is None


def test_without_a_thread_a_wait_has_its_end(sim: Simulator, ticking: Client) -> None:
    sim.on("Ping").hang()
    with pytest.raises(ActionTimeout, match="still under way"):
        ticking.send(Ping()).result(0.2)
    with pytest.raises(ActionTimeout, match="it was sent"):
        ticking.send(Ping(), timeout=0.2).result()
    assert our_threads() == []


def test_the_sockets_are_told_how_many_answers_are_awaited(
    ticking: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a single one the waiting thread polls before it sleeps."""
    assert ticking.send(Ping()).result(20).ok
    told: list[int] = []
    priority = loop_of(ticking).priority
    await_replies = priority.await_replies

    def listen(fileno: int, count: int) -> None:
        told.append(count)
        await_replies(fileno, count)

    monkeypatch.setattr(priority, "await_replies", listen)
    for pending in [ticking.send(Ping()) for _ in range(3)]:
        assert pending.result(20).ok
    assert (told[0], told[-1]) == (3, 0)


def test_a_tick_is_enough_for_many_servers() -> None:
    """A program that calls it some times a second is not to wait for each attempt and each answer
    of each server.
    """
    with refusing_port() as port:
        client = Client(
            [config(port, f"node_{number}") for number in range(20)],
            role="caller",
            default="node_0",
        )
        try:
            client.connect()
            for _ in range(2):
                client.tick(0.1)
            assert sum(status.failures > 0 for status in client.status().values()) > 2
        finally:
            client.close()


def test_without_a_thread_everything_happens_in_tick(sim: Simulator, ticking: Client) -> None:
    seen, done, is_ready = Recorder(), Recorder(), Recorder()
    ticking.subscribe("Hangup", seen)
    ticking.on_ready(is_ready)
    ticking.connect()
    wait_until(lambda: ticking.tick(0.01) or is_ready.calls)
    sim.emit("Hangup")
    ticking.send(Ping()).on_complete(done)
    wait_until(lambda: ticking.tick(0.01) or (seen.calls and done.calls))
    assert seen.threads == done.threads == is_ready.threads == {threading.current_thread().name}
    assert is_ready.calls == [(ticking.server("node_1"),)]
    assert our_threads() == []


def test_without_a_tick_nothing_happens(sim: Simulator, ticking: Client) -> None:
    ticking.connect()
    pending = ticking.send(Ping())
    assert sim.connections == 0
    assert not pending.done()


def test_a_started_client_is_not_to_be_ticked(caller: Client) -> None:
    with pytest.raises(ConfigurationError, match="its own thread runs the loop"):
        caller.tick()


def test_without_a_thread_the_close_logs_off(sim: Simulator) -> None:
    client = Client([config(sim)])
    client.send(Ping()).result(20)
    client.close()
    assert sim.logoffs == 1


def test_abandoning_says_nothing_to_the_server(sim: Simulator) -> None:
    """For a child after fork.

    Its sockets are the parent's, and a Logoff would end the parent's session.
    """
    client = Client([config(sim)])
    client.send(Ping()).result(20)
    client.abandon()
    sim.wait_for(lambda: not sim.sessions)
    assert sim.logoffs == 0
    assert isinstance(client.send(Ping()).exception(0), AmiError)


def test_a_wait_of_own_dispatching_is_ended_whatever_the_reactor_does(sim: Simulator) -> None:
    """Its thread is held up by what should not hold it up."""
    release, held = threading.Event(), threading.Event()
    with started(config(sim), role="caller", connect=False, dispatcher=False) as client:
        runner_of(client).call_soon(lambda: (held.set(), release.wait(PATIENCE_SECONDS)))
        assert held.wait(PATIENCE_SECONDS)
        waiting = threading.Thread(target=client.dispatch)
        waiting.start()
        wait_until(lambda: client._delivery._changed._waiters)
        client.inbox.wake()
        waiting.join(PATIENCE_SECONDS / 2)
        ended = not waiting.is_alive()
        release.set()
        waiting.join()
        assert ended
