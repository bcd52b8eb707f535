"""Calls made and handled by the client on a real Asterisk.

How they end, what they carry, what can be done to them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import (
    Action,
    Atxfer,
    BlindTransfer,
    Bridge,
    ConfbridgeList,
    CoreShowChannels,
    GetVar,
    Hangup,
    MixMonitor,
    Monitor,
    Originate,
    Park,
    Ping,
    Redirect,
    SetVar,
    Status,
    UserEvent,
)
from django_ami.core.errors import ActionFailed, ConfigurationError, InvalidAction
from django_ami.core.outcome import CallResult
from tests.asterisk.clients import (
    NAME,
    PATIENCE_SECONDS,
    ask,
    call,
    connected,
    make,
    other_half,
    refusal,
    status,
    until,
)
from tests.asterisk.relay import relay
from tests.asterisk.wire import value, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.client import Client
    from django_ami.core.messages import Event, Response
    from django_ami.core.outcome import OriginateOutcome
    from tests.asterisk.conftest import Asterisk


def to(channel: str, **more: Any) -> Originate:
    """A call to that channel, which then waits for a moment."""
    return Originate(
        channel=channel, **{"application": "Wait", "data": "0", "timeout_ms": 15_000, **more}
    )


def outcome_of(response: Response) -> OriginateOutcome:
    assert response.outcome is not None
    return response.outcome


# --- how a call ends ---

ENDS: list[tuple[str, int, CallResult, int]] = [
    ("Local/answer@outcomes", 15_000, CallResult.ANSWERED, 4),
    ("Local/500@default", 15_000, CallResult.ANSWERED, 4),
    ("PJSIP/500@loop", 15_000, CallResult.ANSWERED, 4),
    ("Local/busy@outcomes", 15_000, CallResult.BUSY, 5),
    ("Local/congestion@outcomes", 15_000, CallResult.FAILED, 8),
    ("Local/noanswer@outcomes", 400, CallResult.NO_ANSWER, 3),
    ("Local/fail@outcomes", 15_000, CallResult.FAILED, 0),
    ("Local/reject@outcomes", 15_000, CallResult.REJECTED, 0),
    ("Local/nosuch@outcomes", 15_000, CallResult.NOT_FOUND, 0),
    ("PJSIP/alice", 15_000, CallResult.UNAVAILABLE, 0),
    ("PJSIP/nosuch", 15_000, CallResult.UNAVAILABLE, 0),
    ("NoSuchTechnology/1", 15_000, CallResult.UNAVAILABLE, 0),
]


@pytest.mark.parametrize("role", ["caller", "listener"])
@pytest.mark.parametrize("mask", ["on", "call"])
def test_how_a_call_ends(asterisk: Asterisk, role: str, mask: str) -> None:
    with connected(asterisk, role=role, events=mask) as client:
        # All under way at once.
        under_way = [
            client.send(to(channel, timeout_ms=time, wait=True)) for channel, time, *_ in ENDS
        ]
        for (channel, _, result, reason), pending in zip(ENDS, under_way, strict=True):
            response = pending.result(PATIENCE_SECONDS)
            assert response.message == "Originate successfully queued"
            outcome = outcome_of(response)
            assert (outcome.result, outcome.reason) == (result, reason), channel
            assert outcome.answered == (result is CallResult.ANSWERED)
            # Of a call that failed it is what was asked for.
            assert outcome.channel == channel or outcome.answered
            assert outcome.uniqueid is not None
        if role == "caller":
            # Asterisk sent some hundred events meanwhile; this session got FullyBooted, and of each
            # call OriginateResponse, and at most two DialEnds and the Hangup of two channels. They
            # are counted a moment after the waiting thread has its answer.
            until(lambda: status(client).received > len(ENDS))
            assert status(client).received <= 1 + 5 * len(ENDS)
        else:
            until(lambda: status(client).received > 100)


def test_an_acknowledgement_does_not_wait_for_the_call(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        for channel in ("Local/noanswer@outcomes", "Local/nosuch@outcomes"):
            started = time.monotonic()
            response = ask(client, to(channel, timeout_ms=2_000))
            assert time.monotonic() - started < 1
            assert response.message == "Originate successfully queued"
            assert response.outcome is None


def test_a_synchronous_call_only_tells_whether(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        assert ask(client, to("Local/answer@outcomes", run_async=False)).outcome is None
        assert refusal(client, to("Local/busy@outcomes", run_async=False)) == "Originate failed"


def test_every_one_of_many_calls_is_told_its_own_outcome(asterisk: Asterisk) -> None:
    with connected(asterisk) as client, connected(asterisk) as other:
        ends = ["answer", "busy", "nosuch"] * 10
        calls = [
            (end, f"{number}-of-{id(sender)}", sender)
            for number, end in enumerate(ends)
            for sender in (client, other)
        ]
        under_way = [
            (end, name, sender.send(to(f"Local/{end}@outcomes", channel_id=name, wait=True)))
            for end, name, sender in calls
        ]
        for end, name, pending in under_way:
            outcome = outcome_of(pending.result(PATIENCE_SECONDS))
            assert outcome.answered == (end == "answer")
            assert outcome.uniqueid == name


@pytest.mark.parametrize("role", ["caller", "listener"])
def test_another_client_cannot_end_our_call_with_an_outcome_of_its_own(
    asterisk: Asterisk, role: str
) -> None:
    client = make(asterisk, role=role, events="call")
    try:
        client.start()
        with wire(asterisk, "admin") as stranger:
            pending = client.send(to("Local/noanswer@outcomes", timeout_ms=1_500, wait=True))
            seen = value(stranger.wait(Event="Newchannel"), "Uniqueid") or ""
            # The ActionID that the Uniqueid suggests; and the ActionID itself, in case that the
            # stranger learns it.
            for number, action_id in enumerate([seen.removesuffix(".0"), pending.action_id]):
                theirs = f"theirs-{id(client)}-{number}"
                stranger.write("Originate", ActionID=action_id, Channel="Local/answer@outcomes",
                               Application="Wait",
                               Data="0", Async="true", ChannelId=theirs)  # fmt: skip
                told = stranger.wait(Event="OriginateResponse", ActionID=action_id)
                assert (value(told, "Response"), value(told, "Uniqueid")) == ("Success", theirs)
            assert outcome_of(pending.result(PATIENCE_SECONDS)).result == CallResult.NO_ANSWER
            assert status(client).unmatched_answers == 1
    finally:
        client.close()


def test_a_listener_that_could_not_be_told_does_not_call(asterisk: Asterisk) -> None:
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, port=between.port, role="listener", events="user") as client,
    ):
        with pytest.raises(ConfigurationError, match="add 'call'") as caught:
            ask(client, to("Local/answer@outcomes", wait=True))
        assert not caught.value.sent
        assert ask(client, Ping()).ok
    assert "Originate" not in between.actions()


def test_a_caller_that_may_not_filter_does_not_call(asterisk: Asterisk) -> None:
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, "nofilter", port=between.port) as client,
    ):
        both = [client.send(to("Local/answer@outcomes", wait=True)) for _ in range(2)]
        for pending in both:
            with pytest.raises(
                ConfigurationError, match="write=system, or send with wait=False"
            ) as caught:
                pending.result(PATIENCE_SECONDS)
            assert not caught.value.sent
        assert "Originate" not in between.actions()
        assert ask(client, to("Local/answer@outcomes")).message == "Originate successfully queued"
        until(lambda: status(client).received == 1)


def test_an_account_that_may_not_call(asterisk: Asterisk) -> None:
    with connected(asterisk, "limited", boot_grace=0.1) as client:
        assert refusal(client, to("Local/answer@outcomes")) == "Permission denied"
        assert ask(client, Ping()).ok


def test_the_filter_for_outcomes_is_set_once_for_each_connection(asterisk: Asterisk) -> None:
    with relay(asterisk.host, asterisk.port) as between, connected(asterisk) as other:
        with connected(asterisk, port=between.port) as first:
            assert outcome_of(ask(first, to("Local/answer@outcomes", wait=True))).answered
            assert outcome_of(ask(first, to("Local/answer@outcomes", wait=True))).answered
            assert between.actions().count("Filter") == 1
            # Other people's events stay away.
            ask(other, UserEvent("Other"))
            assert outcome_of(ask(other, to("Local/answer@outcomes", wait=True))).answered
            ask(first, Ping())
            # FullyBooted, and of each call of its own OriginateResponse, DialEnd and at most two
            # Hangups.
            until(lambda: 3 <= status(first).received <= 9)
        with connected(asterisk, port=between.port) as second:
            assert outcome_of(ask(second, to("Local/answer@outcomes", wait=True))).answered
        assert between.actions().count("Filter") == 2


# --- the variables of a call ---

VALUES: dict[str, str] = {
    **{
        f"CHAR{number}": f"a{letter}b"
        for number, letter in enumerate("\\\",()[];${}= ü日'|&<>%~^:#!?*@`")
    },
    **{f"TWICE{number}": letter * 2 for number, letter in enumerate("\\\",()[];${}=")},
    "ALL": "\\ \" , ( ) [ ] ; $ { } = space ü 日本",
    "TIGHT": "\\\",()[];${}=ü日本",
    "LAST_BACKSLASH": "c:\\dir\\",
    "OPEN": "((([[[",
    "CLOSE": ")))]]]",
    "QUOTED": '"quoted, text"',
    "EXPRESSION": "${EXTEN} $[1 + 1] ${SHELL(id)}",
    "EQUALS": "A=1,B=2",
    "EMPTY": "",
    "BLANK_AT_END": "x ",
    "JSON": '{"name": "Zoë \\"Z\\" O\'Neill", "list": [1, 2], "path": "c:\\\\x"}',
    "LONG": "x" * 900,
    "LONG_UNICODE": "日" * 300,
}  # fmt: skip


def test_variables_arrive_as_they_were(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        channel = call(client, "840@default", variables=VALUES)
        pendings = {name: client.send(GetVar(name, channel=channel)) for name in VALUES}
        assert {
            name: pending.result(PATIENCE_SECONDS)["Value"] for name, pending in pendings.items()
        } == VALUES
        # Not only where the action set them: a channel that inherits one has it unchanged.
        inherited = call(
            client, "841@default", variables={f"__{name}": VALUES[name] for name in ("ALL", "JSON")}
        )
        for name in ("ALL", "JSON"):
            assert ask(client, GetVar(name, channel=other_half(inherited)))["Value"] == VALUES[name]


def test_a_variable_up_to_the_limit_of_a_line(asterisk: Asterisk) -> None:
    # "Variable: X=" has twelve bytes; a comma takes two.
    with connected(asterisk) as client:
        for longest in ("x" * 1010, "," * 505, "ü" * 505):
            channel = call(client, "840@default", variables={"X": longest})
            assert ask(client, GetVar("X", channel=channel))["Value"] == longest
            with pytest.raises(InvalidAction, match="1022"):
                client.send(to("Local/answer@outcomes", variables={"X": longest + "."}))


def test_the_other_things_that_a_call_carries(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        channel = call(
            client,
            "840@default",
            caller_id='"Zoë Müller" <6001>',
            account="acc-1",
            channel_id="my-id",
            other_channel_id="my-other-id",
            variables={"CHANNEL(language)": "de", "CALLERID(ani)": "4711"},
        )
        values = {
            name: ask(client, GetVar(name, channel=channel))["Value"]
            for name in (
                "CALLERID(name)",
                "CALLERID(num)",
                "CHANNEL(language)",
                "CHANNEL(accountcode)",
                "UNIQUEID",
            )
        }
        assert values == {
            "CALLERID(name)": "Zoë Müller",
            "CALLERID(num)": "6001",
            "CHANNEL(language)": "de",
            "CHANNEL(accountcode)": "acc-1",
            "UNIQUEID": "my-id",
        }
        assert (
            ask(client, GetVar("UNIQUEID", channel=other_half(channel)))["Value"] == "my-other-id"
        )
        (found,) = ask(client, Status("my-id", variables=["CHANNEL(language)"])).events
        assert found["Channel"] == channel
        assert found.get_all("Variable") == ["CHANNEL(language)=de"]


def test_a_call_into_the_dialplan(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        pending = client.send(
            Originate(
                channel="Local/840@default/n", context="default", exten=841, priority=1, wait=True
            )
        )
        channel = outcome_of(pending.result(PATIENCE_SECONDS)).channel
        until(lambda: place(client, channel) == ("default", "841", "Wait"))


# --- actions on a call ---


@pytest.fixture
def client(asterisk: Asterisk) -> Iterator[Client]:
    with connected(asterisk) as it:
        yield it
        ask(it, Hangup("/^Local/"))


def channels(client: Client) -> dict[str, Event]:
    return {event["Channel"]: event for event in ask(client, CoreShowChannels()).events}


def place(client: Client, channel: str) -> tuple[str, str, str] | None:
    event = channels(client).get(channel)
    return (event["Context"], event["Exten"], event["Application"]) if event else None


def bridge_of(client: Client, channel: str) -> str:
    event = channels(client).get(channel)
    return event.get("BridgeId", "") if event else ""


def test_hangup_by_name_and_by_unique_id(asterisk: Asterisk, client: Client) -> None:
    heard: list[Event] = []
    with connected(asterisk, role="listener", events="call") as listener:
        listener.subscribe("Hangup", heard.append)
        by_name = call(client, "840@default")
        by_id = call(client, "841@default", channel_id="hang-me-up")
        assert ask(client, Hangup(by_name, cause=21)).message == "Channel Hungup"
        assert ask(client, Hangup("hang-me-up")).message == "Channel Hungup"
        until(lambda: len(heard) == 4)
    causes = {event["Channel"]: event["Cause"] for event in heard}
    assert set(causes) == {by_name, other_half(by_name), by_id, other_half(by_id)}
    assert causes[by_name] == "21"
    assert channels(client) == {}


def test_hangup_by_regular_expression(client: Client) -> None:
    first, second, other = (call(client, f"{exten}@default") for exten in ("840", "840", "841"))
    answer = ask(client, Hangup("/^Local\\/840@/"))
    # One after the other, so that a call's other half may be gone before it is come to.
    told = {event["Channel"] for event in answer.events}
    assert told <= {first, other_half(first), second, other_half(second)}
    assert {channel[:-1] + "1" for channel in told} == {first, second}
    assert {event.name for event in answer.events} == {"ChannelHungup"}
    until(lambda: set(channels(client)) == {other, other_half(other)})
    assert ask(client, Hangup("/nosuch/")).events == ()
    assert refusal(client, Hangup("/[/")).startswith("Regex compile failed")
    assert refusal(client, Hangup("nosuch")) == "No such channel"


def test_redirect(client: Client) -> None:
    one, two = call(client, "840@default"), call(client, "841@default")
    assert ask(client, Redirect(one, context="default", exten=830)).message == "Redirect successful"
    until(lambda: place(client, one) == ("default", "830", "Wait"))
    both = Redirect(one, context="default", exten=831, extra_channel=two, extra_context="default",
                    extra_exten=832, extra_priority=1)  # fmt: skip
    assert ask(client, both).ok
    until(lambda: place(client, one) == ("default", "831", "Wait"))
    until(lambda: place(client, two) == ("default", "832", "Wait"))
    assert (
        refusal(client, Redirect("nosuch", context="default", exten=830))
        == "Channel does not exist: nosuch"
    )


def test_bridge_and_blind_transfer(client: Client) -> None:
    one, two = call(client, "840@default"), call(client, "841@default")
    assert refusal(client, BlindTransfer(one, context="default", exten=833)) == "Transfer invalid"
    assert ask(client, Bridge(one, two)).message == "Channels have been bridged"
    until(lambda: bridge_of(client, one) == bridge_of(client, two) != "")
    assert refusal(client, Bridge("nosuch", two)) == "Channel1 does not exist: nosuch"
    assert ask(client, BlindTransfer(one, context="default", exten=833)).ok
    until(lambda: place(client, two) == ("default", "833", "Wait"))
    until(lambda: bridge_of(client, one) == "")
    assert refusal(client, BlindTransfer("nosuch", context="default", exten=833)) == (
        "Channel specified does not exist"
    )


def test_an_attended_transfer_without_its_feature_code_is_refused(client: Client) -> None:
    dialling = other_half(call(client, "520@default"))
    until(lambda: bridge_of(client, dialling))
    refused = refusal(client, Atxfer(dialling, exten=834, context="default"))
    assert refused == "No attended transfer feature code found"
    assert refusal(client, Atxfer("nosuch", exten=834)) == "Channel specified does not exist"
    assert bridge_of(client, dialling), "the call goes on"


def test_park(client: Client) -> None:
    channel = call(client, "840@default")
    assert ask(client, Park(channel, timeout_ms=30_000)).message == "Park successful"
    until(lambda: ask(client, Action("ParkedCalls")).events)
    (parked,) = ask(client, Action("ParkedCalls")).events
    assert (parked["ParkeeChannel"], parked["ParkingTimeout"]) == (channel, "30")
    assert refusal(client, Park("nosuch")) == "Channel does not exist: nosuch"


def test_a_conference(client: Client) -> None:
    members = [call(client, f"{exten}@default") for exten in ("540", "541")]
    until(
        lambda: (
            [place(client, other_half(member)) is not None for member in members] == [True, True]
        )
    )
    until(lambda: len(conference(client)) == 2)
    muted = other_half(members[0])
    assert ask(client, Action("ConfbridgeMute", Conference="100", Channel=muted)).ok
    until(
        lambda: {event["Channel"]: event["Muted"] for event in conference(client)}[muted] == "Yes"
    )
    assert ask(client, Action("ConfbridgeKick", Conference="100", Channel=muted)).ok
    until(lambda: len(conference(client)) == 1)


def conference(client: Client) -> tuple[Event, ...]:
    try:
        return ask(client, ConfbridgeList("100")).events
    except ActionFailed:
        return ()


def test_mixmonitor(client: Client) -> None:
    channel = call(client, "840@default")
    assert ask(
        client,
        MixMonitor(channel, file="django_ami-tests.wav", options="r(django_ami-tests-in.wav)"),
    ).ok
    recorded = ask(client, GetVar("MIXMONITOR_FILENAME", channel=channel))["Value"]
    assert recorded.endswith("/django_ami-tests.wav")
    assert ask(client, Action("MixMonitorMute", Channel=channel, Direction="both", State=1)).ok
    assert ask(client, Action("StopMixMonitor", Channel=channel)).ok
    assert refusal(client, MixMonitor("nosuch", file="x.wav")) == "No such channel"


def test_monitor(asterisk: Asterisk, client: Client) -> None:
    if asterisk.version == "16":
        channel = call(client, "840@default")
        assert ask(client, Monitor(channel, file="django_ami-tests", format="wav", mix=True)).ok
        assert ask(client, Action("StopMonitor", Channel=channel)).ok
        assert refusal(client, Monitor("nosuch")) == "No such channel"
    else:
        assert refusal(client, Monitor("nosuch")).startswith("Invalid/unknown command: Monitor")


def test_a_variable_of_a_live_call_reaches_its_dialplan(asterisk: Asterisk, client: Client) -> None:
    channel = call(client, "840@default")
    assert ask(client, SetVar("WAITSECS", 40, channel=channel)).ok
    assert ask(client, GetVar("EVAL(${WAITSECS}0)", channel=channel))["Value"] == "400"
    assert client.server(NAME).ready
