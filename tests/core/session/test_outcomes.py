"""Originate(wait=True) of a process that wants no events.

A filter first, once, or the events if there is none.
"""

from __future__ import annotations

import pytest

from django_ami.core.actions import Action, Originate
from django_ami.core.calls import DIAL_END_SECONDS
from django_ami.core.errors import (
    ActionTimeout,
    AuthenticationFailed,
    Backpressure,
    ConfigurationError,
    ConnectionLost,
)
from django_ami.core.session import Role
from tests.core.support import Dialogue


class FaxStats(Action):
    final_event = "FAXStats"


def call(number: int = 1) -> Originate:
    return Originate(channel=f"PJSIP/{number}", wait=True)


@pytest.fixture
def talk() -> Dialogue:
    talk = Dialogue(Role.CALLER)
    talk.become_ready()
    return talk


def open_filter(talk: Dialogue) -> None:
    talk.answer(talk.expect("Filter"), "Message: Success")


def originate_response(talk: Dialogue, request, *lines: str) -> list:
    return talk.event(
        "OriginateResponse", "Privilege: call,all", f"ActionID: {request['ActionID']}", *lines
    )


def test_a_caller_opens_the_class_behind_a_filter_and_gets_the_outcome(talk):
    pending = talk.send(call())
    request = talk.expect("Filter")
    ours = (
        "^Event: (OriginateResponse|Hangup|DialEnd)[^A-Za-z].*(ActionID|Uniqueid): "
        f"{talk.ids.prefix}"
    )
    assert (request["Operation"], request["Filter"]) == ("Add", ours)
    talk.answer(request, "Message: Success")
    events, request = talk.requests()
    assert (events["Action"], events["EventMask"]) == ("Events", "call")
    assert (request["Action"], request["ActionID"]) == ("Originate", pending.action_id)
    assert request["ChannelId"].startswith(talk.ids.prefix)
    talk.answer(request, "Message: Originate successfully queued")
    assert not pending.done()
    originate_response(
        talk, request, "Response: Failure", "Reason: 0", f"Uniqueid: {request['ChannelId']}"
    )
    assert not pending.done()
    talk.event("Hangup", "Privilege: call,all", "Channel: PJSIP/1-00000001",
               f"Uniqueid: {request['ChannelId']}",
               "ChannelState: 5", "Cause: 17", "Cause-txt: User busy",
               "TechCause: 486")  # fmt: skip
    assert pending.result(0).outcome.result == "busy"


def test_several_share_one_filter_and_later_ones_need_none(talk):
    talk.send(call(1))
    talk.send(call(2))
    open_filter(talk)
    requests = talk.requests()
    assert [request.get("Channel", "") for request in requests] == ["", "PJSIP/1", "PJSIP/2"]
    talk.send(call(3))
    talk.expect("Originate")


def test_other_actions_do_not_wait_for_the_filter(talk):
    talk.send(call())
    talk.send()
    talk.expect("Filter", "Ping")


@pytest.mark.parametrize("role", [Role.CALLER, Role.LISTENER])
def test_event_for_the_sender_alone_needs_no_filter_and_no_class(role):
    talk = Dialogue(role, events="system")
    talk.become_ready()
    pending = talk.send(FaxStats("FAXStats"))
    request = talk.expect("FAXStats")
    talk.answer(request, "Message: FAXStats event will follow")
    talk.event("FAXStats", f"ActionID: {request['ActionID']}", "CurrentSessions: 0")
    assert pending.result(0).final_event["CurrentSessions"] == "0"


def test_an_account_that_may_set_no_filter_is_told_so_before_anything_is_sent(talk):
    first, second = talk.send(call(1)), talk.send(call(2))
    talk.answer(talk.expect("Filter"), "Message: Permission denied", status="Error")
    for pending in (first, second):
        error = pending.exception(0)
        assert isinstance(error, ConfigurationError)
        assert not error.sent
        assert error.message == (
            "cannot wait for the outcome of Originate: no event filter (Filter refused: "
            "Permission denied); give the AMI user write=system, or send with wait=False. It was "
            "not sent."
        )
    assert talk.requests() == []
    assert len(talk.exchange.pending) == 0
    talk.send(call(3))
    talk.expect("Filter")


def test_no_room_for_the_filter():
    talk = Dialogue(Role.CALLER, max_pending_actions=1)
    talk.become_ready()
    error = talk.send(call()).exception(0)
    assert type(error) is Backpressure
    assert "no event filter (1 actions are unanswered (option max_pending_actions)" in error.message
    assert talk.requests() == []


def test_all_that_wait_for_the_filter_are_lost_with_the_connection(talk):
    pendings = [talk.send(call(number)) for number in range(3)]
    talk.hang_up()
    for pending in pendings:
        assert type(pending.exception(0)) is ConnectionLost
        assert not pending.exception(0).sent


def test_action_that_moves_to_another_server_is_left_alone(talk):
    moved = []
    pendings = []
    for number in range(2):
        pendings.append(talk.send(call(number)))
        talk.requested.reroute = lambda each: moved.append(each.pending) or True
    talk.hang_up()
    assert moved == pendings
    assert not any(pending.done() for pending in pendings)


def test_each_connection_needs_a_filter_of_its_own(talk):
    talk.send(call())
    open_filter(talk)
    talk.hang_up()
    talk.become_ready()
    talk.send(call())
    talk.expect("Filter")


def test_call_that_waited_for_the_connection_then_waits_for_the_event_filter():
    talk = Dialogue(Role.CALLER)
    talk.send(call())
    request = talk.log_in()
    talk.boot()
    talk.answer(request)
    assert [request["Action"] for request in talk.requests()] == ["Events", "Filter"]


def test_action_that_is_over_before_the_filter_is_not_sent(talk):
    pending = talk.send(call(), timeout=5)
    request = talk.expect("Filter")
    talk.wait(5)
    assert isinstance(pending.exception(0), ActionTimeout)
    assert not pending.exception(0).sent
    talk.answer(request)
    talk.expect("Events")


def test_a_filter_that_is_not_answered():
    talk = Dialogue(Role.CALLER, read_timeout=20, heartbeat_interval=1000)
    talk.become_ready()
    pending = talk.send(call(), timeout=60)
    talk.wait(10)
    talk.event("FullyBooted")
    talk.wait(10)
    assert "no event filter (no answer to Filter within 20 s" in pending.exception(0).message


@pytest.mark.parametrize("events", ["on", "call", "user,call"])
def test_a_listener_that_sees_calls_needs_no_filter(events):
    talk = Dialogue(events=events)
    talk.become_ready()
    pending = talk.send(call())
    request = talk.expect("Originate")
    talk.answer(request)
    assert [
        event.name for event in originate_response(talk, request, "Response: Success", "Reason: 4")
    ] == ["OriginateResponse"]
    talk.wait(DIAL_END_SECONDS)
    assert pending.result(0).outcome.answered


@pytest.mark.parametrize("events", ["on", "call,system", "call"])
def test_originate_that_expires_before_a_listener_is_ready_is_not_sent(events):
    talk = Dialogue(events=events)
    pending = talk.send(Originate(channel="Local/1@x", wait=True), timeout=5)
    request = talk.log_in()
    talk.wait(5)
    assert (pending.exception(0).sent, type(pending.exception(0))) == (False, ActionTimeout)
    talk.boot()
    talk.answer(request)
    assert "Originate" not in [request["Action"] for request in talk.requests()]


@pytest.mark.parametrize("events", ["off", "user,system"])
def test_a_listener_that_sees_no_calls_is_told_so(events):
    talk = Dialogue(events=events)
    talk.become_ready()
    error = talk.send(call()).exception(0)
    assert isinstance(error, ConfigurationError)
    assert (
        f"this listener's events are '{events}'; add 'call' to them. It was not sent."
        in error.message
    )
    assert talk.requests() == []
    talk.send(Originate(channel="Local/1@default"))
    talk.expect("Originate")


def test_a_refused_login_refuses_it_too(talk):
    talk.hang_up(AuthenticationFailed("Authentication failed.", server="node_1"))
    assert isinstance(talk.send(call()).exception(0), AuthenticationFailed)
