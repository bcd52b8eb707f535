"""Calls in memory: all of a call is over when ``originate`` returns, as a rule says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core import ServerConfig
from django_ami.core.errors import ActionFailed, ActionTimeout, ConnectionFailed, ConnectionLost
from django_ami.core.progress import OriginateState
from django_ami.testing import locmem

if TYPE_CHECKING:
    from collections.abc import Iterator

TO: dict[str, Any] = {"to": "PJSIP/101", "context": "default", "exten": "102"}


@pytest.fixture
def outbox() -> Iterator[locmem.Outbox]:
    with locmem.outbox.set_aside():
        yield locmem.outbox


@pytest.fixture
def client() -> locmem.Client:
    return locmem.Client([ServerConfig(name="node_1", host="x", username="u", secret="s")])


def test_both_answer_unless_a_rule_says_otherwise(outbox, client):
    call = client.originate(**TO)
    assert call.wait().answered
    assert call.answered().result()
    assert call.state is OriginateState.ENDED
    outbox.assert_action_sent("Originate", ChannelId=call.id, count=1)
    states: list[str] = []
    call.on_change(lambda _, state: states.append(str(state)))
    assert states == ["ended"]
    call.hangup()
    outbox.assert_action_not_sent("Hangup")


@pytest.mark.parametrize(
    "result", ["busy", "rejected", "no answer", "unavailable", "not found", "cancelled", "failed"]
)
def test_either_party_may_refuse(outbox, client, result):
    outbox.on("Originate").outcome(result).once()
    first = client.originate(**TO).wait()
    outbox.on("Originate").outcome("answered", second=result).once()
    second = client.originate(**TO).wait()
    assert (first.result, first.picked_up) == (result, False)
    assert (second.result, second.picked_up) == (result, True)


def test_an_application_takes_the_call(outbox, client):
    assert client.originate(to="Local/1@x", application="Wait").wait().answered
    with pytest.raises(ValueError, match="no outcome 'late'"):
        outbox.on("Originate").outcome("answered", second="late")


@pytest.mark.parametrize(
    ("script", "result", "kind"),
    [
        ("fail", "failed", ActionFailed),
        ("drop", "unknown", ConnectionLost),
        ("hang", "unknown", ActionTimeout),
    ],
)
def test_each_error_is_an_outcome(outbox, client, script, result, kind):
    rule = outbox.on("Originate").once()
    getattr(rule, script)(*(["Permission denied"] if script == "fail" else []))
    call = client.originate(**TO)
    assert call.wait().result == result
    assert isinstance(call.error, kind)
    outbox.assert_action_sent("Originate", count=1)


def test_a_server_that_is_down_makes_no_call(outbox, client):
    outbox.down()
    call = client.originate(**TO)
    assert call.wait().result == "failed"
    assert isinstance(call.error, ConnectionFailed)
    assert not call.error.sent
    assert client.call("theirs").wait().result == "unknown"


def test_a_call_whose_outcome_nothing_tells_says_why(outbox, client):
    outbox.on("Originate").reply()
    call = client.originate(**TO)
    assert call.wait().result == "unknown"
    assert "read=call" in call.note


def test_a_channel_that_a_list_has_for_ever_keeps_nobody_waiting(outbox, client):
    outbox.on("Status").raw(
        lambda action: (
            f"Response: Success\r\nActionID: {action.action_id}\r\nEventList: start\r\n\r\n"
            f"Event: Status\r\nActionID: {action.action_id}\r\nUniqueid: theirs\r\n"
            f"ChannelState: 6\r\n\r\nEvent: StatusComplete\r\nActionID: {action.action_id}\r\n"
            "EventList: Complete\r\n\r\n"
        ).encode()
    )
    call = client.call("theirs")
    assert call.state in (OriginateState.PICKED_UP, OriginateState.ENDED)


def test_coroutines_await_it(outbox, client):
    async def make() -> tuple[bool, str]:
        call = client.originate(**TO)
        return await call.answered(), (await call).result

    assert asyncio.run(make()) == (True, "answered")
