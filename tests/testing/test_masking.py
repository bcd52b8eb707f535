"""Masked and unmasked text of a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_ami.core import Event
from django_ami.core.protocol import Parser
from django_ami.testing import events, scenarios
from django_ami.testing.masking import Mask

CAPTURES = Path(__file__).parent.parent / "data" / "captures" / "22"


@pytest.mark.parametrize(
    "event",
    [
        events.var_set(Variable="DB_PASSWORD", Value="hush"),
        events.var_set(Variable="apiKey", Value="hush"),
        events.var_set(Variable="USER_PIN", Value="hush"),
        events.event("AuthDetail", {"Password": "hush", "Md5Cred": "hush"}),
        events.event("VoicemailPasswordChange", {"NewPassword": "hush"}),
        events.user_event(UserEvent="x", Secret="hush", access_token="hush"),
        events.hangup(ChanVariable=["SECRET=hush", "x_token=hush"]),
        events.newexten(Application="Authenticate", AppData="hush"),
        events.newexten(Application="Set", AppData='SECRET="hush"'),
        events.newexten(Application="Set", AppData="CURL(https://x/?token=hush&x=1)"),
        events.event(
            "ChallengeResponseFailed",
            {"Challenge": "hush", "Response": "hush", "ExpectedResponse": "hush"},
        ),
        events.event("InvalidPassword", {"ReceivedChallenge": "hush", "ReceivedHash": "hush"}),
        events.newexten(Application="Dial", AppData="SIP/me:hush@host"),
        events.event("ContactStatus", {"URI": "sip:101:hush@host"}),
        Event("Odd", b"Event: Odd\r\nPrivilege: x\r\npassword=hush\r\nno colon, secret=hush"),
        Event("Odd", b"Event: Odd\r\nPrivilege: x\r\nsee https://me:hush@host/"),
        Event("Odd", b"Event: Odd\r\nPrivilege: x\r\nSecret:hush"),
    ],
    ids=lambda event: event.headers[2][0] + "-" + event.headers[-1][0],
)
def test_secrets(event: Event) -> None:
    masked = Mask()(event)
    assert b"hush" in event.raw
    assert b"hush" not in masked.raw
    assert b"***" in masked.raw
    assert [key for key, _ in masked.headers] == [key for key, _ in event.headers]


@pytest.mark.parametrize(
    "event",
    [
        events.originate_response(Response="Success"),
        events.event("SuccessfulAuth", {"UsingPassword": "1"}),
        events.event("SuccessfulAuth", {"UsingPassword": "0"}),
        events.user_event(UserEvent="x", Secretary="Alice"),
        events.var_set(Variable="SHIPPING", Value="yes"),
        events.newexten(Application="Dial", AppData="PJSIP/102,20"),
        events.hangup(CallerIDNum="+49301234567"),
        events.var_set(Variable="DB_PASSWORD", Value=""),
        Event("Odd", b"Event: Odd\r\nno colon\r\nBytes: \xff\xfe\r\n:\r\n"),
    ],
    ids=lambda event: event.name,
)
def test_text_without_a_secret_stays(event: Event) -> None:
    assert Mask()(event).raw == event.raw


def test_numbers_are_others_and_the_same_everywhere() -> None:
    call = scenarios.queue_call(caller="+49301234567")
    mask = Mask(numbers=True)
    masked = [mask(event) for event in call.events]
    text = b"\r\n".join(event.raw for event in masked)
    assert b"49301234567" not in text
    numbers = {event["CallerIDNum"] for event in masked if event.name == "QueueCallerJoin"}
    (number,) = numbers
    assert (number[0], len(number), number[1:].isdecimal()) == ("+", len("+49301234567"), True)
    assert masked[0]["Channel"] == f"PJSIP/{number}-00000000"
    assert {event["Uniqueid"] for event in masked if "Uniqueid" in event} == {
        event["Uniqueid"] for event in call.events if "Uniqueid" in event
    }
    assert Mask(numbers=True)(call.events[0])["CallerIDNum"] != number, (
        "of another key in the next recording"
    )


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (events.newexten(AppData="PJSIP/+49301234567@trunk,20"), b"301234567"),
        (events.newexten(AppData="Local/0301234567@default/n"), b"0301234567"),
        (events.cdr(CallerID='"Alice" <49301234567>'), b"49301234567"),
        (events.dtmf_end(Digit="7"), b"Digit: 7"),
        (events.hangup({"ChanVariable(PJSIP/+49301234567-00000001)": "A=1"}), b"301234567"),
    ],
)
def test_numbers_wherever_they_are(event: Event, told: bytes) -> None:
    assert told in event.raw
    assert told not in Mask(numbers=True)(event).raw
    assert told in Mask()(event).raw


def test_digits_that_are_no_telephone_number_stay() -> None:
    made = [
        events.bridge_create(),
        events.queue_member_added(),
        events.hangup(
            Timestamp="1795459569.691234",
            Channel="PJSIP/101-12345678",
            Uniqueid="node-1795459569.12345",
        ),
        events.event(
            "SuccessfulAuth",
            {"SessionID": "0x7f7230023d20", "RemoteAddress": "IPV4/TCP/127.0.0.1/59020"},
        ),
        events.event("RTCPSent", {"SSRC": "0x12345678", "SentPackets": "123456"}),
        events.fully_booted(Uptime="1234567"),
        events.event("RTCPSent", {"From": "127.0.0.1:10131", "SentRTP": "220906376"}),
        events.event("AGIExecEnd", {"CommandId": "1024188380"}),
        events.event(
            "ContactStatusDetail",
            {"ID": "alice;@8b83b0b25957c6a2c63f6fb74ab58d39", "RegExpire": "1795460079"},
        ),
        events.var_set(Variable="RTPAUDIOQOSMES", Value="minrxmes=087.231481;maxrxmes=087.231481;"),
    ]
    for event in made:
        assert Mask(numbers=True)(event).raw == event.raw, event.headers


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [False, True])
def test_of_a_real_server(numbers: bool) -> None:
    mask = Mask(numbers=numbers)
    for path in CAPTURES.glob("*.txt"):
        for message in Parser().feed(path.read_bytes()):
            if isinstance(message, Event):
                masked = mask(message)
                assert [key for key, _ in masked.headers] == [key for key, _ in message.headers]
                assert b"Password: test" not in masked.raw


@pytest.mark.slow
def test_a_hostile_value_takes_no_time() -> None:
    """Linear, and not quadratic, which would take hours."""
    mask = Mask(numbers=True)
    for piece in (b"secret", b"a", b"1", b"-", b"token=", b"0x", b"1.", b'"'):
        mask(Event("Odd", b"Event: Odd\r\nText: " + piece * 200_000))
