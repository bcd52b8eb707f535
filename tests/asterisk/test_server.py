"""Is the server what the other tests in this folder take it for? Asked over a plain socket, without
django_ami.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from tests.asterisk.wire import Wire, originate, value, wire

if TYPE_CHECKING:
    from tests.asterisk.conftest import Asterisk

# --- doors ---


def test_a_plain_login_is_told_that_the_server_is_fully_booted(asterisk: Asterisk) -> None:
    with wire(asterisk) as it:
        assert re.fullmatch(r"Asterisk Call Manager/\d+\.\d+\.\d+", it.greeting)
        assert value(it.login(), "Message") == "Authentication accepted"
        assert value(it.wait(Event="FullyBooted"), "Status") == "Fully Booted"
        assert value(it.ask("Ping"), "Ping") == "Pong"
        assert value(it.ask("Logoff"), "Response") == "Goodbye"
        with pytest.raises(EOFError):
            it.read()


def test_a_login_with_a_challenge(asterisk: Asterisk) -> None:
    with wire(asterisk) as it:
        challenge = value(it.ask("Challenge", AuthType="MD5"), "Challenge") or ""
        key = hashlib.md5(f"{challenge}amp111".encode()).hexdigest()
        assert (
            value(it.ask("Login", AuthType="MD5", Username="admin", Key=key), "Response")
            == "Success"
        )


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_login_over_tls_with_a_certificate_that_proves_the_name(
    asterisk: Asterisk, name: str
) -> None:
    context = ssl.create_default_context(cafile=asterisk.cert)
    with (
        socket.create_connection((asterisk.host, asterisk.tls_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        assert value(Wire(connection).login(), "Response") == "Success"


@pytest.mark.parametrize(("name", "trusting"), [("example.invalid", True), ("localhost", False)])
def test_tls_that_does_not_verify(asterisk: Asterisk, name: str, trusting: bool) -> None:
    context = ssl.create_default_context(cafile=asterisk.cert if trusting else None)
    with (
        socket.create_connection((asterisk.host, asterisk.tls_port), timeout=10) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize(
    ("username", "secret"), [("admin", "wrong"), ("nobody", "x"), ("outsider", "outsider111")]
)
def test_a_refused_login_is_told_after_a_second_and_closed(
    asterisk: Asterisk, username: str, secret: str
) -> None:
    with wire(asterisk) as it:
        started = time.monotonic()
        refused = it.login(username, secret)
        assert (value(refused, "Response"), value(refused, "Message")) == (
            "Error",
            "Authentication failed",
        )
        assert 0.9 < time.monotonic() - started < 5
        with pytest.raises(EOFError):
            it.read()


# --- users ---

DENIED = "Permission denied"
ACTIONS: dict[str, dict[str, str]] = {
    "Ping": {},
    "CoreStatus": {},
    "Filter": {"Operation": "Add", "Filter": "Event: Hangup"},
    "Getvar": {"Variable": "GREETING"},
    "Originate": {
        "Channel": "Local/answer@outcomes",
        "Application": "Wait",
        "Data": "0",
        "Async": "true",
    },
    "Command": {"Command": "core show version"},
    "UserEvent": {"UserEvent": "Hello"},
}
MAY = {
    "admin": {"Ping", "CoreStatus", "Filter", "Getvar", "Originate", "Command", "UserEvent"},
    "readonly": {"Ping"},
    "limited": {"Ping", "CoreStatus", "Getvar"},
    "nofilter": {"Ping", "CoreStatus", "Getvar", "Originate"},
    "nosystem": {"Ping", "CoreStatus", "Filter", "Getvar", "Originate", "Command", "UserEvent"},
}


@pytest.mark.parametrize("username", MAY)
def test_actions_that_a_user_may_run(asterisk: Asterisk, username: str) -> None:
    with wire(asterisk, username, Events="off") as it:
        answers = {action: it.ask(action, **headers) for action, headers in ACTIONS.items()}
    assert {a for a, r in answers.items() if value(r, "Message") != DENIED} == MAY[username]
    assert {value(r, "Response") for a, r in answers.items() if a not in MAY[username]} <= {"Error"}


@pytest.mark.parametrize(
    ("username", "booted", "user_event", "calls"),
    [
        ("admin", True, True, True),
        ("readonly", True, True, True),
        ("nofilter", True, True, True),
        ("limited", False, False, True),
        ("nosystem", False, False, True),
    ],
)
def test_events_that_a_user_sees(
    asterisk: Asterisk, username: str, booted: bool, user_event: bool, calls: bool
) -> None:
    with wire(asterisk, username) as it, wire(asterisk, "admin", Events="off") as other:
        other.ask("UserEvent", UserEvent="Seen")
        other.write(
            "Originate", Channel="Local/800@default", Application="Wait", Data="0", Async="true"
        )
        seen = set()
        while "Hangup" not in seen:
            message = it.wait()
            seen.add(value(message, "Event"))
    assert ("FullyBooted" in seen, "UserEvent" in seen, "Newchannel" in seen) == (
        booted,
        user_event,
        calls,
    )


# --- calls ---


@pytest.mark.parametrize(
    ("channel", "timeout", "response", "reason"),
    [
        ("Local/500@default", "15000", "Success", "4"),
        ("Local/answer@outcomes", "15000", "Success", "4"),
        ("Local/801@default", "15000", "Success", "4"),
        ("PJSIP/500@loop", "15000", "Success", "4"),
        ("Local/busy@outcomes", "15000", "Failure", "5"),
        ("Local/congestion@outcomes", "15000", "Failure", "8"),
        ("Local/noanswer@outcomes", "500", "Failure", "3"),
        ("Local/fail@outcomes", "15000", "Failure", "0"),
        ("Local/nosuch@outcomes", "15000", "Failure", "0"),
        ("PJSIP/alice", "15000", "Failure", "0"),
        ("PJSIP/nosuch", "15000", "Failure", "0"),
        ("NoSuchTechnology/1", "15000", "Failure", "0"),
    ],
)
def test_how_an_originate_ends(
    asterisk: Asterisk, channel: str, timeout: str, response: str, reason: str
) -> None:
    with wire(asterisk, "admin") as it:
        ended = originate(it, channel, Timeout=timeout)
    assert (value(ended, "Response"), value(ended, "Reason")) == (response, reason), ended


@pytest.mark.parametrize(
    ("channel", "succeeds"), [("Local/answer@outcomes", True), ("Local/busy@outcomes", False)]
)
def test_a_synchronous_originate_does_not_tell_why(
    asterisk: Asterisk, channel: str, succeeds: bool
) -> None:
    with wire(asterisk, "admin", Events="off") as it:
        response = it.ask(
            "Originate", Channel=channel, Application="Wait", Data="0", Timeout="15000"
        )
    assert value(response, "Message") == (
        "Originate successfully queued" if succeeds else "Originate failed"
    )


@pytest.mark.parametrize(
    ("exten", "dialstatus"),
    [
        ("520", "ANSWER"),
        ("521", "BUSY"),
        ("522", "CONGESTION"),
        ("523", "NOANSWER"),
        ("524", "ANSWER"),
        ("525", "CHANUNAVAIL"),
    ],
)
def test_how_a_dial_ends(asterisk: Asterisk, exten: str, dialstatus: str) -> None:
    with wire(asterisk, "admin") as it:
        it.write(
            "Originate",
            Channel=f"Local/{exten}@default",
            Application="Wait",
            Data="0",
            Async="true",
        )
        assert (
            value(it.wait(Event="VarSet", Variable="DIALSTATUS", Value=dialstatus), "Value")
            == dialstatus
        )


@pytest.mark.parametrize(
    ("exten", "variable", "seconds"),
    [("500", "A=1", 1.0), ("500", "WAITSECS=0.3", 0.3), ("801", "A=1", 1.0), ("802", "A=1", 2.0)],
)
def test_how_long_a_call_lasts(
    asterisk: Asterisk, exten: str, variable: str, seconds: float
) -> None:
    with wire(asterisk, "admin") as it:
        it.write("Originate", Channel=f"Local/{exten}@default", Application="Wait", Data="9",
                 Async="true", Variable=f"__{variable}")  # fmt: skip
        started = time.monotonic()
        it.wait(Event="Hangup")
        assert seconds - 0.1 < time.monotonic() - started < seconds + 3


def test_odd_text_in_variables_and_user_events(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        it.write(
            "Originate", Channel="Local/510@default", Application="Wait", Data="5", Async="true"
        )
        # Quotes are escaped in this event, blanks at the end are kept.
        assert (
            value(it.wait(Event="VarSet", Variable="ODD"), "Value")
            == 'key: value; \\"quoted\\" ünï  '
        )
        assert value(it.wait(Event="VarSet", Variable="EMPTY"), "Value") == ""
        start = it.wait(Event="UserEvent", UserEvent="TestStart")
        assert (value(start, "Channelvar"), value(start, "Note")) == ("bar", "a: b: c")
        odd = it.wait(Event="UserEvent", UserEvent="TestOdd")
        assert (value(odd, "Unicode"), value(odd, "Empty"), value(odd, "Dup")) == (
            "Grüße 日本",
            "",
            "2",
        )
        it.wait(Event="UserEvent", UserEvent="TestBare")
        assert value(it.wait(Event="UserEvent", UserEvent="TestEnd"), "Status") == "ok"


def test_line_ends_inside_values(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        it.write(
            "Originate", Channel="Local/511@default", Application="Wait", Data="5", Async="true"
        )
        assert (
            value(it.wait(Event="VarSet", Variable="NL"), "Value")
            == r"one\r\ntwo\nthree\ttab\\backslash"
        )
        lines = it.wait(Event="UserEvent", UserEvent="TestLines")
        assert (
            "two\nthree\ttabbackslash",
            "",
        ) in lines  # not escaped: a line ends where the value has a line end
        assert value(it.wait(Event="Forged"), "Who") == "me"  # and even a message that nobody sent


@pytest.mark.parametrize("count", [1000])
def test_a_burst_of_events_is_whole(asterisk: Asterisk, count: int) -> None:
    with wire(asterisk, "admin", Events="user") as it:
        it.write(
            "Originate",
            Channel=f"Local/9{count:04}@default",
            Application="Wait",
            Data="9",
            Async="true",
        )
        numbers = [
            int(value(it.wait(Event="UserEvent", UserEvent="Burst"), "Number") or 0)
            for _ in range(count)
        ]
    assert numbers == list(range(1, count + 1))


# --- lists ---


def test_the_queues(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin", Events="off") as it:
        items = it.items("QueueStatus")
    members = {
        (value(m, "Queue"), value(m, "Name"), value(m, "Location"))
        for m in items
        if value(m, "Event") == "QueueMember"
    }
    assert members == {
        ("support", "Agent One", "Local/a1@agents/n"),
        ("support", "Agent Two", "Local/a2@agents/n"),
        ("sales", "Zoë Müller", "Local/b1@agents/n"),
        ("sales", "Never There", "Local/noanswer@agents/n"),
        *(("crowd", f"Agent C{number}", f"Local/c{number}@agents/n") for number in range(1, 9)),
    }


@pytest.mark.parametrize(("exten", "queue"), [("530", "support"), ("531", "sales")])
def test_a_call_to_a_queue_reaches_an_agent(asterisk: Asterisk, exten: str, queue: str) -> None:
    with wire(asterisk, "admin") as it:
        it.write(
            "Originate",
            Channel=f"Local/{exten}@default",
            Application="Wait",
            Data="30",
            Async="true",
        )
        assert value(it.wait(Event="QueueCallerJoin"), "Queue") == queue
        assert value(it.wait(20, Event="AgentConnect"), "Queue") == queue
        assert value(it.wait(20, Event="AgentComplete"), "Queue") == queue
        it.ask("Hangup", Channel="/^Local/.*/")


def test_parking(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        it.write(
            "Originate", Channel="Local/550@default/n", Application="Wait", Data="30", Async="true"
        )
        space = value(it.wait(Event="ParkedCall"), "ParkingSpace")
        assert space in {str(n) for n in range(701, 721)}
        assert [value(m, "ParkingSpace") for m in it.items("ParkedCalls")] == [space]
        it.ask("Hangup", Channel="/^Local/.*/")
        it.wait(Event="ParkedCallGiveUp")


def test_a_conference(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        assert value(it.ask("ConfbridgeList", Conference="100"), "Response") == "Error"
        for exten in ("540", "541"):
            it.write(
                "Originate",
                Channel=f"Local/{exten}@default/n",
                Application="Wait",
                Data="30",
                Async="true",
            )
            it.wait(Event="ConfbridgeJoin")
        members = it.items("ConfbridgeList", Conference="100")
        assert sorted(value(m, "Admin") or "" for m in members) == ["No", "Yes"]
        it.ask("Hangup", Channel="/^Local/.*/")
        assert value(it.wait(Event="ConfbridgeEnd"), "Conference") == "100"


def test_hints_and_endpoints(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin", Events="off") as it:
        assert (
            value(it.ask("ExtensionState", Exten="6001", Context="default"), "Hint")
            == "PJSIP/alice"
        )
        assert (
            value(it.ask("ExtensionState", Exten="6100", Context="default"), "Hint")
            == "Custom:lamp1"
        )
        endpoints = {
            value(m, "ObjectName"): value(m, "DeviceState") for m in it.items("PJSIPShowEndpoints")
        }
    assert (
        endpoints.pop("phone") is not None
    )  # in what state depends on whether a telephone has been there
    assert endpoints == {"alice": "Unavailable", "loop": "Not in use"}


# --- coming and going ---


def ending(it: Wire) -> list[str | None]:
    """The names of the events up to the end of the connection."""
    names = []
    while True:
        try:
            names.append(value(it.wait(), "Event"))
        except (EOFError, ConnectionResetError):
            return names


def test_the_console(asterisk: Asterisk) -> None:
    assert asterisk.cli("core", "show", "version").startswith("Asterisk ")


def test_stop_says_goodbye_and_start_brings_it_back(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        asterisk.stop()
        assert "Shutdown" in ending(it)
    assert not asterisk.answers()
    started = time.monotonic()
    asterisk.start()
    assert time.monotonic() - started < 10
    assert asterisk.answers()


def test_kill_says_nothing(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        it.wait(Event="FullyBooted")
        asterisk.kill()
        assert "Shutdown" not in ending(it)
    assert not asterisk.answers()


def test_restart_ends_connections_and_keeps_the_database(asterisk: Asterisk) -> None:
    with wire(asterisk, "admin") as it:
        it.ask("DBPut", Family="tests", Key="kept", Val="yes")
        asterisk.restart()
        assert "Shutdown" in ending(it)
    with wire(asterisk, "admin") as it:
        assert int(value(it.wait(Event="FullyBooted"), "Uptime") or 99) < 10
        it.write("DBGet", ActionID="get", Family="tests", Key="kept")
        assert value(it.wait(Event="DBGetResponse"), "Val") == "yes"
