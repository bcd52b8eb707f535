"""Calls over real TCP: each one made once, and known to its end, in threads and in coroutines."""

from __future__ import annotations

import asyncio
import linecache
import socket
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from django_ami.core.client import Client, OriginatedCall
from django_ami.core.errors import (
    ActionTimeout,
    Backpressure,
    ConfigurationError,
    ConnectionFailed,
    InvalidAction,
    WouldBlock,
)
from django_ami.core.progress import OriginateState, Progress
from django_ami.testing import CallTimes, FakeAsterisk, Simulator, User
from django_ami.testing.events import event
from tests.core.io_support import NEVER, PATIENCE_SECONDS, config, started, wait_until
from tests.core.servers import LOOPBACK, refusing_port
from tests.running import black_hole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


pytestmark = pytest.mark.usefixtures("no_bugs")

TO: dict[str, Any] = {"to": "PJSIP/101", "context": "default", "exten": "102", "timeout": 5}


@pytest.fixture
def client(sim: Simulator) -> Iterator[Client]:
    with started(config(sim), role="caller", connect=False) as client:
        yield client


@pytest.fixture
def patient() -> Iterator[FakeAsterisk]:
    """Its phones ring, and talk, until somebody hangs up."""
    with FakeAsterisk(times=CallTimes(ring=0.05, duration=60)) as server:
        yield server


def dials(server: Simulator) -> int:
    return sum(action.name == "Originate" for action in server.received)


def states_of(call: OriginatedCall) -> list[str]:
    """All states of a call, once it has ended."""
    states: list[str] = []
    call.on_change(lambda _, state: states.append(str(state)))
    call.wait(PATIENCE_SECONDS)
    wait_until(lambda: states and states[-1] == "ended", str(states))
    return states


def test_one_party_rings_and_then_the_other_until_both_talk(sim, client):
    call = client.originate(**TO, caller_id='"Web" <6090>', account="shop", variables={"A": 1})
    assert states_of(call)[-4:] == ["picked up", "ringing second", "answered", "ended"]
    assert call.answered().result(0)
    assert call.outcome is not None
    assert (call.outcome.result, call.outcome.cause) == ("answered", 16)
    assert call.outcome.talk_seconds > 0
    assert (call.state, call.error, call.note) == (OriginateState.ENDED, None, "")
    request = sim.assert_action_sent(
        "Originate", ChannelId=call.id, Account="shop", Variable="A=1", Priority="1", Timeout="5000"
    )
    assert request.get("CallerID") == '"Web" <6090>'
    assert call.id in repr(call)


@pytest.mark.parametrize(
    ("to", "exten", "result", "picked_up"),
    [
        ("PJSIP/busy", "102", "busy", False),
        ("PJSIP/reject", "102", "rejected", False),
        ("PJSIP/congestion", "102", "failed", False),
        ("PJSIP/fail", "102", "unavailable", False),  # there is no such telephone
        ("PJSIP/101", "busy", "busy", True),
        ("PJSIP/101", "reject", "rejected", True),
        ("PJSIP/101", "unavailable", "unavailable", True),
        ("PJSIP/101", "fail", "failed", True),
        ("PJSIP/101", "noanswer", "no answer", True),
        ("Local/101@default", "102", "answered", True),
        ("Local/101@default", "busy", "busy", True),
    ],
)
def test_each_end_of_a_call_is_told(sim, client, to, exten, result, picked_up):
    call = client.originate(to=to, context="default", exten=exten, timeout=5)
    outcome = call.wait(PATIENCE_SECONDS)
    assert (outcome.result, outcome.picked_up) == (result, picked_up)
    assert call.answered().result(0) is (result == "answered")
    assert dials(sim) == 1


def test_a_first_party_that_rings_out(sim, client):
    call = client.originate(**{**TO, "to": "PJSIP/noanswer", "timeout": 0.05})
    assert call.wait(PATIENCE_SECONDS).result == "no answer"


def test_an_application_is_one_party(sim, client):
    call = client.originate(to="PJSIP/101", application="Wait", data="0.05")
    assert call.answered().result(PATIENCE_SECONDS)
    assert call.wait(PATIENCE_SECONDS).answered


def test_a_call_of_another_client_is_hung_up_before_it_is_found(patient):
    with started(config(patient)) as one, started(config(patient)) as other:
        call = one.originate(**TO)
        assert call.answered().result(PATIENCE_SECONDS)
        found = other.call(call.id)
        found.hangup()
        assert call.wait(PATIENCE_SECONDS).answered
        assert found.wait(PATIENCE_SECONDS).result in ("answered", "unknown")


def test_a_call_is_hung_up_while_it_rings():
    with FakeAsterisk(times=CallTimes(ring=60)) as server, started(config(server)) as client:
        call = client.originate(**TO)
        wait_until(lambda: call.state == "ringing")
        call.hangup()
        assert call.wait(PATIENCE_SECONDS).result == "cancelled"
        assert not call.answered().result(0)


def test_both_parties_are_hung_up(patient):
    with started(config(patient), role="caller", connect=False) as client:
        call = client.originate(**TO)
        assert call.answered().result(PATIENCE_SECONDS)
        assert call.state is OriginateState.ANSWERED
        with pytest.raises(ActionTimeout):
            call.wait(0.01)
        call.hangup()
        assert call.wait(PATIENCE_SECONDS).answered
        call.hangup()  # does nothing more


def test_a_call_that_has_not_left_is_withdrawn():
    with (
        black_hole() as port,
        started(config(port, **NEVER), role="caller", connect=False) as client,
    ):
        call = client.originate(**TO)
        call.hangup()
        assert call.wait(PATIENCE_SECONDS).result == "cancelled"


def test_a_server_that_is_not_there_makes_no_call():
    with (
        refusing_port() as port,
        started(config(port, **NEVER, circuit_threshold=1), role="caller", connect=False) as client,
    ):
        first = client.originate(**TO, server="node_1")
        wait_until(lambda: first.state == "ended" or client.status()["node_1"].last_error)
        call = client.originate(**TO)
        outcome = call.wait(PATIENCE_SECONDS)
        assert outcome.result == "failed"
        assert isinstance(call.error, ConnectionFailed)
        assert call.error.sent is False


def test_call_moves_on_to_the_next_server_and_is_followed_there(sim):
    with (
        refusing_port() as port,
        started(
            config(port, **NEVER, circuit_threshold=1, max_concurrent_originates=1),
            config(sim, "node_2", max_concurrent_originates=1),
            role="caller",
            routing=("failover", ["node_1", "node_2"]),
        ) as client,
    ):
        outcomes = [client.originate(**TO).wait(PATIENCE_SECONDS).result for _ in range(2)]
        assert outcomes == ["answered", "answered"]
        assert dials(sim) == 2
        with pytest.raises(ConfigurationError, match=r"call\.server"):
            client.call("some-id")


@pytest.mark.parametrize(
    ("cut", "result"), [("not taken", "unknown"), ("unanswered", "answered"), ("cut", "answered")]
)
def test_a_link_that_ends_around_the_answer_makes_no_second_call(cut, result):
    """The server may have taken the action: it is asked what became of it."""
    with FakeAsterisk(times=CallTimes(ring=0.05, duration=0.2)) as server:
        rule = server.on("Originate").once()
        if cut == "not taken":
            rule.reply()
        rule.cut(after=None if cut == "cut" else 0)
        with started(config(server), role="caller", connect=False) as client:
            call = client.originate(**TO)
            outcome = call.wait(PATIENCE_SECONDS)
            assert outcome.result == result
            assert dials(server) == 1


def test_a_call_is_found_by_another_client(patient):
    with (
        started(config(patient), role="caller", connect=False) as one,
        started(config(patient), role="caller", connect=False) as other,
    ):
        call = one.originate(**TO)
        assert call.answered().result(PATIENCE_SECONDS)
        found = other.call(call.id)
        assert found.answered().result(PATIENCE_SECONDS)
        assert found.state is OriginateState.ANSWERED
        found.hangup()
        assert found.wait(PATIENCE_SECONDS).answered
        assert call.wait(PATIENCE_SECONDS).answered


def test_a_call_that_never_was_is_unknown(sim, client):
    call = client.call("never-was")
    assert call.state is OriginateState.UNKNOWN
    assert call.wait(PATIENCE_SECONDS).result == "unknown"


def test_a_channel_that_no_action_can_name_is_not_hung_up(sim, client):
    item = event("Status", Uniqueid="x" * 3000, Linkedid="theirs")
    sim.on("Status").items(item)
    call = client.call("theirs")
    wait_until(lambda: call.state is not OriginateState.UNKNOWN, "found")
    call.hangup()
    assert not any(action.name == "Hangup" for action in sim.received)


def test_an_account_without_rights_for_events_makes_one_call_and_says_so():
    user = User("bob111", read="call,system", write="originate,call")
    with (
        FakeAsterisk(users={"bob": user}, times=CallTimes(duration=0.1)) as server,
        started(
            config(server, user="bob", secret="bob111"), role="caller", connect=False
        ) as client,
    ):
        call = client.originate(**TO)
        outcome = call.wait(PATIENCE_SECONDS)
        assert "write=system" in call.note
        assert outcome.inferred
        assert dials(server) == 1


def test_a_listener_follows_its_calls_too(sim):
    with started(config(sim)) as client:
        assert client.originate(**TO).wait(PATIENCE_SECONDS).answered


def test_coroutines_wait_for_it(sim, client):
    async def make() -> tuple[bool, str]:
        call = client.originate(**TO)
        for wait in (call.wait, call.answered().result):
            with pytest.raises(WouldBlock):
                wait()
        answered, outcome = await asyncio.gather(call.answered(), _of(call))
        return answered, outcome

    async def _of(call: OriginatedCall) -> str:
        return str((await call).result)

    assert asyncio.run(asyncio.wait_for(make(), PATIENCE_SECONDS)) == (True, "answered")


def test_in_a_running_loop_to_wait_is_refused_whether_the_call_is_over_or_not(sim, client):
    call = client.originate(**TO)
    call.wait(PATIENCE_SECONDS)
    known = call.answered()

    async def ask() -> None:
        for wait in (call.wait, known.result, known.exception):
            with pytest.raises(WouldBlock, match="write 'await'"):
                wait()
        assert (await call).answered
        assert call.wait().answered  # its end has been told
        assert await asyncio.wrap_future(known)
        assert known.result()

    asyncio.run(asyncio.wait_for(ask(), PATIENCE_SECONDS))


def test_functions_for_an_end_run_where_user_code_runs(sim, client):
    threads: list[str] = []
    call = client.originate(**TO)
    call.answered().add_done_callback(lambda _: threads.append(threading.current_thread().name))
    call.on_change(lambda *_: threads.append(threading.current_thread().name))
    assert call.wait(PATIENCE_SECONDS).answered
    wait_until(lambda: len(threads) > 1)
    assert len(set(threads)) == 1
    with pytest.raises(TypeError):
        call.answered().add_done_callback(None)


def test_many_threads_make_one_call_each(sim, client):
    results: list[str] = []

    def make() -> None:
        results.append(client.originate(**TO).wait(PATIENCE_SECONDS).result)

    threads = [threading.Thread(target=make) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["answered"] * 20
    assert dials(sim) == 20
    assert (
        len({action.get("ChannelId") for action in sim.received if action.name == "Originate"})
        == 20
    )


def test_a_client_without_threads_turns_itself_while_it_waits(sim):
    client = Client([config(sim)], role="caller")
    try:
        assert client.originate(**TO).wait(PATIENCE_SECONDS).answered
    finally:
        client.close()


def test_a_function_that_comes_late_is_told_the_end_alone(sim, client):
    call = client.originate(**TO)
    call.wait(PATIENCE_SECONDS)
    states: list[tuple[Any, str]] = []
    call.on_change(lambda each, state: states.append((each, str(state))))
    wait_until(lambda: states)
    assert states == [(call, "ended")]
    with pytest.raises(TypeError):
        call.on_change("no function")


# --- limits ---


def test_a_function_that_comes_amid_the_end_is_told_once():
    told: list[str] = []
    owner: Any = SimpleNamespace(call_user=lambda function: function())
    progress = Progress("1.1")
    call = OriginatedCall(owner, progress, cast("Any", SimpleNamespace(server="pbx")), lambda: None)
    tell = progress.listener

    def amid(_: Progress) -> None:
        call.on_change(lambda _, state: told.append(str(state)))
        tell(progress)

    progress.listener = amid
    progress.failed(ConnectionFailed("away.", server="pbx", sent=False))
    assert told == ["ended"]


def test_calls_over_the_rate_wait_in_order(sim):
    arrivals: list[tuple[float, str]] = []
    sim.on("Originate").when(
        lambda action: arrivals.append((time.monotonic(), action.get("ChannelId"))) or False
    )
    settings = config(sim, max_originates_per_second=40)
    with started(settings, role="caller", connect=False) as client:
        begin = time.monotonic()
        calls = [client.originate(**TO) for _ in range(9)]
        last = str(calls[-1].state)
        # A slow machine needs longer for nine calls than the last one waits.
        assert last == "waiting" or time.monotonic() - begin >= 8 / 40
        assert [call.wait(PATIENCE_SECONDS).result for call in calls] == ["answered"] * 9
    assert [call_id for _, call_id in arrivals] == [call.id for call in calls]
    # The last one waits for eight spaces of 25 ms; a slow machine only makes it later.
    assert arrivals[-1][0] - begin >= 8 / 40


def test_no_more_calls_at_a_time_than_may(sim):
    most = 0
    with started(config(sim, max_concurrent_originates=2), role="caller", connect=False) as client:

        def watch(_: OriginatedCall, __: OriginateState) -> None:
            nonlocal most
            most = max(most, sum(each.state not in ("waiting", "ended") for each in calls))

        calls = [client.originate(**TO) for _ in range(7)]
        for call in calls:
            call.on_change(watch)
        assert [str(call.state) for call in calls[2:]] == ["waiting"] * 5
        assert [call.wait(PATIENCE_SECONDS).result for call in calls] == ["answered"] * 7
    assert most <= 2
    assert dials(sim) == 7


def test_over_the_limit_backpressure_is_raised_by_choice(patient):
    settings = config(patient, max_concurrent_originates=1, max_pending_actions=20)
    with started(settings, role="caller", connect=False) as client:
        call = client.originate(**TO)
        with pytest.raises(Backpressure, match="max_concurrent_originates"):
            client.originate(**TO, over_limit="raise")
        waiting = [client.originate(**TO) for _ in range(20)]
        with pytest.raises(Backpressure, match="max_pending_actions"):
            client.originate(**TO)
        assert call.answered().result(PATIENCE_SECONDS), call.outcome
        for each in waiting:
            each.hangup()
            assert each.wait(PATIENCE_SECONDS).result == "cancelled"
        call.hangup()
        call.wait(PATIENCE_SECONDS)
        third = client.originate(**TO, over_limit="raise")
        assert third.answered().result(PATIENCE_SECONDS)
        left = client.originate(**TO)
    assert left.wait(PATIENCE_SECONDS).result == "failed"  # the client was closed before its turn
    assert dials(patient) == 2


def test_a_call_waits_for_its_turn_for_no_longer_than_it_may(patient):
    settings = config(patient, max_concurrent_originates=1)
    with started(settings, role="caller", connect=False) as client:
        call = client.originate(**TO)
        late = client.originate(**TO, over_limit=0.05)
        patiently = client.originate(**TO, over_limit=PATIENCE_SECONDS)
        outcome = late.wait(PATIENCE_SECONDS)
        assert outcome.result == "failed"
        assert "over_limit" in outcome.description
        assert late.error is not None
        assert not late.error.sent
        call.hangup()
        assert patiently.answered().result(PATIENCE_SECONDS)
        assert dials(patient) == 2


def test_a_call_that_moves_on_to_a_server_with_no_room_fails_and_harms_nobody(patient):
    """It has an end, and the calls of that server go on."""
    with (
        socket.create_server((LOOPBACK, 0)) as mute,
        started(
            config(mute.getsockname()[1], name="away"),
            config(patient, name="there", max_concurrent_originates=1, max_pending_actions=20),
            role="caller",
            connect=False,
            routing=("failover", ["away", "there"]),
        ) as client,
    ):
        calls = [client.originate(**TO) for _ in range(24)]
        mute.close()  # which resets the connection: all of them move on
        wait_until(lambda: sum(call.outcome is not None for call in calls) >= 3, "three fail")
        told = [call.outcome.description for call in calls if call.outcome is not None]
        assert all("max_pending_actions" in text for text in told), told
        assert client.status()["there"].unexpected_errors == 0
        first = next(call for call in calls if call.outcome is None)
        assert first.answered().result(PATIENCE_SECONDS)
        assert dials(patient) == 1


# --- refused arguments ---


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"exten": None}, "context and exten, or application"),
        ({"application": "Wait"}, "context and exten, or application, and not both"),
        ({"timeout": "soon"}, "originate: "),
        ({"timeout": 0}, "originate: timeout=0 is no limit .* give the seconds"),
        ({"timeout": 0.0001}, "timeout=0.0001 is no limit"),
        ({"over_limit": "skip"}, "'wait', 'raise' or a number"),
        ({"over_limit": -1}, "'wait', 'raise' or a number"),
        ({"over_limit": None}, "'wait', 'raise' or a number"),
        ({"call_id": "a b"}, "letters, digits"),
        ({"call_id": "x" * 141}, "1 to 140"),
        ({"call_id": 7}, "letters, digits"),
        ({"variables": {"A": True}}, "True"),
    ],
)
def test_arguments_that_make_no_call(sim, client, wrong, text):
    with pytest.raises(InvalidAction, match=text):
        client.originate(**{**TO, **wrong})
    with pytest.raises(TypeError):
        client.originate(**TO, extension=1)
    with pytest.raises(InvalidAction):
        client.call("")
    assert dials(sim) == 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ({"application": "Wait"}, "say who is rung first: to='PJSIP/101'"),
        (
            {**TO, "channel": "PJSIP/101"},
            "no argument 'channel': the party that rings first is 'to'",
        ),
        ({**TO, "timeout_ms": 5000}, "no argument 'timeout_ms': 'timeout' is in seconds"),
        ({**TO, "callerid": "6000"}, "no argument 'callerid': did you mean 'caller_id'"),
    ],
)
def test_an_argument_that_originate_has_not_is_named_with_the_right_one(sim, client, call, text):
    with pytest.raises(TypeError, match=text):
        client.originate(**call)
    assert dials(sim) == 0


def test_an_id_may_be_stored_before_the_call_is_made(sim, client):
    call_id = client.new_call_id()
    assert call_id != client.new_call_id()
    call = client.server("node_1").originate(**TO, call_id=call_id)
    assert call.id == call_id
    assert client.server("node_1").call(call_id).wait(PATIENCE_SECONDS).result in (
        "answered",
        "unknown",
    )
    call.wait(PATIENCE_SECONDS)


def test_call_that_may_not_wait_fails_if_it_moves_on_to_a_server_at_its_limit(patient):
    with (
        socket.create_server((LOOPBACK, 0)) as mute,
        started(
            config(mute.getsockname()[1], name="away"),
            config(patient, name="there", max_concurrent_originates=1),
            role="caller",
            connect=False,
            routing=("failover", ["away", "there"]),
        ) as client,
    ):
        second = client.originate(**TO, over_limit="raise")
        assert second.server == "away"
        first = client.originate(**TO, server="there")
        assert first.answered().result(PATIENCE_SECONDS)
        mute.close()  # which resets the connection: the call moves on
        assert "over_limit" in second.wait(PATIENCE_SECONDS).description
        assert isinstance(second.error, Backpressure)
        assert dials(patient) == 1


class _TimeLimit(Exception):
    """Of a signal's handler."""


def _interrupted(function: Callable[[], object], line: int) -> bool:
    """Call it, with an exception at such a line of those that let a call leave or wait."""
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(("client/dialling.py", "core/pacing.py")):
            return None
        # A real one never comes between the body of a block and the release of its lock.
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        left -= event == "line" and "with " not in source
        if not left:
            sys.settrace(before)
            raise _TimeLimit
        return trace

    before = sys.gettrace()  # of a measurement of coverage
    sys.settrace(trace)
    try:
        function()
    except _TimeLimit:
        return True
    finally:
        sys.settrace(before)
    return False


def test_call_that_an_exception_from_outside_cuts_short_keeps_no_place() -> None:
    quick = CallTimes(ring=0.001, duration=0.01)
    with (
        FakeAsterisk(times=quick) as server,
        started(config(server, max_concurrent_originates=1), role="caller") as client,
    ):
        line = 1
        while _interrupted(lambda: client.originate(**TO), line):
            assert client.originate(**TO).wait(PATIENCE_SECONDS).result == "answered", line
            line += 1
        assert line > 10


def test_client_that_closes_ends_all_calls_however_many_wait(patient):
    settings = config(patient, max_concurrent_originates=1, max_pending_actions=2_000)
    with started(settings, role="caller", connect=False) as client:
        call = client.originate(**TO)
        assert call.answered().result(PATIENCE_SECONDS)
        waiting = [client.originate(**TO) for _ in range(1_500)]
    assert {one.wait(PATIENCE_SECONDS).result for one in waiting} == {"failed"}
    assert client.originate(**TO).wait(PATIENCE_SECONDS).result == "failed"


def test_call_of_a_closed_client_waits_for_no_turn(patient):
    settings = config(patient, max_originates_per_second=0.001)
    with started(settings, role="caller", connect=False) as client:
        first = client.originate(**TO)
        assert first.answered().result(PATIENCE_SECONDS)
    late = client.originate(**TO)
    assert "closed" in late.wait(PATIENCE_SECONDS).description
