"""A whole conversation: its messages, its notices, the meaning of a silence, and its end."""

from __future__ import annotations

from random import Random

import pytest

from django_ami.core.actions import (
    Action,
    Command,
    CoreShowChannels,
    DBGet,
    Originate,
    Ping,
    QueueStatus,
)
from django_ami.core.actions.base import encode
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    Backpressure,
    ConnectionFailed,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.request import Request
from django_ami.core.session import CLOSE_TIMEOUT_SECONDS, Gap, GapReason, Lost, Ready, Role
from tests.core.support import Dialogue


def ready(role: Role = Role.LISTENER, **options) -> Dialogue:
    talk = Dialogue(role, **options)
    talk.become_ready()
    talk.notices()
    return talk


def error_of(pending):
    """The error of a settled action."""
    assert pending.done()
    return pending.exception(0)


# --- actions ---


def test_an_action_and_its_answer():
    talk = ready()
    pending = talk.send(Action("QueueSummary", Queue="support"))
    request = talk.expect("QueueSummary")
    assert request["ActionID"] == pending.action_id
    assert len(talk.exchange.pending) == 1
    talk.answer(request, "EventList: start")
    talk.event("QueueSummary", f"ActionID: {pending.action_id}", "Queue: support")
    talk.event("QueueSummaryComplete", f"ActionID: {pending.action_id}", "EventList: Complete")
    assert [event["Queue"] for event in pending.result(0).events] == ["support"]
    assert len(talk.exchange.pending) == 0


def test_an_error_fails_its_action_alone():
    talk = ready()
    first, second = talk.send(), talk.send()
    one, two = talk.requests()
    talk.answer(one, "Message: Permission denied", status="Error")
    assert isinstance(error_of(first), ActionFailed)
    talk.answer(two)
    assert second.result(0).ok


@pytest.mark.parametrize("times", [1, 3])
def test_any_broadcast_may_be_the_end_of_an_action(times):
    talk = ready()
    for _ in range(times):  # its name is known by then
        action = Action("Dial")
        action.final_event = "DialDone"
        pending = talk.send(action)
        request = talk.expect("Dial")
        talk.answer(request)
        told = talk.event("DialDone", "Privilege: call,all", f"ActionID: {request['ActionID']}")
        assert pending.done()
        assert [event.name for event in told] == ["DialDone"], "others are told, too"


def test_strange_answers_are_counted_and_settle_nothing():
    talk = ready()
    pending = talk.send()
    request = talk.expect("Ping")
    talk.say("Response: Error\nMessage: Missing action in request\n\n")
    talk.say("Response: Success\nActionID: theirs-1\n\n")
    assert (pending.done(), talk.counters.unmatched_answers) == (False, 2)
    talk.answer(request)
    talk.answer(request)
    assert (pending.done(), talk.counters.late_answers) == (True, 1)


def test_actions_wait_until_it_is_ready_and_keep_their_order():
    talk = Dialogue()
    first = talk.send(Action("First"))
    assert talk.state == "waiting"
    request = talk.log_in()
    talk.send(Action("Second"))
    talk.boot()
    assert talk.requests() == []
    talk.answer(request)
    one, two = talk.requests()
    assert (one["Action"], one["ActionID"], two["Action"]) == ("First", first.action_id, "Second")


def test_an_action_that_is_over_before_it_is_ready_is_not_sent():
    talk = Dialogue()
    pending = talk.send(timeout=5)
    request = talk.log_in()
    talk.wait(5)
    error = error_of(pending)
    assert isinstance(error, ActionTimeout)
    assert not error.sent
    talk.boot()
    talk.answer(request)
    assert talk.requests() == []


def test_an_action_that_is_cancelled_before_it_is_ready_is_forgotten():
    talk = Dialogue()
    unwanted, wanted = talk.send(Action("First")), talk.send(Action("Second"))
    assert unwanted.cancel()
    talk.exchange.forget(unwanted.action_id)
    assert len(talk.exchange.pending) == 1
    request = talk.log_in()
    talk.boot()
    assert wanted.cancel()  # its thread was here before the session heard of it
    talk.answer(request)
    assert talk.requests() == []
    assert len(talk.exchange.pending) == 0


def test_an_action_that_is_cancelled_on_its_way_to_the_reactor_is_not_sent():
    talk = ready()
    unwanted = Request(Ping(), "late-1", encode(Ping(), "late-1"), server="node_1", timeout=5)
    assert unwanted.pending.cancel()
    talk.exchange.send(unwanted, talk.now)
    assert talk.requests() == []
    assert len(talk.exchange.pending) == 0


def test_actions_that_wait_fail_with_the_attempt():
    talk = Dialogue()
    pending = talk.send()
    talk.session.connecting(0)
    talk.hang_up(ConnectionFailed("connection refused.", server="node_1"))
    error = error_of(pending)
    assert type(error) is ConnectionFailed
    assert (str(error), error.sent) == ("node_1: connection refused. Ping was not sent.", False)


def test_actions_that_wait_fail_with_a_connection_that_is_lost_before_ready():
    talk = Dialogue()
    pending = talk.send()
    talk.log_in()
    talk.hang_up()
    error = error_of(pending)
    assert type(error) is ConnectionLost
    assert not error.sent


def test_an_action_that_moved_to_another_server_is_not_sent_here_too():
    talk = Dialogue()
    pending = talk.send()
    talk.requested.reroute = lambda _: True
    talk.session.connecting(0)
    talk.hang_up(ConnectionFailed("connection refused.", server="node_1"))
    assert not pending.done()
    talk.become_ready()
    assert len(talk.exchange.pending) == 0
    assert not pending.sent


def test_an_action_that_expires_says_whether_it_was_sent():
    talk = ready(read_timeout=60)
    pending = talk.send(timeout=5)
    talk.expect("Ping")
    talk.wait(4.9)
    assert not pending.done()
    talk.wait(0.1)
    assert isinstance(error_of(pending), ActionTimeout)
    assert error_of(pending).sent
    assert talk.session.fault is None


def test_an_answer_that_is_too_large():
    talk = ready(max_frame_size=4096)
    pending, other = talk.send(Action("Command")), talk.send()
    one, two = talk.requests()
    talk.answer(one, *["Output: line"] * 1000)
    assert isinstance(error_of(pending), ProtocolError)
    talk.answer(two)
    assert other.result(0).ok


def test_an_event_that_is_too_large_is_nobodys():
    talk = ready(max_frame_size=4096)
    pending = talk.send()
    assert talk.event("VarSet", "Privilege: dialplan,all", "Value: " + "x" * 5000) == []
    assert not pending.done()


# --- bounds ---


def test_too_many_unanswered_actions():
    talk = ready(max_pending_actions=2)
    talk.send()
    talk.send()
    error = error_of(talk.send())
    assert isinstance(error, Backpressure)
    assert not error.sent
    assert len(talk.requests()) == 2


def test_a_server_that_does_not_read():
    talk = ready(write_buffer_limit=4096)
    taken = talk.send(Action("X", Value="x" * 900))
    for _ in range(3):
        talk.send(Action("X", Value="x" * 900))
    error = error_of(talk.send(Action("X", Value="x" * 900)))
    assert isinstance(error, Backpressure)
    assert "the server does not read: " in error.message
    assert (error.sent, taken.done(), len(talk.exchange.outgoing) <= 4096) == (False, False, True)
    assert len(talk.requests()) == 4
    talk.send(Action("X", Value="x" * 900))
    talk.expect("X")


def test_a_server_is_asked_however_many_actions_are_under_way():
    talk = ready(max_pending_actions=1, heartbeat_interval=5, read_timeout=30)
    call = talk.send(Originate(channel="PJSIP/100", application="Echo", wait=True), timeout=100)
    talk.answer(talk.expect("Originate"), "Message: Originate successfully queued")
    for _ in range(18):
        talk.wait(5)
        talk.answer(talk.expect("Ping"), "Ping: Pong")
    assert (talk.session.fault, call.done()) == (None, False)


# --- sent or not ---


def test_a_loss_says_of_each_action_whether_its_bytes_had_left():
    talk = ready()
    whole, partly, not_at_all = talk.send(), talk.send(), talk.send()
    size = len(talk.exchange.outgoing) // 3
    del talk.exchange.outgoing[: size + 1]
    talk.hang_up()
    assert [error_of(pending).sent for pending in (whole, partly, not_at_all)] == [
        True,
        True,
        False,
    ]
    assert error_of(whole).message.endswith(
        "it may have been carried out: look before you repeat it."
    )
    assert error_of(not_at_all).message.endswith("it was not sent.")
    assert all(type(error_of(pending)) is ConnectionLost for pending in (whole, partly, not_at_all))
    assert talk.exchange.outgoing == b""


def test_not_one_byte_is_not_sent():
    talk = ready()
    first, second = talk.send(), talk.send()
    del talk.exchange.outgoing[: len(talk.exchange.outgoing) // 2]
    talk.hang_up()
    assert (error_of(first).sent, error_of(second).sent) == (True, False)


def test_action_in_doubt_may_have_left():
    talk = ready()
    pending = talk.send()
    talk.exchange.outgoing.doubt()
    talk.hang_up()
    assert error_of(pending).sent


def test_written_bytes_are_counted_anew_on_each_connection():
    talk = ready()
    talk.send()
    talk.requests()
    talk.hang_up()
    talk.become_ready()
    pending = talk.send()
    talk.hang_up()
    assert not error_of(pending).sent


def test_a_list_that_is_cut_gives_the_items_that_had_come():
    talk = ready()
    pending = talk.send(CoreShowChannels())
    talk.answer(talk.expect("CoreShowChannels"), "EventList: start")
    talk.event("CoreShowChannel", f"ActionID: {pending.action_id}", "Channel: a")
    talk.say("Event: CoreShowChannel\nActionID: half")
    talk.hang_up()
    assert [event["Channel"] for event in error_of(pending).events] == ["a"]


def test_next_connection_begins_without_anything_of_the_lost_one():
    talk = ready()
    talk.say("Event: Half\nPriv")
    talk.send()
    talk.hang_up()
    talk.connect()
    talk.greet()
    talk.expect("Login")
    assert talk.counters.garbage_bytes == 0


# --- events ---


def test_events_are_for_the_receivers_and_items_are_not():
    talk = ready()
    talk.now = 50
    pending = talk.send(CoreShowChannels())
    talk.answer(talk.expect("CoreShowChannels"), "EventList: start")
    assert talk.exchange.last_event_at == 0
    assert talk.event("CoreShowChannel", f"ActionID: {pending.action_id}") == []
    assert talk.exchange.last_event_at == 0
    (event,) = talk.event("Hangup", "Privilege: call,all", "Channel: a")
    assert (event.name, event.server, event["Channel"]) == ("Hangup", "node_1", "a")
    assert talk.exchange.last_event_at == 50
    assert talk.exchange.ignored == 0


@pytest.mark.parametrize(
    ("interest", "names", "ignored"),
    [
        (None, ["Hangup", "Newexten", "FullyBooted"], 0),
        (frozenset({"hangup"}), ["Hangup"], 2),
        (frozenset(), [], 3),
    ],
)
def test_events_that_nobody_wants_are_counted(interest, names, ignored):
    talk = ready()
    talk.exchange.set_interest(interest)
    frames = [
        f"Event: {name}\nPrivilege: call,all\n\n" for name in ("Hangup", "Newexten", "FullyBooted")
    ]
    assert [event.name for event in talk.say("".join(frames))] == names
    assert talk.exchange.ignored == ignored
    talk.hang_up()
    talk.become_ready()
    assert [event.name for event in talk.say("".join(frames))] == names
    assert (
        talk.exchange.parser.kinds.interest == interest
    )  # it need not make messages of the others


def test_garbage_is_counted_and_disturbs_nothing():
    talk = ready()
    pending = talk.send()
    request = talk.expect("Ping")
    assert [event.name for event in talk.say("what is this?\nEvent: X\n\n")] == ["X"]
    talk.answer(request)
    assert pending.result(0).ok
    assert talk.counters.garbage_bytes == 15


# --- is it alive ---


def test_a_ping_in_every_silence_and_the_answer_is_a_sign_of_life():
    talk = ready(heartbeat_interval=15, read_timeout=30)
    for turn in range(1, 5):
        talk.wait(15)
        assert talk.now == 15 * turn
        talk.answer(talk.expect("Ping"), "Ping: Pong")
    assert talk.session.fault is None


@pytest.mark.parametrize("interval", [1, 15, 29, 30, 1000])
def test_a_silent_server_is_lost_at_the_read_timeout_whatever_the_interval(interval):
    talk = ready(heartbeat_interval=interval, read_timeout=30)
    assert talk.exchange.liveness.heartbeat.interval == min(interval, 15)
    talk.wait(29.9)
    assert talk.session.fault is None
    assert [request["Action"] for request in talk.requests()] == ["Ping"]
    talk.wait(10)
    assert talk.now == 30
    error = talk.hang_up()
    assert type(error) is ConnectionLost
    assert "nothing received for 30.0 s (option read_timeout)" in error.message
    assert talk.notices() == [Lost("node_1", error, was_ready=True, retry_in=1, last_event_at=0)]


def test_a_slow_action_excuses_the_silence_until_its_deadline_and_no_further():
    talk = ready(read_timeout=30)
    pending = talk.send(Originate(channel="Local/1@x", run_async=False), timeout=70)
    talk.wait(69.9)
    assert talk.session.fault is None
    talk.wait(10)
    assert talk.now == 70
    assert isinstance(error_of(pending), ActionTimeout)
    assert isinstance(talk.session.fault, ConnectionLost)


def test_a_slow_action_that_is_answered_in_time_does_no_harm():
    talk = ready(read_timeout=30)
    slow = talk.send(timeout=70)
    request = talk.expect("Ping")
    talk.wait(60)
    talk.answer(request)
    assert slow.result(0).ok
    ping = talk.expect("Ping")
    talk.answer(ping)
    talk.wait(14)
    assert talk.session.fault is None
    assert talk.counters.late_answers == 1  # the ping behind it: nobody waits for it any more


def test_a_dead_server_is_found_though_actions_keep_coming():
    talk = ready(read_timeout=30, heartbeat_interval=15)
    while talk.session.fault is None and talk.now < 300:
        talk.send(timeout=30)
        talk.wait(1)
    assert talk.now == 30


def test_an_action_that_comes_after_an_unanswered_ping_is_no_excuse():
    talk = ready(read_timeout=30, heartbeat_interval=15)
    talk.wait(29)
    talk.send(timeout=30)
    talk.wait(100)
    assert talk.now == 30


def test_an_endless_message_is_no_sign_of_life():
    talk = ready(read_timeout=30, max_frame_size=4096)
    talk.say("Event: X\n")
    for _ in range(40):
        if talk.session.fault is not None:
            break
        talk.wait(1)
        talk.say(b"x" * 4096)
    assert talk.now == 8  # it grows for frame_timeout when it is known to be too much
    error = talk.hang_up()
    assert isinstance(error, ConnectionLost)
    assert error.message.startswith(
        "a message has grown for 5.0 s (option frame_timeout) and has no end;"
    )


def test_an_action_under_way_does_not_excuse_an_endless_message():
    talk = ready(read_timeout=30, max_frame_size=4096)
    pending = talk.send(timeout=1000)
    talk.say(b"Event: X\n" + b"x" * 8192)
    talk.wait(31)
    assert talk.now == 30
    assert isinstance(talk.hang_up(), ConnectionLost)
    assert isinstance(pending.exception(0), ConnectionLost)


def test_the_end_of_a_message_that_was_too_large_is_a_sign_of_life():
    talk = ready(read_timeout=30, max_frame_size=4096)
    talk.say(b"Event: X\r\n" + b"x" * 8192)
    talk.wait(20)
    talk.say("\n\n")
    talk.answer(talk.expect("Ping"))
    talk.wait(29)
    assert talk.session.fault is None


# --- a message without an end ---

TICK = "Event: Tick\nPrivilege: call,all\n\n"


def grow(talk, data, seconds, every=0.5):
    """The server says so, again and again."""
    end = talk.now + seconds
    while talk.now < end and talk.session.fault is None:
        talk.wait(every)
        talk.say(data)


@pytest.mark.parametrize(
    ("begin", "data"),
    [
        ("Event: X\n", "A: 1\n"),
        ("Event: X\nA: ", "1"),
        (b"Event: X\n", b"A: 1\n"),
        ("", "Event: "),
        ("ActionID: a-1\n", "x"),
    ],
    ids=repr,
)
def test_a_message_that_grows_and_has_no_end_is_a_fault(begin, data):
    talk = ready(frame_timeout=5)
    talk.say(begin)
    grow(talk, data, 60)
    assert 5 <= talk.now <= 6
    assert isinstance(talk.session.fault, ConnectionLost)
    assert " bytes are held. Is there a proxy" in talk.session.fault.message
    assert talk.counters.swallowed_messages == 0


def test_an_output_without_an_end_that_swallows_messages_is_a_fault_and_they_are_counted():
    talk = ready(frame_timeout=5)
    pending = talk.send(Command("sip show peers"), timeout=60)
    request = talk.expect("Command")
    talk.say(f"Response: Follows\nPrivilege: Command\nActionID: {request['ActionID']}\nName Host\n")
    grow(talk, TICK, 60)
    assert talk.now == 5
    assert "10 messages are lost in it" in talk.session.fault.message
    error = talk.hang_up()
    assert talk.counters.swallowed_messages == 10
    assert isinstance(pending.exception(0), ConnectionLost)
    (lost,) = talk.notices()
    assert (lost.error, lost.missing) == (error, 10)


#: Last bytes of a connection that is then lost, and how many messages are known to be missing.
MISSING = {
    "nothing": ("Event: Hangup\n\n", 0),
    "the half of an event": ("Event: Hangup\n\nEvent: Hangup\nChannel: PJ", 1),
    "an event that is too large": (f"Event: Hangup\nValue: {'x' * 5000}\n\n", 1),
    "both": (f"Event: Hangup\nValue: {'x' * 5000}\n\nEvent: Hang", 2),
    "the half of one that is too large": (f"Event: Hangup\nValue: {'x' * 5000}\nChannel", 1),
    "the half of an answer": ("Response: Success\nMessage", 0),
}


@pytest.mark.parametrize(("text", "missing"), MISSING.values(), ids=MISSING)
def test_a_loss_tells_the_last_event_and_how_many_are_known_to_be_missing(text, missing):
    talk = ready(max_frame_size=4096)
    talk.now = 7
    talk.event("Hangup")
    talk.now = 9
    talk.say(text)
    talk.hang_up()
    (lost,) = talk.notices()
    assert (lost.last_event_at, lost.missing) == (
        9 if text.startswith("Event: Hangup\n\n") else 7,
        missing,
    )
    talk.become_ready()
    talk.hang_up()
    assert talk.notices()[-1].missing == 0  # of that connection alone


def test_an_output_that_comes_in_pieces_has_as_long_as_its_action():
    talk = ready(frame_timeout=5, read_timeout=10)
    pending = talk.send(Command("core show help"), timeout=90)
    request = talk.expect("Command")
    talk.say(f"Response: Follows\nActionID: {request['ActionID']}\n")
    grow(talk, b"Event: a line\n", 60)
    assert talk.session.fault is None
    talk.say(b"--END COMMAND--\r\n\r\n")
    assert len(pending.result(0).output.splitlines()) == 120
    for ping in talk.requests():
        talk.answer(ping)
    talk.wait(9)
    assert talk.session.fault is None


@pytest.mark.parametrize(("seconds", "alive"), [(19, True), (60, False)])
def test_an_answer_under_way_has_a_read_timeout_more_than_its_action(seconds, alive):
    talk = ready(frame_timeout=5, read_timeout=10)
    pending = talk.send(Command("core show help"), timeout=10)
    talk.say(f"Response: Success\nActionID: {talk.expect('Command')['ActionID']}\n")
    grow(talk, "Output: a line\n", seconds)
    assert isinstance(error_of(pending), ActionTimeout)
    assert (talk.session.fault is None) is alive
    if not alive:
        assert talk.now == 20
        assert (
            "nothing received for 10.0 s (option read_timeout) but a message without an end"
            in talk.session.fault.message
        )


def test_a_message_that_stops_to_come_does_not_grow():
    talk = ready(frame_timeout=5)
    talk.say("Event: X\nA: ")
    talk.wait(14)
    talk.say("1")
    assert [event["A"] for event in talk.say("2\n\n")] == ["12"]
    assert talk.session.fault is None


def test_messages_that_end_do_not_grow():
    talk = ready(frame_timeout=5)
    talk.say("Event: X\nA: ")
    grow(talk, "1\n\nEvent: X\nA: ", 14)
    talk.say("1\n\n")
    grow(talk, "no message\n", 14)
    talk.say("no m")
    grow(talk, "essage\nno m", 14)
    assert talk.session.fault is None
    talk.say("essage\nEv")
    talk.wait(0.4)
    assert talk.session.fault is None


# --- it talks, and answers nothing ---


def test_a_server_that_talks_and_answers_no_ping_is_lost():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    grow(talk, TICK, 100)
    assert 40 <= talk.now < 40.1  # the little that came behind the Ping
    assert (
        "no Ping was answered within 30 s (option read_timeout), though it goes on"
        in talk.session.fault.message
    )


@pytest.mark.parametrize("lines", ["Message: Missing action", "ActionID: somebody-7\nPing: Pong"])
def test_answers_to_others_answer_no_ping(lines):
    talk = ready(read_timeout=30, heartbeat_interval=10)
    grow(talk, f"Response: Success\n{lines}\n\n", 100)
    assert 40 <= talk.now < 40.1
    assert "no Ping was answered within 30 s" in talk.session.fault.message


def test_text_that_is_no_message_is_no_sign_of_life():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    grow(talk, "text\n", 100)
    assert talk.session.fault.message.startswith(
        "nothing received for 30.0 s (option read_timeout) but text that is not a message: is "
        "there a proxy"
    )


def test_a_refused_ping_is_an_answer():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    for _ in range(6):
        grow(talk, TICK, 10)
        talk.answer(talk.expect("Ping"), "Message: Permission denied", status="Error")
    assert talk.session.fault is None


def test_a_slow_action_excuses_a_ping_without_an_answer():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    pending = talk.send(Command("x"), timeout=70)
    request = talk.expect("Command")
    grow(talk, TICK, 60)
    assert talk.session.fault is None
    talk.answer(request)
    assert pending.done()


def test_a_flood_gives_a_ping_time():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    grow(talk, TICK[:-1] + f"Data: {'x' * 80_000}\n\n", 100)
    assert talk.session.fault is None


@pytest.mark.parametrize(
    ("timeout", "seconds", "alive"), [(120, 100, True), (30, 58, True), (30, 100, False)], ids=repr
)
def test_a_list_that_comes_slowly_has_as_long_as_a_slow_answer(timeout, seconds, alive):
    talk = ready(read_timeout=30, heartbeat_interval=10)
    pending = talk.send(Action("Status"), timeout=timeout)
    talk.answer(talk.expect("Status"), "EventList: start")
    grow(talk, f"Event: Status\nPrivilege: Call\nActionID: {pending.action_id}\n\n", seconds)
    assert (talk.session.fault is None) is alive
    if timeout > seconds:
        talk.event("StatusComplete", f"ActionID: {pending.action_id}", "EventList: Complete")
        assert len(pending.result(0).events) == 2 * seconds


# --- it slept ---


def test_overslept_session_asks_before_it_judges():
    talk = ready(read_timeout=30, heartbeat_interval=10)
    talk.wait(10)
    talk.expect("Ping")
    talk.now = 3600
    talk.session.overslept(talk.now, late=1)
    talk.session.tick(talk.now)
    assert talk.session.fault is None
    talk.answer(talk.expect("Ping"))
    assert (talk.session.fault, talk.counters.late_answers) == (None, 0)


def test_an_attempt_gets_its_time_anew_once():
    talk = Dialogue(connect_timeout=10)
    talk.connect()
    talk.greet()
    talk.now = 50
    talk.session.overslept(talk.now, late=1)
    talk.session.tick(talk.now)
    assert talk.session.fault is None
    talk.answer(talk.expect("Login"))
    assert talk.state == "booting"

    talk = Dialogue(connect_timeout=10)
    talk.connect()
    for now, alive in ((50, True), (59, True), (100, False)):
        talk.now = now
        talk.session.overslept(now, late=1)
        talk.session.tick(now)
        assert (talk.session.fault is None) is alive


def test_stopped_time_does_not_count_as_idle():
    talk = ready(Role.CALLER, idle_timeout=20, heartbeat_interval=1000, read_timeout=1000)
    talk.now = 400
    talk.session.overslept(talk.now, late=390)
    talk.session.tick(talk.now)
    assert talk.state == "ready"
    talk.wait(9.9)
    assert talk.state == "ready"
    talk.wait(0.1)
    assert talk.state == "closing"


# --- the order of answers ---


@pytest.mark.parametrize("banner", ["Asterisk Call Manager/11.0.0", "Issabel Call Manager/1.3"])
def test_an_action_that_was_passed_over_ends(banner):
    talk = Dialogue()
    talk.connect()
    talk.greet(banner)
    talk.answer(talk.expect("Login"))
    talk.boot()
    talk.answer(talk.expect("CoreSettings"))
    odd, later = talk.send(Action("Odd")), talk.send()
    assert not talk.exchange.hastened
    talk.answer(talk.requests()[-1])
    assert later.done()
    assert talk.exchange.hastened
    assert talk.session.next_deadline() == 2
    assert not talk.exchange.hastened
    talk.wait(2)
    error = error_of(odd)
    assert isinstance(error, ActionTimeout)
    assert (error.sent, talk.session.fault) == (True, None)
    assert error.message == (
        "no answer to Odd: the server, which answers in order, has answered a later action. It "
        "was sent, so it may have been carried out: look before you repeat it."
    )


def test_empty_lines_in_the_place_of_an_answer_end_it_at_once():
    talk = ready()
    odd = talk.send(Action("SKINNYshowdevice"))
    talk.expect("SKINNYshowdevice")
    talk.say("\n\n")
    assert not odd.done()
    talk.answer(talk.expect("Ping"), "Ping: Pong")  # asked to know
    assert isinstance(error_of(odd), ActionTimeout)


def test_text_in_the_place_of_an_answer_is_its_output():
    talk = ready()
    odd = talk.send(Action("Queues"))
    talk.expect("Queues")
    talk.say("support has 0 calls\n   No Members\n")
    talk.say("   No Callers\n\n\n")
    talk.answer(talk.expect("Ping"), "Ping: Pong")
    response = odd.result(0)
    assert (response.ok, response.output) == (
        True,
        "support has 0 calls\n   No Members\n   No Callers",
    )
    assert response["ActionID"] == odd.action_id


def test_text_is_of_the_action_that_was_passed_over_and_of_no_other():
    talk = ready()
    first, odd, last = talk.send(), talk.send(Action("IAXnetstats")), talk.send()
    one, _, three = talk.requests()
    talk.say("stray\n")
    talk.answer(one)
    talk.say(
        b"LOCAL\n\r\n" + f"Response: Success\r\nActionID: {three['ActionID']}\r\n\r\n".encode()
    )
    assert (first.done(), last.done()) == (True, True)
    assert odd.result(0).output == "LOCAL"
    assert talk.requests() == []


def test_a_list_whose_end_was_passed_over_ends():
    talk = ready()
    pending, later = talk.send(Action("Status")), talk.send()
    one, two = talk.requests()
    talk.answer(one, "EventList: start")
    talk.answer(two)
    assert later.done()
    talk.wait(2)
    assert error_of(pending).message.startswith(
        "no end of the list of Status: the server, which answers in order, has answered a later "
        "action. It was sent"
    )


def test_a_list_that_goes_on_behind_another_answer_has_its_time_back():
    talk = ready()
    pending, later, last = talk.send(Action("Status")), talk.send(), talk.send()
    one, two, three = talk.requests()
    talk.answer(one, "EventList: start")
    talk.answer(two)
    talk.event("Status", "Privilege: Call", "Channel: a", f"ActionID: {pending.action_id}")
    talk.answer(three)
    talk.wait(10)
    talk.event("StatusComplete", f"ActionID: {pending.action_id}", "EventList: Complete")
    assert [event["Channel"] for event in pending.result(0).events] == ["a"]
    assert later.result(0).ok
    assert last.result(0).ok


def test_behind_a_proxy_answers_come_in_any_order():
    talk = Dialogue()
    talk.connect()
    talk.greet("Asterisk Call Manager Proxy/1.30.0")
    talk.answer(talk.expect("Login"))
    talk.boot()
    talk.answer(talk.expect("CoreSettings"))
    first, second = talk.send(), talk.send()
    one, two = talk.requests()
    talk.say("text\n")
    talk.answer(two)
    talk.wait(10)
    talk.answer(one)
    assert first.result(0).ok
    assert second.result(0).ok


def test_text_while_the_server_boots_asks_nothing():
    talk = Dialogue()
    talk.log_in()
    talk.say("text\n")
    assert talk.requests() == []


# --- before Asterisk 13.2 ---


def old(version="1.3"):
    talk = Dialogue()
    talk.connect()
    talk.greet(f"Asterisk Call Manager/{version}")
    talk.answer(talk.expect("Login"))
    talk.boot()
    talk.answer(talk.expect("CoreSettings"))
    return talk


def test_a_list_that_says_not_that_it_begins_is_collected():
    talk = old()
    pending = talk.send(QueueStatus())
    talk.answer(talk.expect("QueueStatus"), "Message: Queue status will follow")
    item = f"ActionID: {pending.action_id}"
    talk.event("QueueParams", "Queue: support", item)
    talk.event("QueueMember", "Queue: support", item)
    assert not pending.done()
    talk.event("QueueStatusComplete", item)
    response = pending.result(0)
    assert [event.name for event in response.events] == ["QueueParams", "QueueMember"]
    assert response.final_event.name == "QueueStatusComplete"


@pytest.mark.parametrize("is_named", [True, False], ids=["ActionID", "no ActionID"])
def test_the_one_item_of_a_list_that_has_no_end_completes_the_action(is_named):
    """DBGet of Asterisk 11 (manager_dbget in main/db.c): an item, and no DBGetComplete."""
    talk = old()
    pending = talk.send(DBGet("shop", "open"))
    talk.answer(talk.expect("DBGet"), "Message: Result will follow")
    item = [f"ActionID: {pending.action_id}"] if is_named else []
    assert not pending.done()
    assert talk.event("DBGetResponse", "Family: shop", "Key: open", "Val: yes", *item) == []
    assert [event["Val"] for event in pending.result(0).events] == ["yes"]


@pytest.mark.parametrize(
    ("version", "action", "message"),
    [
        ("2.10.6", "QueueStatus", "Queue status will follow"),
        ("11.0.0", "QueueStatus", "Queue status will follow"),
        ("1.3", "QueueStatus", "no such queue"),
        ("1.3", "Ping", "it will follow"),
        ("1.3", "Odd", "it will follow"),
        ("none", "QueueStatus", "it will follow"),
    ],
)
def test_response_that_begins_no_list_completes_the_action_at_once(version, action, message):
    talk = old(version)
    pending = talk.send(Action(action))
    talk.answer(talk.requests()[-1], f"Message: {message}")
    assert pending.result(0).events == ()


def test_a_list_that_says_not_that_it_ends_is_complete_when_a_later_action_is_answered():
    talk = old("2.6.0")
    pending, later = talk.send(Action("Status")), talk.send()
    one, two = talk.requests()
    talk.answer(one, "Message: Channel status will follow")
    talk.event("Status", "Privilege: Call", "Channel: a", f"ActionID: {pending.action_id}")
    talk.answer(two)
    assert later.done()
    assert [event["Channel"] for event in pending.result(0).events] == ["a"]


# --- items with a Privilege ---


@pytest.mark.parametrize("role", list(Role))
def test_items_with_a_privilege_belong_to_their_list_with_and_without_receivers(role):
    talk = ready(role)
    talk.exchange.set_interest(frozenset())
    pending = talk.send(Action("SCCPListDevices"))
    talk.answer(talk.requests()[-1], "EventList: start")
    item = f"ActionID: {pending.action_id}"
    assert talk.event("SCCPDeviceEntry", "Privilege: system,all", item, "Name: a") == []
    assert talk.event("SCCPDeviceEntry", "Privilege: system,all", "Name: b", item) == []
    assert talk.event("SCCPDeviceEntry", "Privilege: system,all", "Name: everybody's") == []
    assert talk.exchange.ignored == 1
    talk.event("SCCPListDevicesComplete", "EventList: Complete", item)
    assert [event["Name"] for event in pending.result(0).events] == ["a", "b"]


def test_an_answer_whose_action_id_is_spelled_oddly_is_the_answer():
    talk = ready()
    pending = talk.send()
    talk.say(f"Response: Success\nActionId:{talk.expect('Ping')['ActionID']}\n\n")
    assert pending.result(0).ok
    talk.say("Response: Success\nActionId:x\n\n")
    assert talk.counters.unmatched_answers == 1


# --- again and again ---


def fail(talk: Dialogue) -> Lost:
    talk.session.connecting(talk.now)
    talk.hang_up(ConnectionFailed("connection refused.", server="node_1"))
    (lost,) = talk.notices()
    return lost


def test_the_pauses_between_attempts_grow():
    talk = Dialogue(reconnect_initial=1, reconnect_max=20)
    talk.session.start(0)
    assert talk.session.retry.at == 0
    assert fail(talk).retry_in == 1
    talk.now = 20
    assert fail(talk).retry_in == 5
    talk.now = 500
    assert fail(talk).retry_in == 20
    assert talk.session.retry.at == talk.now + 20
    assert talk.session.retry.failures == 3


@pytest.mark.parametrize(("up", "pause"), [(0, 5), (8, 3), (9.9, 2.525), (10, 1)])
def test_a_stable_connection_begins_the_pauses_anew_and_another_makes_good_for_what_it_was_ready(
    up, pause
):
    talk = Dialogue(stable_after=10)
    talk.session.start(0)
    fail(talk)
    talk.now = 20
    talk.become_ready()
    talk.notices()
    talk.now += up
    talk.hang_up()
    (lost,) = talk.notices()
    assert (lost.was_ready, lost.retry_in) == (True, pytest.approx(pause))


#: Seconds for which a link is up and down in turn, and how much of ten minutes a listener is to be
#: ready, in per cent.
FLAPPING = {
    "ten and four": (10, 4, 67),
    "five and two": (5, 2, 60),
    "a minute": (50, 20, 64),
    "rarely": (100, 40, 62),
}


@pytest.mark.parametrize(("up", "down", "least"), FLAPPING.values(), ids=FLAPPING)
@pytest.mark.parametrize("seed", range(3))
def test_a_listener_is_ready_for_about_as_long_as_a_flapping_link_is_up(up, down, least, seed):
    """It is up for 71 % of the time; a client with doubled pauses was ready for 21 % of it."""
    share, attempts = flap(up, down, seed)
    assert share >= least
    assert attempts <= 600


def test_server_that_hangs_up_after_the_login_is_tried_ever_more_rarely():
    talk = Dialogue()
    talk.session.retry.backoff.random = Random(1)
    talk.session.start(0)
    attempts = 0
    while talk.now < 600:
        attempts += 1
        talk.become_ready()
        talk.now += 0.05
        talk.hang_up()
        talk.now = talk.session.retry.at
    assert attempts < 80


def flap(up: float, down: float, seed: int) -> tuple[float, int]:
    """Ten minutes of a link that is up and down in turn.

    How much of it a listener is ready, in per cent; attempts.
    """
    talk = Dialogue()
    talk.session.retry.backoff.random = Random(seed)
    talk.session.start(0)
    ready_for, attempts = 0.0, 0
    while talk.now < 600:
        attempts += 1
        since = talk.now % (up + down)
        if since >= up:
            talk.now += 0.01
            talk.session.connecting(talk.now)
            talk.hang_up(ConnectionFailed("connection refused.", server="node_1"))
        else:
            talk.become_ready()
            talk.now += up - since
            ready_for += up - since
            talk.hang_up()
        talk.notices()
        talk.now = talk.session.retry.at
    return 100 * ready_for / talk.now, attempts


def test_recovery_is_told_once():
    talk = ready()
    talk.event("Shutdown", "Privilege: system,all", "Shutdown: Cleanly", "Restart: True")
    talk.hang_up()
    talk.become_ready()
    assert [type(notice) for notice in talk.notices()] == [Lost, Gap, Ready]
    assert (talk.session.connections.ready, talk.session.retry.failures) == (2, 0)


def gaps(talk):
    return [notice for notice in talk.notices() if isinstance(notice, Gap)]


def test_a_gap_reaches_from_the_last_message_to_the_next_login():
    """Attempts that fail between make no difference: without a login they have told nothing."""
    talk = ready(heartbeat_interval=1000, read_timeout=2000)
    assert gaps(talk) == [], "before the first login nothing was listened to"
    talk.now = 10
    talk.event("Hangup")
    talk.now = 13
    talk.send()
    talk.answer(talk.expect("Ping"))  # so nothing happened meanwhile
    talk.now = 15
    talk.hang_up()
    talk.notices()
    fail(talk)
    talk.now = 20
    talk.connect()
    talk.greet()
    talk.hang_up()
    assert gaps(talk) == []
    talk.now = 30
    request = talk.log_in()
    (found,) = gaps(talk)
    assert found == Gap("node_1", 13, 30, GapReason.CONNECTION_LOST, None)
    talk.now = 31
    talk.event("Hangup")
    talk.now = 32
    talk.hang_up()  # it was not ready, and events have come all the same
    talk.now = 40
    talk.become_ready()
    assert gaps(talk) == [Gap("node_1", 31, 40, GapReason.CONNECTION_LOST)]
    assert request


def test_a_process_that_asks_for_no_events_has_no_gaps():
    for talk in (Dialogue(Role.CALLER), Dialogue(events="off")):
        talk.become_ready()
        talk.hang_up()
        talk.become_ready()
        assert gaps(talk) == []


def test_a_session_with_other_settings_goes_on_where_the_one_before_ended():
    long_before, before, between, after = ready(), ready(), Dialogue(), Dialogue()
    long_before.now = 1
    long_before.session.retire(long_before.now, "its settings were changed.")
    long_before.hang_up()
    before.now = 5
    before.event("Hangup")
    before.now = 7
    before.session.retire(before.now, "its settings were changed.")
    before.hang_up()
    for one in (between, before, long_before):  # one was retired before it had logged in
        after.session.hearing.succeed(one.session.hearing)
    after.now = 9
    after.become_ready()
    assert gaps(after) == [Gap("node_1", 5, 9, GapReason.SETTINGS_CHANGED)]
    after.hang_up()
    after.become_ready()
    assert [one.reason for one in gaps(after)] == [GapReason.CONNECTION_LOST]


def test_an_open_circuit_fails_actions_at_once_and_a_success_closes_it():
    talk = Dialogue(circuit_threshold=2, reconnect_initial=8)
    talk.session.start(0)
    fail(talk)
    assert not talk.session.retry.circuit_open
    assert not talk.send().done()
    talk.now = 8
    fail(talk)
    assert talk.session.retry.circuit_open
    talk.now = 11
    error = error_of(talk.send())
    assert type(error) is ConnectionFailed
    assert error.message == (
        "not connected: connection refused. Next attempt in 5.0 s. Ping was not sent."
    )
    talk.session.connecting(talk.now)
    assert error_of(talk.send()).message == "not connected: connection refused. Ping was not sent."
    talk.session.connected(talk.now)
    assert talk.send().done()
    talk.greet()
    assert not talk.send().done()  # it speaks: that is worth waiting for
    talk.answer(talk.expect("Login"))
    talk.boot()
    talk.answer(talk.expect("CoreSettings"))
    assert not talk.session.retry.circuit_open
    talk.expect("Ping")


def test_the_next_attempt_is_never_in_the_past():
    talk = Dialogue(circuit_threshold=1)
    talk.session.start(0)
    fail(talk)
    talk.now = 50
    assert "Next attempt in 0.0 s." in error_of(talk.send()).message


# --- the end ---


def test_logging_off():
    talk = ready()
    pending = talk.send()
    talk.expect("Ping")
    talk.session.close(talk.now)
    assert talk.state == "closing"
    error = error_of(pending)
    assert type(error) is ConnectionLost
    assert error.message.startswith(
        "the client was closed. Ping was under way; it may have been carried out"
    )
    request = talk.expect("Logoff")
    assert (
        error_of(talk.send()).message
        == "not connected: the connection is being closed. Ping was not sent."
    )
    assert len(talk.event("Hangup")) == 1, "the server wrote it before it took our Logoff"
    talk.answer(request, status="Goodbye")
    talk.hang_up()
    assert (talk.state, talk.notices(), talk.session.next_deadline()) == ("idle", [], None)


def test_retired_server_refuses_later_actions_with_its_reason():
    talk = ready()
    pending = talk.send()
    talk.expect("Ping")
    talk.session.retire(talk.now, "it is no longer in the settings.")
    assert error_of(pending).message.startswith(
        "it is no longer in the settings. Ping was under way"
    )
    talk.answer(talk.expect("Logoff"), status="Goodbye")
    talk.hang_up()
    for _ in range(2):
        error = error_of(talk.send())
        assert (type(error), error.sent) == (ConnectionFailed, False)
        assert str(error) == "node_1: it is no longer in the settings. Ping was not sent."
        assert talk.state == "idle"


def test_session_says_whether_a_caller_waits_for_an_answer_or_for_a_connection():
    talk = Dialogue(Role.LISTENER)
    request = talk.log_in()
    assert not talk.exchange.awaited, "what it asks by itself is nobody's"
    talk.send()
    assert talk.exchange.awaited
    talk.boot()
    talk.answer(request)
    talk.send()
    assert talk.exchange.awaited == 2
    for request in talk.requests():
        talk.answer(request)
    assert not talk.exchange.awaited


def test_action_unwritten_at_the_logoff_is_not_safe_to_repeat():
    talk = ready()
    request = Request(Ping(), "close-1", encode(Ping(), "close-1"), server="node_1", timeout=5)
    talk.exchange.send(request, talk.now)
    talk.session.close(talk.now)
    assert bytes(talk.exchange.outgoing).index(b"close-1") < bytes(talk.exchange.outgoing).index(
        b"Logoff"
    ), "it leaves"
    error = error_of(request.pending)
    assert isinstance(error, ConnectionLost)
    assert error.sent
    assert "it may have been carried out" in error.message


def test_a_server_that_does_not_close():
    talk = ready()
    # The whole cluster is told: for a session that is not closing it means nothing
    talk.session.give_up()
    assert (talk.state, talk.session.fault) == ("ready", None)
    talk.session.close(talk.now)
    assert talk.exchange.awaited
    assert not talk.session.overdue
    talk.wait(100)
    assert talk.now == CLOSE_TIMEOUT_SECONDS
    assert talk.session.overdue
    assert talk.session.fault.message == "the server did not close after Logoff."
    talk.hang_up()
    assert not talk.session.overdue
    assert (talk.state, talk.notices()) == ("idle", [])


def test_closing_tells_of_itself_and_not_of_an_old_failure():
    talk = Dialogue()
    talk.session.start(0)
    fail(talk)
    talk.become_ready()
    talk.session.close(talk.now)
    assert "the connection is being closed" in error_of(talk.send()).message


def test_closing_between_login_and_ready():
    talk = Dialogue()
    pending = talk.send()
    talk.log_in()
    talk.session.close(talk.now)
    talk.expect("Logoff")
    assert not error_of(pending).sent
    talk.hang_up()
    assert (talk.state, talk.notices()) == ("idle", [])


@pytest.mark.parametrize("steps", [[], ["connected"], ["connected", "greet"]])
def test_closing_before_the_login(steps):
    talk = Dialogue()
    pending = talk.send()
    talk.session.connecting(0)
    if "connected" in steps:
        talk.session.connected(0)
    if "greet" in steps:
        talk.greet()
    talk.session.close(talk.now)
    assert talk.state == "closing"
    assert talk.session.fault.message == "the client was closed."
    talk.hang_up()
    assert error_of(pending).message == "the client was closed. Ping was not sent."
    assert (talk.state, talk.notices()) == ("idle", [])


def test_closing_while_it_waits_for_the_next_attempt():
    talk = Dialogue()
    pending = talk.send()
    talk.session.close(talk.now)
    assert error_of(pending).message == "the client was closed. Ping was not sent."
    assert talk.state == "idle"


def test_closing_what_was_never_begun_or_is_closed_already():
    talk = Dialogue()
    talk.session.close(0)
    assert talk.state == "idle"
    talk = ready()
    talk.session.close(0)
    talk.session.close(1)
    assert (talk.state, len(talk.exchange.pending)) == ("closing", 0)
    talk.hang_up()
    assert talk.state == "idle"


def test_session_can_begin_again_after_the_end():
    talk = ready()
    talk.session.close(0)
    talk.hang_up()
    talk.become_ready()
    assert talk.session.ready


# --- idle callers ---


def test_an_idle_caller_logs_off_and_comes_back_when_needed():
    talk = ready(Role.CALLER, idle_timeout=60)
    pending = talk.send()
    talk.answer(talk.expect("Ping"))
    assert pending.result(0).ok
    for _ in range(4):
        talk.wait(15)
        for ping in talk.requests():
            talk.answer(ping)
    talk.wait(0)
    talk.expect("Logoff")
    assert talk.state == "closing"
    talk.hang_up()
    assert (talk.state, talk.notices()) == ("idle", [])
    talk.send()
    assert talk.state == "waiting"


@pytest.mark.parametrize(
    ("role", "idle_timeout"),
    [(Role.LISTENER, 60), (Role.CALLER, 0)],
)
def test_session_stays_ready_past_the_idle_timeout_when_it_must_not_idle(role, idle_timeout):
    talk = ready(role, idle_timeout=idle_timeout)
    for _ in range(20):
        talk.wait(15)
        talk.answer(talk.expect("Ping"))
    assert talk.state == "ready"


def test_a_caller_that_waits_for_an_answer_is_not_idle():
    talk = ready(Role.CALLER, idle_timeout=20, read_timeout=1000, heartbeat_interval=1000)
    talk.send(timeout=200)
    talk.wait(100)
    assert talk.state == "ready"


def test_idle_caller_gives_up_a_server_that_is_away():
    talk = Dialogue(Role.CALLER, idle_timeout=60)
    talk.session.start(0)
    fail(talk)
    talk.wait(60)
    assert talk.state == "idle"


def going_idle() -> Dialogue:
    talk = ready(Role.CALLER, idle_timeout=20, heartbeat_interval=1000, read_timeout=1000)
    talk.wait(20)
    talk.expect("Logoff")
    return talk


def test_an_action_that_comes_just_then_waits_for_the_next_connection():
    talk = going_idle()
    pending = talk.send()
    talk.hang_up()
    assert (talk.state, pending.done()) == ("waiting", False)
    request = talk.log_in()
    talk.boot()
    talk.answer(request)
    talk.expect("Events", "Ping")


def test_an_action_that_comes_just_then_and_is_cancelled_connects_nobody():
    talk = going_idle()
    pending = talk.send()
    assert pending.cancel()
    talk.exchange.forget(pending)
    talk.hang_up()
    assert (talk.state, len(talk.exchange.pending)) == ("idle", 0)


def test_an_action_that_comes_just_then_fails_if_the_client_is_closed():
    talk = going_idle()
    pending = talk.send()
    talk.session.close(talk.now)
    assert error_of(pending).message == "the client was closed. Ping was not sent."
    talk.hang_up()
    assert talk.state == "idle"


def test_ping_is_what_a_user_may_send_too():
    talk = ready()
    pending = talk.send(Ping())
    talk.answer(talk.expect("Ping"), "Ping: Pong")
    assert pending.result(0)["Ping"] == "Pong"


def test_a_close_between_login_and_ready_logs_off_like_any_other():
    talk = Dialogue()
    talk.log_in()
    talk.session.close(talk.now)
    talk.expect("Logoff")
    assert (talk.session.fault, talk.state) == (None, "closing")
    talk.hang_up()
    assert (talk.state, talk.notices()) == ("idle", [])
