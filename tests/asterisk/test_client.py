"""The core client, and ``ami``, against a real Asterisk.

Logins, answers, lists, storage, and refusals.

Calls are in ``test_calls.py``.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from django_ami import ami
from django_ami.core.actions import (
    Action,
    Command,
    ConfbridgeList,
    CoreSettings,
    CoreShowChannels,
    CoreStatus,
    DBDel,
    DBGet,
    DBPut,
    ExtensionState,
    GetVar,
    Hangup,
    ListCommands,
    Originate,
    Ping,
    PJSIPShowEndpoint,
    PJSIPShowEndpoints,
    QueueAdd,
    QueuePause,
    QueueRemove,
    QueueStatus,
    QueueSummary,
    SetVar,
    Status,
    UserEvent,
)
from django_ami.core.config import TLSConfig
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AuthenticationFailed,
    ConfigurationError,
    ConnectionFailed,
    InvalidAction,
    WouldBlock,
)
from tests.asterisk.clients import (
    NAME,
    PATIENCE_SECONDS,
    ask,
    call,
    connected,
    make,
    never,
    refusal,
    secret_of,
    status,
    until,
)
from tests.asterisk.relay import relay
from tests.asterisk.wire import assert_same_events, recording, value, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.client import Client
    from django_ami.core.messages import Event, Response
    from tests.asterisk.conftest import Asterisk

ODD = r"""odd: \ " ' , ( ) [ ] ; $ { } ${EXTEN} $[1+1] = %20 < > & | ~ ^ ü Zoë 日本 🎉"""


# --- doors ---


@pytest.mark.parametrize("role", ["caller", "listener"])
@pytest.mark.parametrize("auth_type", ["plain", "md5"])
def test_a_login(asterisk: Asterisk, auth_type: str, role: str) -> None:
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, port=between.port, auth_type=auth_type, role=role) as client,
    ):
        assert ask(client, Ping())["Ping"] == "Pong"
        now = status(client)
        assert (now.state, now.ready, now.failures, now.last_error, now.tls) == (
            "ready",
            True,
            0,
            None,
            False,
        )
        assert now.asterisk_version == asterisk.release
        assert re.fullmatch(r"\d+\.\d+\.\d+", now.ami_version)
    assert ("Challenge" in between.actions()) == (auth_type == "md5")
    assert (b"amp111" in between.sent) == (auth_type == "plain")
    assert between.actions()[-1] == "Logoff"
    assert b"Response: Goodbye" in between.received


def test_a_caller_asks_for_no_events(asterisk: Asterisk) -> None:
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, port=between.port) as client,
    ):
        until(lambda: between.actions()[-1] == "Events", "the mask is set once it is booted")
        ask(client, Ping())
        with wire(asterisk, "admin", Events="off") as other:
            other.ask("UserEvent", UserEvent="Seen")
            other.ask("Originate", Channel="Local/500@default", Application="Wait", Data="0")
        ask(client, Ping())
        until(lambda: status(client).received == 1)  # FullyBooted
    assert b"Events: system\r\n" in between.sent
    assert b"EventMask: off\r\n" in between.sent


@pytest.mark.parametrize(
    ("username", "secret", "auth_type"),
    [
        ("admin", "wrong", "plain"),
        ("admin", "wrong", "md5"),
        ("nobody", "nothing", "md5"),
        ("outsider", secret_of("outsider"), "md5"),
    ],
)
def test_a_refused_login_is_tried_once(
    asterisk: Asterisk, username: str, secret: str, auth_type: str
) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        client = make(
            asterisk,
            username,
            secret=secret,
            port=between.port,
            auth_type=auth_type,
            reconnect_initial=0.01,
        )
        try:
            client.start()
            with pytest.raises(AuthenticationFailed, match=f"user '{username}'") as caught:
                ask(client, Ping())
            assert not caught.value.sent
            assert secret not in str(caught.value)
            started = time.monotonic()
            with pytest.raises(AuthenticationFailed):
                ask(client, Ping())
            assert time.monotonic() - started < 0.5, (
                "no second attempt is made for the second action"
            )
            assert status(client).state == "refused"
            # Twenty-five times as long as a retry would take at most.
            never(lambda: len(between.conversations) > 1, seconds=0.5)
        finally:
            client.close()
        assert between.actions().count("Login") == 1


@pytest.mark.parametrize("username", ["nosystem", "limited"])
def test_an_account_that_is_never_told_of_the_boot_is_ready_after_a_moment(
    asterisk: Asterisk, username: str
) -> None:
    started = time.monotonic()
    with connected(asterisk, username, role="listener", boot_grace=0.4) as client:
        assert 0.4 <= time.monotonic() - started < 5
        assert ask(client, Ping())["Ping"] == "Pong"
        assert status(client).received == 0


def test_an_account_that_may_ask_nothing_is_ready_all_the_same(asterisk: Asterisk) -> None:
    with connected(asterisk, "readonly", role="listener") as client:
        assert ask(client, Ping())["Ping"] == "Pong"
        assert status(client).asterisk_version == ""


def fingerprint(asterisk: Asterisk) -> str:
    digits = sha256(ssl.PEM_cert_to_DER_cert(asterisk.cert.read_text())).hexdigest().upper()
    return ":".join(digits[i : i + 2] for i in range(0, 64, 2))


@pytest.mark.parametrize("how", ["ca_file", "server_hostname", "fingerprint", "unverified"])
def test_tls(asterisk: Asterisk, how: str) -> None:
    ca_file = str(asterisk.cert)
    tls = {
        "ca_file": TLSConfig(ca_file=ca_file),
        "server_hostname": TLSConfig(ca_file=ca_file, server_hostname="localhost"),
        "fingerprint": TLSConfig(fingerprint=fingerprint(asterisk)),
        "unverified": TLSConfig(verify=False),
    }[how]
    with relay(asterisk.host, asterisk.tls_port) as between:
        with connected(asterisk, tls=tls, port=between.port, auth_type="plain") as client:
            assert status(client).tls
            for number in range(50):
                assert ask(client, UserEvent("Tls", Number=number)).ok
            assert len(ask(client, Action("ShowDialPlan")).events) > 50
        assert b"Action:" not in between.sent
        assert b"amp111" not in between.sent


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "is refused: self.signed certificate; set the TLS key CA_FILE"),
        ({"server_hostname": "example.invalid"}, "set the TLS key SERVER_HOSTNAME"),
        ({"fingerprint": "00" * 32}, "is not the pinned one"),
    ],
)
def test_tls_that_does_not_prove_the_server_tells_it_nothing(
    asterisk: Asterisk, how: dict[str, Any], why: str
) -> None:
    if "server_hostname" in how:
        how = {**how, "ca_file": str(asterisk.cert)}
    client = make(asterisk, tls=TLSConfig(**how))
    try:
        client.start()
        with pytest.raises(ConnectionFailed, match=why) as caught:
            ask(client, Ping())
        assert not isinstance(caught.value, AuthenticationFailed)
        assert not caught.value.sent
    finally:
        client.close()


def test_the_wrong_port_is_told(asterisk: Asterisk) -> None:
    for tls, port, why in (
        (TLSConfig(verify=False), asterisk.port, "does not speak TLS: is it the plain port"),
        (None, asterisk.tls_port, "no AMI greeting|before the login"),
    ):
        client = make(asterisk, tls=tls, port=port, connect_timeout=0.5)
        try:
            client.start()
            with pytest.raises(ConnectionFailed, match=why):
                ask(client, Ping())
        finally:
            client.close()


# --- answers ---


def test_many_pings_at_once_are_answered_each(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        pendings = [client.send(Ping()) for _ in range(2_000)]
        answers = [pending.result(PATIENCE_SECONDS) for pending in pendings]
        assert {answer["Ping"] for answer in answers} == {"Pong"}
        assert [answer["ActionID"] for answer in answers] == [
            pending.action_id for pending in pendings
        ]


def test_the_three_ways_to_wait(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        assert client.send(Ping()).result(timeout=PATIENCE_SECONDS).ok
        told: dict[str, tuple[object, object]] = {}
        for name in ("Ping", "NoSuchAction"):
            client.send(Action(name)).on_complete(
                lambda *what, name=name: told.update({name: what})
            )
        until(lambda: len(told) == 2)
        (no_error, pong), (error, refused) = told["Ping"], told["NoSuchAction"]
        assert no_error is None
        assert pong is not None
        assert isinstance(error, ActionFailed)
        assert error.response is refused

        async def ask_both() -> list[str]:
            with (
                asterisk.frozen(),
                pytest.raises(WouldBlock, match="await"),
            ):  # an answer that is there needs no waiting
                client.send(Ping()).result()
            both = await asyncio.gather(
                client.send(Ping()), client.server(NAME).send(GetVar("GREETING"))
            )
            return [both[0]["Ping"], both[1]["Value"]]

        assert asyncio.run(ask_both()) == ["Pong", "Hello: wörld"]


def test_the_server_itself(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        assert ask(client, CoreSettings())["AsteriskVersion"] == status(client).asterisk_version
        assert "CoreStartupDate" in ask(client, CoreStatus())
        commands = ask(client, ListCommands())
        assert {"Ping", "Originate", "QueueStatus"} <= set(commands.keys())
        assert len(commands) > 100
        assert ask(client, Action("ModuleCheck", Module="app_queue.so")).ok
        config = ask(client, Action("GetConfig", Filename="queues.conf"))
        assert "Category-000002" in config
        assert "member=Local/b1@agents/n,0,Zoë Müller" in dict(config.headers).values()
        as_json = ask(client, Action("GetConfigJSON", Filename="queues.conf"))
        assert json.loads(as_json["JSON"])["sales"]["strategy"] == "rrmemory"
        categories = ask(client, Action("ListCategories", Filename="queues.conf"))
        assert [text for key, text in categories.headers if key.startswith("Category")] == [
            "general", "support", "sales", "crowd", "tiny", "strict",
        ]  # fmt: skip
        for exten, hint, state in (("6001", "PJSIP/alice", "4"), ("nosuch", "", "-1")):
            answer = ask(client, ExtensionState(exten, "default"))
            assert (answer["Hint"], answer["Status"]) == (hint, state)


def test_commands(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        settings = ask(client, Command("core show settings")).output
        assert settings.startswith("\nPBX Core settings\n-----------------\n  Version:  ")
        assert len(settings.splitlines()) > 30
        assert "GREETING=Hello: wörld" in ask(client, Command("dialplan show globals")).output
        assert ask(client, Command("logger rotate")).output == ""
        assert ask(client, Command("queue show nosuch")).output == "No such queue: nosuch."
        assert refusal(client, Command("")) == "No command provided"
        # The whole list of what it knows: the longest single answer there is.
        assert len(ask(client, Command("core show help")).output.splitlines()) > 200


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("dialplan show nosuch", "There is no existence of 'nosuch' context"),
        ("nosuch", "No such command 'nosuch'"),
    ],
)
def test_a_command_that_fails_says_why(asterisk: Asterisk, command: str, text: str) -> None:
    with connected(asterisk) as client:
        with pytest.raises(ActionFailed) as caught:
            ask(client, Command(command))
        assert text in caught.value.response.output
        assert text in str(caught.value)


def test_denied_action_fails_and_the_connection_goes_on(asterisk: Asterisk) -> None:
    with connected(asterisk, "readonly") as client:
        for action in (
            CoreShowChannels(),
            Originate(channel="Local/500@default"),
            Command("core show version"),
        ):
            assert refusal(client, action) == "Permission denied"
        assert ask(client, Ping())["Ping"] == "Pong"
    with connected(asterisk) as client:
        assert refusal(client, Action("NoSuchAction")).startswith(
            "Invalid/unknown command: NoSuchAction"
        )
        assert ask(client, Ping())["Ping"] == "Pong"


def test_an_answer_that_comes_too_late_is_nobody_elses(asterisk: Asterisk) -> None:
    client = make(asterisk)
    try:
        client.start()
        slow = client.send(Originate(channel="Local/noanswer@outcomes", application="Wait",
                                     data="0",
                                     run_async=False, timeout_ms=700), timeout=0.2)  # fmt: skip
        behind = client.send(GetVar("GREETING"))
        with pytest.raises(ActionTimeout) as caught:
            slow.result(PATIENCE_SECONDS)
        assert caught.value.sent
        assert behind.result(PATIENCE_SECONDS)["Value"] == "Hello: wörld"
        assert (status(client).late_answers, status(client).pending_actions) == (1, 0)
    finally:
        client.close()


# --- lists ---


@pytest.fixture
def live(asterisk: Asterisk) -> Iterator[set[str]]:
    """Seven calls that stay as they are, one of them in a queue without agents.

    Gives the channels ``;1``.
    """
    with connected(asterisk) as client:
        agents = [f"Local/{name}@agents/n" for name in ("a1", "a2")]
        for agent in agents:
            ask(client, QueuePause(agent, queue="support", reason="tests"))
        try:
            channels = {
                call(client, f"{exten}@default")
                for exten in ("540", "541", "550", "530", "840", "841", "520")
            }
            # Each is where it is going: 7 calls of two channels, and the one that 520 dials.
            until(lambda: len(ask(client, CoreShowChannels()).events) == 16)
            until(lambda: len(ask(client, Action("ParkedCalls")).events) == 1)
            until(lambda: len(ask(client, QueueStatus("support")).events) == 4)
            until(lambda: len(ask(client, Action("BridgeList")).events) == 3)
            until(lambda: conference_size(client) == 2)
            yield channels
        finally:
            ask(client, Hangup("/^Local/"))
            for agent in agents:
                ask(client, QueuePause(agent, paused=False, queue="support"))


def conference_size(client: Client) -> int:
    try:
        return len(ask(client, ConfbridgeList("100")).events)
    except ActionFailed:
        return 0  # not begun


def every_list() -> list[tuple[Action, dict[str, int]]]:
    """Every action that answers with a list, and how many items of which name it has while those
    calls live.
    """
    return [
        (CoreShowChannels(), {"CoreShowChannel": 16}),
        (Status(), {"Status": 16}),
        (Status(variables=["CHANNEL(state)", "WAITSECS"]), {"Status": 16}),
        (QueueStatus(), {"QueueParams": 5, "QueueMember": 12, "QueueEntry": 1}),
        (QueueStatus("support"), {"QueueParams": 1, "QueueMember": 2, "QueueEntry": 1}),
        (QueueStatus("nosuch"), {}),
        (QueueStatus("sales", member="Local/b1@agents/n"), {"QueueParams": 1, "QueueMember": 1}),
        (QueueSummary(), {"QueueSummary": 5}),
        (QueueSummary("sales"), {"QueueSummary": 1}),
        (PJSIPShowEndpoints(), {"EndpointList": 3}),
        (
            PJSIPShowEndpoint("loop"),
            {
                "EndpointDetail": 1,
                "AorDetail": 1,
                "TransportDetail": 1,
                "IdentifyDetail": 1,
                "ContactStatusDetail": 1,
            },
        ),
        (
            PJSIPShowEndpoint("alice"),
            {"EndpointDetail": 1, "AorDetail": 1, "TransportDetail": 1, "AuthDetail": 1},
        ),
        (Action("PJSIPShowAors"), {"AorList": 2}),
        (Action("PJSIPShowAuths"), {"AuthList": 1}),
        (Action("PJSIPShowMaintenance"), {}),
        (Action("PJSIPShowRegistrationInboundContactStatuses"), {}),
        (Action("PJSIPShowRegistrationsInbound"), {"InboundRegistrationDetail": 2}),
        (Action("PJSIPShowRegistrationsOutbound"), {}),
        (Action("PJSIPShowSubscriptionsInbound"), {}),
        (Action("PJSIPShowSubscriptionsOutbound"), {}),
        (Action("ParkedCalls"), {"ParkedCall": 1}),
        (Action("Parkinglots"), {"Parkinglot": 1}),
        (ConfbridgeList("100"), {"ConfbridgeList": 2}),
        (Action("ConfbridgeListRooms"), {"ConfbridgeListRooms": 1}),
        (Action("BridgeList"), {"BridgeListItem": 3}),
        (Action("BridgeTechnologyList"), {"BridgeTechnologyListItem": 4}),
        (Action("ExtensionStateList"), {"ExtensionStatus": 2}),
        (Action("PresenceStateList"), {}),
        (Action("Agents"), {}),
        (Action("FAXSessions"), {}),
        (DBGet("lists", "listed"), {"DBGetResponse": 1}),
        (Action("DBGetTree", Family="lists"), {"DBGetTreeResponse": 1}),
        (Action("DBGetTree", Family="lists/of/nobody"), {}),
        (Hangup("/nosuch/"), {}),
    ]


#: Lists without a fixed number of items.
GROWING: list[tuple[Action, str, int]] = [
    (Action("DeviceStateList"), "DeviceStateChange", 5),
    (Action("ShowDialPlan"), "ListDialplan", 50),
]


def count_names(events: tuple[Event, ...]) -> dict[str, int]:
    names = [event.name for event in events]
    return {name: names.count(name) for name in names}


def check_list(asterisk: Asterisk, action: Action, answer: Response) -> None:
    end = answer.final_event
    assert end is not None, action
    assert end["EventList"] == "Complete", action
    # 16 says 1 for every DBGetTree.
    if not (asterisk.version == "16" and action.name == "DBGetTree"):
        assert int(end["ListItems"]) == len(answer.events), action
    assert {event["ActionID"] for event in answer.events} <= {answer["ActionID"]}, action


@pytest.mark.parametrize("role", ["caller", "listener"])
def test_every_list_is_whole(asterisk: Asterisk, live: set[str], role: str) -> None:
    heard: list[str] = []
    with connected(asterisk, role=role) as client:
        client.subscribe(None, lambda event: heard.append(event.name))
        ask(client, DBPut("lists", "listed", "yes"))
        known = {name.lower() for name in ask(client, ListCommands())}
        asked = [(action, items) for action, items in every_list() if action.name.lower() in known]
        assert len(asked) > 30
        # All at once: each answer must still find its own action.
        pendings = [client.send(action) for action, _ in asked]
        for (action, items), pending in zip(asked, pendings, strict=True):
            answer = pending.result(PATIENCE_SECONDS)
            assert count_names(answer.events) == items, action
            check_list(asterisk, action, answer)
        for action, name, least in GROWING:
            answer = ask(client, action)
            assert set(count_names(answer.events)) == {name}
            assert len(answer.events) >= least
            check_list(asterisk, action, answer)
        lines = ask(client, Command("core show channels concise")).output.splitlines()
        console = {line.partition("!")[0] for line in lines}
        shown = {event["Channel"] for event in ask(client, CoreShowChannels()).events}
        # The conference's announcer is shown on the console alone.
        assert shown == {channel for channel in console if not channel.startswith("CBAnn/")}
        assert live <= shown
        ask(client, UserEvent("Last"))
        if role == "listener":
            until(lambda: heard[-1:] == ["UserEvent"])
    items = {name for _, items in every_list() for name in items}
    assert not items & set(heard), "what belongs to a list is told to nobody else"


def test_the_map_of_a_channel(asterisk: Asterisk, live: set[str]) -> None:
    if asterisk.version == "16":
        pytest.skip("16 has no CoreShowChannelMap")
    with connected(asterisk) as client:
        dialling = next(channel for channel in live if "/520@" in channel)
        mapped = ask(client, Action("CoreShowChannelMap", Channel=dialling[:-1] + "2"))
        check_list(asterisk, Action("CoreShowChannelMap"), mapped)
        assert {event["ConnectedChannel"].partition("-")[0] for event in mapped.events} == {
            "Local/500@default"
        }
        assert (
            refusal(client, Action("CoreShowChannelMap", Channel="nosuch"))
            == "Could not get channel snapshot"
        )


def test_a_conference_that_is_not_there_is_an_error(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        for action in (ConfbridgeList("100"), Action("ConfbridgeListRooms")):
            assert refusal(client, action) == "No active conferences."
        assert refusal(client, Action("PJSIPShowContacts")) == "No Contacts found"
        assert refusal(client, Action("PJSIPShowResourceLists")) == "No resource lists found"
        assert "nosuch" in refusal(client, PJSIPShowEndpoint("nosuch"))
        assert refusal(client, Status("nosuch")) == "No such channel"


def test_lists_without_calls_are_empty(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        for action in (CoreShowChannels(), Status(), Action("ParkedCalls")):
            answer = ask(client, action)
            check_list(asterisk, action, answer)
            assert answer.events == ()


# --- variables and the database ---


@pytest.mark.parametrize(
    "text", [ODD, "a\\", '"', "tab\there", "ends with blanks  ", "\\\\n", "x" * 900, "日本" * 150]
)
def test_a_variable_comes_back_as_it_was(asterisk: Asterisk, text: str) -> None:
    with connected(asterisk) as client:
        channel = call(client, "840@default")
        for where in (None, channel):
            assert ask(client, SetVar("DJANGO_AMI", text, channel=where)).ok
            assert ask(client, GetVar("DJANGO_AMI", channel=where))["Value"] == text
        ask(client, Hangup(channel))


def test_variables_that_are_not_there(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        assert ask(client, GetVar("NOBODY_SET_THIS"))["Value"] == ""
        assert refusal(client, GetVar("X", channel="nosuch")) == "No such channel"
        assert refusal(client, SetVar("X", "1", channel="nosuch")) == "No such channel"


@pytest.mark.parametrize("letter", ["x", "ü", "日"])
def test_a_long_value_works_up_to_the_limit_and_is_refused_beyond(
    asterisk: Asterisk, letter: str
) -> None:
    # A line has 1,022 bytes at most, "Value: " included.
    width = len(letter.encode())
    longest = letter * (1015 // width) + "." * (1015 % width)
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, port=between.port) as client,
    ):
        assert ask(client, SetVar("LONG", longest)).ok
        assert ask(client, GetVar("LONG"))["Value"] == longest
        before = between.sent.count(b"Action: ")
        for too_long in (longest + ".", longest + "x" * 5_000):
            with pytest.raises(InvalidAction, match="1022"):
                client.send(SetVar("LONG", too_long))
        assert ask(client, GetVar("LONG"))["Value"] == longest
        assert between.sent.count(b"Action: ") == before + 1, (
            "what is refused never reaches the wire"
        )


@pytest.mark.parametrize("text", ["a\r\nAction: Command", "a\n", "a\r", "a\0b"])
def test_value_that_breaks_out_of_its_header_never_reaches_the_wire(
    asterisk: Asterisk, text: str
) -> None:
    with (
        relay(asterisk.host, asterisk.port) as between,
        connected(asterisk, port=between.port) as client,
    ):
        with pytest.raises(InvalidAction):
            client.send(SetVar("X", text))
        assert ask(client, Ping()).ok
    assert b"Setvar" not in between.sent


def test_the_database(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        assert refusal(client, DBGet("tests", "absent")) == "Database entry not found"
        for text in (ODD, "plain", "ends with a blank "):
            assert ask(client, DBPut("tests", "key", text)).ok
            (found,) = ask(client, DBGet("tests", "key")).events
            assert (found["Family"], found["Key"], found["Val"]) == ("tests", "key", text)
        assert ask(client, DBDel("tests", "key")).ok
        assert refusal(client, DBDel("tests", "key"))
        assert refusal(client, DBGet("tests", "key")) == "Database entry not found"


# --- events of one's own, and queues ---


def test_user_event_reaches_every_listener(asterisk: Asterisk) -> None:
    heard: list[Event] = []
    with (
        connected(asterisk, role="listener", events="user") as client,
        connected(asterisk) as other,
        recording(asterisk, mask="user") as recorded,
    ):
        client.subscribe("userevent", heard.append)
        # The listener's own comes back to it with its own ActionID, which makes it no answer.
        for sender in (client, other):
            answer = ask(
                sender,
                UserEvent(
                    "Odd", {"Key": ["value", "second"], "Text": ODD, "Empty": "", "None": None}
                ),
            )
            assert answer.message == "Event Sent"
        ask(other, UserEvent("Stop"))
        until(lambda: len(heard) == 3)
        assert_same_events([event.raw for event in heard[:2]], recorded.until("Stop"))
    for event in heard[:2]:
        assert (event["UserEvent"], event.get_all("Key"), event["Text"]) == (
            "Odd",
            ["value", "second"],
            ODD,
        )
        assert event["Empty"] == ""
        assert "None" not in event


def member(client: Client) -> Event | None:
    events = ask(client, QueueStatus("support", member="Local/x1@agents/n")).events
    return next((event for event in events if event.name == "QueueMember"), None)


def test_members_of_a_queue(asterisk: Asterisk) -> None:
    interface = "Local/x1@agents/n"
    add = QueueAdd("support", interface, penalty=3, paused=True, member_name='Ö "x" O\'Neill')
    with connected(asterisk) as client:
        assert member(client) is None
        assert ask(client, add).message == "Added interface to queue"
        try:
            found = member(client)
            assert found is not None
            assert (found["Name"], found["Penalty"], found["Paused"]) == (
                'Ö "x" O\'Neill',
                "3",
                "1",
            )
            assert refusal(client, add) == "Unable to add interface: Already there"
            for paused in (False, True):
                assert ask(
                    client,
                    QueuePause(interface, paused=paused, queue="support", reason="lunch: 12-13"),
                ).ok
                found = member(client)
                assert found is not None
                assert found["Paused"] == str(int(paused))
            assert found["PausedReason"] == "lunch: 12-13"
        finally:
            ask(client, QueueRemove("support", interface))
        assert member(client) is None
        assert (
            refusal(client, QueueRemove("support", interface))
            == "Unable to remove interface: Not there"
        )
        assert refusal(client, QueuePause(interface)) == "Interface not found"
        assert "No such queue" in refusal(client, QueueAdd("nosuch", interface))


# --- ami ---


def setting(asterisk: Asterisk, **more: Any) -> dict[str, Any]:
    return {
        "HOST": asterisk.host,
        "PORT": asterisk.port,
        "USERNAME": "admin",
        "SECRET": "amp111",
        **more,
    }


def test_ami_connects_on_first_use_and_logs_off(asterisk: Asterisk) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        with override_settings(AMI_SERVERS={"node_1": setting(asterisk, PORT=between.port)}):
            assert ami.status()["node_1"].state == "idle"
            assert between.conversations == []
            assert ami.send(Ping()).result(PATIENCE_SECONDS)["Ping"] == "Pong"
            assert (
                ami.server("node_1").send(GetVar("GREETING")).result(PATIENCE_SECONDS)["Value"]
                == "Hello: wörld"
            )
            assert (
                ami.default.send(CoreShowChannels()).result(PATIENCE_SECONDS).final_event
                is not None
            )
            assert ami.status()["node_1"].ready
            assert len(between.conversations) == 1
        # The setting has changed back: that client is over.
        assert between.actions()[-1] == "Logoff"
        assert b"Response: Goodbye" in between.received


def test_ami_in_a_coroutine(asterisk: Asterisk) -> None:
    async def ask_all() -> list[str]:
        answers = await asyncio.gather(*(ami.send(GetVar("GREETING")) for _ in range(20)))
        return [answer["Value"] for answer in answers]

    with override_settings(AMI_SERVERS={"node_1": setting(asterisk)}):
        assert asyncio.run(ask_all()) == ["Hello: wörld"] * 20


def test_ami_with_a_url_tls_and_options(asterisk: Asterisk) -> None:
    url = f"amis://admin:amp111@{asterisk.host}:{asterisk.tls_port}?ca_file={asterisk.cert}"
    with override_settings(AMI_SERVERS={"node_1": {"URL": url, "OPTIONS": {"auth_type": "plain"}}}):
        assert ami.send(Ping()).result(PATIENCE_SECONDS).ok
        assert ami.status()["node_1"].tls


def test_ami_with_several_servers(asterisk: Asterisk) -> None:
    servers = {
        "good": setting(asterisk),
        "refused": setting(asterisk, SECRET="wrong"),
        "limited": setting(asterisk, USERNAME="limited", SECRET=secret_of("limited")),
    }
    with override_settings(AMI_SERVERS=servers, AMI_OPTIONS={"boot_grace": 0.1}):
        with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
            ami.send(Ping())
        answers = {name: handle.send(Ping()) for name, handle in ami.servers.items()}
        assert answers["good"].result(PATIENCE_SECONDS).ok
        assert answers["limited"].result(PATIENCE_SECONDS).ok
        with pytest.raises(AuthenticationFailed):
            answers["refused"].result(PATIENCE_SECONDS)
    with override_settings(AMI_SERVERS=servers, AMI_ROUTING=("failover", ["refused", "good"])):
        ami.send(Ping()).exception(
            PATIENCE_SECONDS
        )  # the first action connects them, and knows nothing of their health
        until(lambda: ami.status()["refused"].state == "refused")
        until(lambda: ami.status()["good"].ready)
        assert ami.send(Ping()).result(PATIENCE_SECONDS).server == "good"


def test_an_action_id_that_somebody_else_takes_changes_nothing(asterisk: Asterisk) -> None:
    with (
        connected(asterisk, role="listener") as client,
        wire(asterisk, "admin", Events="off") as other,
    ):
        pending = client.send(GetVar("GREETING"))
        other.write("UserEvent", ActionID=pending.action_id, UserEvent="Taken")
        assert value(other.wait(ActionID=pending.action_id), "Response") == "Success"
        assert pending.result(PATIENCE_SECONDS)["Value"] == "Hello: wörld"
