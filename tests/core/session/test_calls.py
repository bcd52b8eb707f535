"""The outcome of a call, told by OriginateResponse, Hangup and DialEnd, in any order."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.actions import Originate
from django_ami.core.calls import DIAL_END_SECONDS, HANGUP_SECONDS, channel_id_for
from django_ami.core.errors import ActionFailed, ActionTimeout
from django_ami.core.messages import Event
from django_ami.core.outcome import CallResult, OriginateOutcome
from django_ami.core.session import Role
from tests.core.support import Dialogue
from tests.recordings import call as recorded

RESPONSE = "OriginateResponse"


@dataclass(frozen=True)
class Ended:
    """A call that was not answered, as Asterisk tells it, and its right outcome."""

    result: str
    cause: int | None
    rang: bool | None
    reason: int = 0
    channel: str = "PJSIP/bob"
    #: Cause, TechCause and ChannelState of the Hangup of the channel, and of its other half.
    hangups: tuple[tuple[int, str, int], ...] = ()
    #: DialStatus, DestChannelState and Forward.
    dial: tuple[str, int, str] | None = None
    forwarded_to: str = ""


def refused(
    result: str, cause: int, sip_code: str, status: str = "NOANSWER", state: int = 5
) -> Ended:
    return Ended(
        result, cause, state == 5, hangups=((cause, sip_code, state),), dial=(status, state, "")
    )


def local(
    result: str, cause: int, *hangups: tuple[int, int], reason: int = 0, dial: str = "NOANSWER"
) -> Ended:
    both = tuple((each, "", state) for each, state in hangups)
    rang = hangups[0][1] == 5
    return Ended(
        result,
        cause,
        rang,
        reason,
        "Local/6002@default/n",
        both,
        (dial, hangups[0][1], "") if dial else None,
    )


#: Seen on Asterisk 16.28 and 22.10 (which has the SIP codes), with telephones that answered so.
ENDED = {
    "486": refused("busy", 17, "486", "BUSY"),
    "486 without ringing": refused("busy", 17, "486", "BUSY", 0),
    "600": refused("busy", 17, "600", "BUSY"),
    "603": refused("rejected", 21, "603"),
    "403": refused("rejected", 21, "403"),
    "480": refused("unavailable", 19, "480"),
    "404": refused("not found", 1, "404"),
    "410": refused("not found", 22, "410"),
    "484": refused("not found", 28, "484"),
    "408": refused("no answer", 18, "408"),
    "488": refused("failed", 58, "488"),
    "500": refused("failed", 38, "500"),
    "503": refused("failed", 34, "503", "CONGESTION"),
    "487": refused("cancelled", 127, "487"),
    "607": refused("rejected", 127, "607"),
    "608": refused("rejected", 127, "608"),
    "415": refused("failed", 127, "415"),
    "415 on 16": refused("failed", 127, ""),
    "486 on 16": refused("busy", 17, "", "BUSY"),
    "603 on 16": refused("rejected", 21, ""),
    "rang out": Ended("no answer", 19, True, 3, hangups=((19, "480", 5),)),
    "rang out on 16": Ended("no answer", 0, True, 3, hangups=((0, "", 5),)),
    "486 as it rang out": Ended(
        "busy", 17, True, 3, hangups=((17, "486", 5),), dial=("BUSY", 5, "")
    ),
    "never rang": Ended("no answer", 19, False, 3, hangups=((19, "480", 0),)),
    "hung up by AMI": refused("cancelled", 0, ""),
    "forwarded to nowhere": Ended(
        "failed",
        23,
        True,
        hangups=((23, "302", 5),),
        dial=("CANCEL", 5, "6003"),
        forwarded_to="6003",
    ),
    "forwarded to nowhere on 16": Ended(
        "failed", 0, True, hangups=((0, "", 5),), dial=("CANCEL", 5, "6003"), forwarded_to="6003"
    ),
    "Local busy": local("busy", 17, (0, 0), (17, 7), reason=5, dial="BUSY"),
    "Local congestion": local("failed", 34, (0, 0), (34, 7), reason=8, dial="CONGESTION"),
    "Local rang out": local("no answer", 19, (19, 5), (19, 4), reason=3, dial=""),
    "Local rang out on 16": local("no answer", 0, (0, 5), (0, 4), reason=3, dial=""),
    "Local reject": local("rejected", 21, (21, 5), (21, 4)),
    "Local fail": local("failed", 38, (38, 0), (38, 4)),
    "Local to a telephone that is busy": local("busy", 17, (17, 5), (17, 4), dial="BUSY"),
    "Local hung up by AMI": local("cancelled", 0, (0, 5), (0, 4)),
    "Local hung up by AMI before it rang": local("cancelled", 0, (0, 0), (0, 4)),
    "Local without such an extension": local("not found", 0, (0, 0), (0, 4), dial=""),
    "not registered": Ended("unavailable", None, None),
    "the Hangup is hidden": Ended("failed", None, False, dial=("NOANSWER", 0, "")),
    "the Hangup of a busy one is hidden": Ended("busy", None, True, dial=("BUSY", 5, "")),
    "the Hangup of a congested one is hidden": Ended(
        "failed", None, True, dial=("CONGESTION", 5, "")
    ),
    "a Reason that is new": Ended("failed", None, None, 77),
}


class Callee:
    """The server's side of one call."""

    def __init__(
        self,
        role: Role = Role.CALLER,
        *,
        talk: Dialogue | None = None,
        accepted: bool = True,
        **how: object,
    ) -> None:
        if talk is None:
            talk = Dialogue(role)
            talk.become_ready()
        self.talk = talk
        self.pending = talk.send(Originate(**{"channel": "PJSIP/bob", "wait": True, **how}))
        while requests := talk.requests():
            for request in requests:
                refused = request["Action"] == "Originate" and not accepted
                talk.answer(request, status="Error" if refused else "Success")
        self.request = request
        assert request["Action"] == "Originate"

    def respond(self, reason: int, *, answered: bool = False) -> list[Event]:
        return self.talk.event(
            RESPONSE,
            "Privilege: call,all",
            f"ActionID: {self.request['ActionID']}",
            f"Response: {'Success' if answered else 'Failure'}",
            f"Channel: {self.request['Channel']}",
            f"Reason: {reason}",
            f"Uniqueid: {self.request['ChannelId']}",
        )

    def hang_up(
        self, cause: int, sip_code: str = "", state: int = 5, half: int = 1, text: str = "In words"
    ) -> list[Event]:
        other = self.request.get("OtherChannelId") or f"{self.request['ChannelId']};2"
        tech = [f"TechCause: {sip_code}"] if sip_code else []
        return self.talk.event(
            "Hangup",
            "Privilege: call,all",
            f"Channel: PJSIP/bob-00000001;{half}",
            f"ChannelState: {state}",
            f"Uniqueid: {self.request['ChannelId'] if half == 1 else other}",
            f"Cause: {cause}",
            *([f"Cause-txt: {text}"] if text else []),
            *tech,
        )

    def end_dial(self, status: str, state: int = 5, forward: str = "") -> list[Event]:
        lines = [
            f"DestChannelState: {state}",
            f"DestUniqueid: {self.request['ChannelId']}",
            f"DialStatus: {status}",
        ]
        return self.talk.event(
            "DialEnd", "Privilege: call,all", *lines, *([f"Forward: {forward}"] if forward else [])
        )

    def tell(self, ended: Ended, what: str) -> None:
        if what == RESPONSE:
            self.respond(ended.reason)
        elif what == "DialEnd":
            self.end_dial(*ended.dial)
        else:
            self.hang_up(*ended.hangups[int(what) - 1], half=int(what))

    @property
    def outcome(self) -> OriginateOutcome:
        outcome = self.pending.result(0).outcome
        assert outcome is not None
        return outcome


def parts(ended: Ended) -> list[str]:
    hangups = [str(number) for number, _ in enumerate(ended.hangups, 1)]
    return [RESPONSE, *(["DialEnd"] if ended.dial else []), *hangups]


@pytest.mark.parametrize("name", ENDED)
@given(data=st.data())
def test_the_outcome_does_not_depend_on_the_order(name, data):
    ended = ENDED[name]
    call = Callee(channel=ended.channel)
    for what in data.draw(st.permutations(parts(ended))):
        if call.pending.done():
            break
        call.tell(ended, what)
    if not call.pending.done():
        call.talk.wait(HANGUP_SECONDS)
    outcome = call.outcome
    assert (outcome.result, outcome.cause, outcome.rang) == (ended.result, ended.cause, ended.rang)
    assert (outcome.reason, outcome.channel) == (ended.reason, ended.channel)
    assert not outcome.answered
    assert outcome.uniqueid == call.request["ChannelId"]
    sip_code = ended.hangups[0][1] if ended.hangups else ""
    assert outcome.sip_code == (int(sip_code) if sip_code else None)
    assert outcome.cause_text == ("In words" if ended.hangups else "")


@pytest.mark.parametrize("name", ENDED)
def test_listener_gets_the_same_outcome_as_a_caller(name):
    ended = ENDED[name]
    call = Callee(Role.LISTENER, channel=ended.channel)
    for what in parts(ended):
        call.tell(ended, what)
    call.talk.wait(HANGUP_SECONDS)
    assert call.outcome.result == ended.result


WORDS = {
    "486": "busy (In words, SIP 486)",
    "603 on 16": "rejected by the far end (In words)",
    "404": "no such number (In words, SIP 404)",
    "rang out": "rang, but nobody answered",
    "never rang": "did not ring, and nobody answered",
    "hung up by AMI": "hung up before it was answered",
    "Local busy": "busy",
    "Local congestion": "congestion, or not available",
    "Local without such an extension": "never dialled: the dialplan has no such extension",
    "not registered": "no channel was seen: there is no such telephone, or it is not registered",
    "the Hangup is hidden": "failed; the Hangup of its channel, which says why, was not seen",
    "forwarded to nowhere": "failed (In words, SIP 302); it was forwarded to 6003",
    "a Reason that is new": "failed for a reason unknown here (77)",
}


@pytest.mark.parametrize(("name", "words"), WORDS.items(), ids=WORDS)
def test_outcome_describes_how_the_call_ended(name, words):
    call = Callee(channel=ENDED[name].channel)
    for what in parts(ENDED[name]):
        call.tell(ENDED[name], what)
    call.talk.wait(HANGUP_SECONDS)
    assert call.outcome.description == words
    assert call.outcome.forwarded_to == ENDED[name].forwarded_to


def test_a_cause_without_words_is_a_number():
    call = Callee()
    call.respond(0)
    call.hang_up(21, text="")
    assert (call.outcome.description, call.outcome.cause_text) == (
        "rejected by the far end (21)",
        "",
    )


# --- answered ---


def test_an_answered_call_is_told_at_once():
    call = Callee()
    call.end_dial("ANSWER")
    call.respond(4, answered=True)
    assert call.outcome == OriginateOutcome(
        CallResult.ANSWERED, 4, "answered", "PJSIP/bob", call.request["ChannelId"], rang=True
    )
    assert len(call.talk.exchange.pending) == 0


@pytest.mark.parametrize("is_late", [False, True])
def test_a_call_that_the_telephone_sent_on_says_where_it_was_answered(is_late):
    call = Callee()
    if is_late:
        call.respond(4, answered=True)
        call.end_dial("CANCEL", forward="6003")
    else:
        call.end_dial("CANCEL", forward="6003")
        call.respond(4, answered=True)
    assert (call.outcome.answered, call.outcome.forwarded_to) == (True, "6003")
    assert call.outcome.description == "answered by 6003, where it was forwarded to"


def test_the_dial_end_of_an_answered_call_is_waited_for_and_no_longer_than_for_a_moment():
    call = Callee()
    call.respond(4, answered=True)
    call.talk.wait(DIAL_END_SECONDS * 0.9)
    assert not call.pending.done()
    call.talk.wait(DIAL_END_SECONDS * 0.1)
    assert (call.outcome.result, call.outcome.forwarded_to) == ("answered", "")


# --- the wait for the Hangup ---


def test_the_hangup_is_waited_for_and_no_longer_than_for_a_moment():
    call = Callee()
    call.respond(0)
    call.end_dial("BUSY")
    assert not call.pending.done()
    call.talk.wait(HANGUP_SECONDS * 0.9)
    assert not call.pending.done()
    call.talk.wait(HANGUP_SECONDS * 0.1)
    assert (call.outcome.result, call.outcome.cause) == ("busy", None)


def test_the_session_says_that_a_deadline_is_earlier():
    call = Callee()
    call.talk.session.next_deadline()
    assert not call.talk.exchange.hastened
    call.respond(0)
    assert call.talk.exchange.hastened
    assert call.talk.session.next_deadline() == call.talk.now + HANGUP_SECONDS


def test_a_deadline_in_that_moment_is_no_error():
    call = Callee()
    call.talk.wait(call.pending.timeout - HANGUP_SECONDS / 2)
    call.respond(5)
    call.talk.wait(HANGUP_SECONDS / 2)
    assert call.outcome.result == "busy"


def test_a_connection_that_ends_in_that_moment_is_no_error():
    call = Callee()
    call.respond(5)
    call.talk.hang_up()
    assert call.outcome.result == "busy"


def test_events_of_other_channels_are_none_of_this_call():
    call = Callee()
    call.talk.event("Hangup", "Privilege: call,all", "Uniqueid: 1.2", "Cause: 21")
    call.talk.event("DialEnd", "Privilege: call,all", "DestUniqueid: 1.2", "DialStatus: BUSY")
    call.talk.event("Hangup", "Privilege: call,all", "Cause: 21")
    call.respond(0)
    call.hang_up(17)
    assert call.outcome.result == "busy"
    assert [event.name for event in call.pending.result(0).events] == ["Hangup"]


def test_of_two_calls_with_one_id_the_first_is_told():
    call = Callee(channel_id="mine")
    second = call.talk.send(Originate(channel="PJSIP/bob", wait=True, channel_id="mine"))
    call.talk.answer(call.talk.expect("Originate"))
    call.respond(0)
    call.hang_up(21)
    assert call.outcome.result == "rejected"
    call.talk.event(
        RESPONSE,
        "Privilege: call,all",
        f"ActionID: {second.action_id}",
        "Response: Failure",
        "Reason: 0",
    )
    call.talk.wait(HANGUP_SECONDS)
    assert second.result(0).outcome.result == "unavailable"


def test_an_id_is_free_again_when_its_call_was_refused():
    first = Callee(channel_id="mine", accepted=False)
    assert isinstance(first.pending.exception(0), ActionFailed)
    second = Callee(talk=first.talk, channel_id="mine")
    second.hang_up(17)
    second.respond(0)
    assert second.outcome.result == "busy"


# --- events of others ---


def say_response(call: Callee, *lines: str, answered: bool = False) -> list[Event]:
    """An OriginateResponse with the ActionID of the call."""
    how = "Success" if answered else "Failure"
    head = [
        "Privilege: call,all",
        f"ActionID: {call.request['ActionID']}",
        f"Response: {how}",
        "Reason: 0",
    ]
    return call.talk.event(RESPONSE, *head, *lines)


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    "lines",
    [
        ["Uniqueid: 1795456085.7", "Channel: PJSIP/bob"],
        ["Uniqueid: theirs", "Channel: PJSIP/bob"],
        ["Uniqueid: "],
        ["Uniqueid: <unknown>", "Channel: PJSIP/eve"],
        ["Uniqueid: <unknown>", "Channel: PJSIP/bob-00000007"],
        ["Uniqueid: <unknown>", "Channel: P"],
        ["Uniqueid: <unknown>", "Channel: "],
    ],
    ids=repr,
)
def test_an_outcome_of_another_call_is_not_believed(lines, answered):
    call = Callee(Role.LISTENER)
    given = say_response(call, *lines, answered=answered)
    assert [event.name for event in given] == [RESPONSE]  # it is an event like any other
    assert not call.pending.done()
    assert call.talk.counters.unmatched_answers == 1
    call.talk.wait(HANGUP_SECONDS)
    assert not call.pending.done()
    call.respond(0)
    call.hang_up(17)
    assert call.outcome.result == "busy"


LONG = f"PJSIP/{'9' * 120}@trunk"


@pytest.mark.parametrize(
    ("dialled", "lines"),
    [
        ("PJSIP/bob", ["Uniqueid: <unknown>", "Channel: PJSIP/bob"]),
        ("  PJSIP/bob", ["Uniqueid: <unknown>", "Channel: PJSIP/bob"]),
        ("PJSIP/bob", ["Channel: PJSIP/bob"]),
        ("PJSIP/bob", []),
        (LONG, ["Uniqueid: <unknown>", f"Channel: {LONG[:79]}"]),
    ],
    ids=repr,
)
def test_an_outcome_without_an_id_is_believed_by_what_was_dialled(dialled, lines):
    call = Callee(channel=dialled)
    say_response(call, *lines)
    call.talk.wait(HANGUP_SECONDS)
    assert call.outcome.result == "unavailable"


def test_a_server_that_takes_no_channel_id_is_believed():
    talk = Dialogue(Role.LISTENER)
    talk.become_ready("1.3")
    call = Callee(talk=talk)
    say_response(call, "Uniqueid: 1795456085.7", "Channel: SIP/bob-00000007", answered=True)
    talk.wait(DIAL_END_SECONDS)
    assert call.outcome.answered


def test_the_channel_id_does_not_tell_the_action_id():
    first, second = Callee(), Callee()
    for call in first, second:
        prefix, own = call.pending.action_id.split("-")
        assert own not in call.request["ChannelId"]
        assert re.fullmatch(prefix + r"-[0-9a-f]{16}\.0", call.request["ChannelId"])
    assert first.request["ChannelId"] != second.request["ChannelId"]


# --- ids and filters ---


def test_an_id_of_ones_own_is_kept_and_has_a_filter_that_serves_every_id():
    talk = Dialogue(Role.CALLER)
    talk.become_ready()
    first = talk.send(Originate(channel="PJSIP/bob", wait=True, channel_id="mine"))
    second = talk.send(Originate(channel="PJSIP/bob", wait=True, channel_id="mine-2"))
    third = talk.send(Originate(channel="PJSIP/bob", wait=True))
    filters = talk.requests()
    assert [request["Action"] for request in filters] == ["Filter", "Filter"]
    for request in filters:
        talk.answer(request)
    sent = [request for request in talk.requests() if request["Action"] == "Originate"]
    assert {request["ActionID"]: request["ChannelId"] for request in sent} == {
        first.action_id: "mine",
        second.action_id: "mine-2",
        third.action_id: channel_id_for(third.action_id),
    }
    talk.send(Originate(channel="PJSIP/bob", wait=True, channel_id="mine-3"))
    talk.expect("Originate")


def test_the_id_of_the_other_half_may_be_ones_own():
    call = Callee(channel="Local/6002@default", other_channel_id="other")
    assert call.request["OtherChannelId"] == "other"
    call.respond(5)
    call.hang_up(0)
    call.hang_up(17, half=2)
    assert (call.outcome.result, call.outcome.cause) == ("busy", 17)


def test_a_call_that_is_not_waited_for_has_no_id_of_ours():
    talk = Dialogue()
    talk.become_ready()
    talk.send(Originate(channel="PJSIP/bob"))
    assert "ChannelId" not in talk.expect("Originate")


def test_no_id_of_ours_is_the_beginning_of_another_one():
    talk = Dialogue()
    talk.become_ready()
    for _ in range(12):
        talk.send(Originate(channel="PJSIP/bob", wait=True))
    ids = [request["ChannelId"] for request in talk.requests()]
    assert len(ids) == 12
    assert not [
        (one, other) for one in ids for other in ids if one != other and other.startswith(one)
    ]


# --- receivers ---


@pytest.mark.parametrize("wanted", [None, frozenset({"hangup", "dialend", "originateresponse"})])
def test_receivers_get_these_events_too(wanted):
    call = Callee(Role.LISTENER)
    call.talk.exchange.set_interest(wanted)
    told = [*call.end_dial("BUSY"), *call.respond(0), *call.hang_up(17)]
    assert [event.name for event in told] == ["DialEnd", RESPONSE, "Hangup"]
    assert call.outcome.result == "busy"


def test_listener_gets_the_outcome_but_no_event_outside_its_interest():
    call = Callee(Role.LISTENER)
    call.talk.exchange.set_interest(frozenset({"newchannel"}))
    assert [*call.end_dial("BUSY"), *call.respond(0), *call.hang_up(17)] == []
    assert call.outcome.result == "busy"
    assert call.hang_up(16) == []
    assert call.talk.exchange.ignored == 1


# --- deadlines ---


def overdue(call: Callee) -> str:
    error = call.pending.exception(0)
    assert isinstance(error, ActionTimeout)
    assert error.sent
    return error.message


def test_a_deadline_that_ends_while_it_rings_says_so():
    talk = Dialogue()
    talk.become_ready()
    call = Originate(channel="PJSIP/bob", wait=True, timeout_ms=20_000, channel_id="mine")
    pending = talk.send(call, timeout=2)
    talk.answer(talk.expect("Originate"))
    talk.wait(2)
    assert pending.exception(0).message == (
        "no answer to Originate within 2 s; it was accepted, and it may still be ringing, up to "
        "20 s in all: look for the channel with the Uniqueid mine before you repeat it."
    )


def test_a_deadline_behind_the_ringing_asks_for_rights():
    call = Callee()
    call.talk.wait(call.pending.timeout)
    assert overdue(call).endswith(
        "but no OriginateResponse came: does the AMI user have read=call, "
        "or does an eventfilter of the AMI user hide it?"
    )


def test_a_call_that_has_ended_without_a_response_blames_a_filter():
    call = Callee()
    call.hang_up(17)
    call.talk.wait(call.pending.timeout)
    assert overdue(call).endswith(
        "but no OriginateResponse came though it has ended: does an eventfilter of the AMI user "
        "hide it?"
    )


# --- a plain form ---


def test_the_plain_form_is_json():
    call = Callee()
    call.respond(0)
    call.hang_up(17, "486")
    found = json.loads(json.dumps(call.outcome.as_dict()))
    assert found == {
        "result": "busy",
        "reason": 0,
        "description": "busy (In words, SIP 486)",
        "channel": "PJSIP/bob",
        "uniqueid": call.request["ChannelId"],
        "cause": 17,
        "cause_text": "In words",
        "sip_code": 486,
        "rang": True,
        "forwarded_to": "",
    }
    response = call.pending.result(0)
    assert pickle.loads(pickle.dumps(response)).outcome == response.outcome


# --- recordings of a real server ---

RECORDED = {
    "486": ("busy", 0, 17, 486, True),
    "rings-out": ("no answer", 3, 19, 480, True),
    "local-busy": ("busy", 5, 17, None, True),
    "answered": ("answered", 4, None, None, True),
}


@pytest.mark.parametrize(("name", "outcome"), RECORDED.items(), ids=RECORDED)
def test_outcome_matches_the_recorded_call_of_a_real_server(name, outcome):
    """The recorded calls had no ChannelId of ours: theirs is put in its place."""
    events = recorded(f"originate-{name}")
    (response,) = [event for event in events if event.name == RESPONSE]
    first = next(event for event in events if event.name == "Newchannel")
    dialed = "Local/6002@default" if name == "local-busy" else "PJSIP/bob"
    halves = [event["Uniqueid"] for event in events if event.name == "Newchannel"][:2]
    call = Callee(
        Role.LISTENER, channel=dialed, other_channel_id="other" if len(halves) == 2 else None
    )
    mine = call.request["ChannelId"].encode()
    told = []
    for event in events:
        raw = event.raw.replace(response["ActionID"].encode(), call.pending.action_id.encode())
        raw = raw.replace(b"id: " + first["Uniqueid"].encode() + b"\r\n", b"id: " + mine + b"\r\n")
        raw = raw.replace(b"Uniqueid: <unknown>", b"Uniqueid: " + mine)
        if len(halves) == 2:
            raw = raw.replace(b"Uniqueid: " + halves[1].encode() + b"\r\n", b"Uniqueid: other\r\n")
        told += call.talk.say(raw + b"\r\n\r\n")
    found = call.outcome
    assert (found.result, found.reason, found.cause, found.sip_code, found.rang) == outcome
    assert len(told) == len(events), "receivers get them all"
