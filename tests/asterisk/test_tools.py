"""The tools of the command line against a real Asterisk."""

from __future__ import annotations

import json
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from django_ami.actions import UserEvent
from django_ami.core.config import ServerConfig
from django_ami.core.options import EVENT_CLASSES
from django_ami.testing import Recording
from django_ami.tools.manager_conf import Stanza
from django_ami.tools.needs import Needs, Wanted
from django_ami.tools.usage import Usage
from tests.asterisk.clients import PATIENCE_SECONDS, call, connected, secret_of, until
from tests.management.tools import Done, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.core.client import Client
    from tests.asterisk.conftest import Asterisk


def tool(asterisk: Asterisk, name: str, *arguments: str, user: str = "admin") -> Done:
    return run(name, *arguments, servers=(url(asterisk, user),))


def url(asterisk: Asterisk, user: str = "admin") -> str:
    return f"ami://{user}:{secret_of(user)}@{asterisk.host}:{asterisk.port}"


@pytest.fixture
def client(asterisk: Asterisk) -> Iterator[Client]:
    with connected(asterisk) as one:
        yield one


# --- ami_send ---


def test_a_list(asterisk: Asterisk) -> None:
    done = tool(asterisk, "ami_send", "QueueStatus", "--fields=Queue,Name,Location,Status")
    assert (done.code, done.err) == (0, "")
    at = done.lines.index(next(line for line in done.lines if line.startswith("QueueMember (")))
    head, row, *_ = done.lines[at + 1 :]
    assert head.split() == ["Queue", "Name", "Location", "Status"]
    assert row[head.index("Location") :].startswith("Local/")


def test_outcome_of_a_call(asterisk: Asterisk) -> None:
    arguments = (
        "Originate",
        "Application=Wait",
        "Data=1",
        "Timeout=5000",
        "--wait-event=OriginateResponse",
    )
    done = tool(
        asterisk,
        "ami_send",
        *arguments,
        "Channel=Local/500@default",
        "Variable=A=1",
        "Variable=B=b=2",
    )
    assert (done.code, done.lines[-1]) == (0, "The call: answered")
    done = tool(asterisk, "ami_send", *arguments, "Channel=Local/nobody@nowhere")
    assert (done.code, done.lines[-1]) == (
        5, "The call: not found: never dialled: the dialplan has no such extension",
    )  # fmt: skip


def test_an_event_of_ones_own(asterisk: Asterisk) -> None:
    done = tool(
        asterisk,
        "ami_send",
        "UserEvent",
        "UserEvent=Tools",
        "Colour=blue",
        "--wait-event=UserEvent",
    )
    assert done.code == 0
    assert re.search(r"^Colour: +blue$", done.out, re.MULTILINE)


def test_errors_and_refusals(asterisk: Asterisk) -> None:
    assert tool(asterisk, "ami_send", "Hangup", "Channel=nobody").code == 5
    assert (
        tool(asterisk, "ami_send", "Originate", "Channel=Local/500@default", user="readonly").code
        == 5
    )
    refused = run(
        "ami_send", "Ping", servers=(f"ami://admin:wrong@{asterisk.host}:{asterisk.port}",)
    )
    assert refused.code == 3


def test_the_secrets_of_a_configuration(asterisk: Asterisk) -> None:
    done = tool(asterisk, "ami_send", "GetConfig", "Filename=manager.conf")
    assert done.code == 0
    assert "secret=***" in done.out
    assert "readonly111" not in done.out
    raw = tool(asterisk, "ami_send", "--json", "GetConfigJSON", "Filename=manager.conf")
    assert raw.code == 0
    assert "readonly111" not in raw.out


# --- ami_events ---


def test_events_as_they_come(asterisk: Asterisk, client: Client) -> None:
    arguments = ("--json", "--only=Newchannel,Hangup", "--where", "Channel~^Local/500@default")
    with start("ami_events", *arguments, servers=(url(asterisk),)) as events:
        events.wait_for_err(": ready")
        name = call(client, "500@default", seconds=1)
        # Either end has the events of its life, and the tool follows until it is told to stop.
        until(lambda: sum('"Hangup"' in line for line in events.out) == 2, str(events))
        events.signal(signal.SIGINT)
        assert events.wait() == 0, str(events)
    found = [json.loads(line) for line in events.out]
    assert sorted(one["event"] for one in found) == ["Hangup", "Hangup", "Newchannel", "Newchannel"]
    assert name in {one["headers"]["Channel"] for one in found}


# --- ami_status ---


def test_status(asterisk: Asterisk, client: Client) -> None:
    call(client, "500@default")
    done = tool(asterisk, "ami_status", "--json")
    assert (done.code, done.err) == (0, "")
    (found,) = done.json["servers"]
    assert found["asterisk_version"] == asterisk.release
    assert (found["ok"], found["reachable"], found["logged_in"]) == (True, True, True)
    assert found["uptime"] >= 0
    assert set(found["read"]) == set(found["write"]) == set(EVENT_CLASSES)
    assert abs(found["clock_skew"]) < 1
    assert found["calls"] >= 1
    assert found["channels"] >= 2
    assert 0 < found["latency"]["least"] <= found["latency"]["most"] < 10


@pytest.mark.parametrize(
    ("user", "rights"),
    [
        ("limited", "read=unknown write=reporting"),
        ("readonly", "read=unknown write=none"),
        ("nofilter", "read=unknown write=call,reporting,originate"),
        ("nosystem", "read=call write=all"),
    ],
)
def test_rights(asterisk: Asterisk, user: str, rights: str) -> None:
    done = tool(asterisk, "ami_status", user=user)
    assert done.code == 0
    assert f"  rights    {rights}" in done.lines


# --- ami_doctor ---


def steps(done: Done) -> dict[str, dict[str, str]]:
    (found,) = done.json["servers"]
    return {step["step"]: step for step in found["steps"]}


def test_the_way_there_is_well(asterisk: Asterisk) -> None:
    done = tool(asterisk, "ami_doctor", "--json")
    assert done.code == 0, done.out
    verdicts = {name: step["verdict"] for name, step in steps(done).items()}
    assert verdicts.pop("tls") == "skipped"
    assert set(verdicts.values()) == {"ok"}


def test_the_way_over_tls(asterisk: Asterisk) -> None:
    there = f"amis://admin:amp111@{asterisk.host}:{asterisk.tls_port}"
    done = run("ami_doctor", "--json", servers=(f"{there}?ca_file={asterisk.cert}",))
    assert (done.code, steps(done)["tls"]["verdict"]) == (0, "ok")
    done = run("ami_doctor", "--json", servers=(there,))
    assert (done.code, steps(done)["tls"]["verdict"], steps(done)["login"]["said"]) == (
        8,
        "failed",
        "not reached",
    )


@pytest.mark.parametrize(
    ("there", "step", "said"),
    [
        ("ami://admin:wrong@{host}:{port}", "login", "Authentication failed for user 'admin'"),
        ("ami://admin:amp111@{host}:1", "tcp", "connection refused"),
        ("ami://admin:amp111@nosuch.invalid:{port}", "dns", "cannot be resolved"),
        ("ami://admin:amp111@{host}:{tls_port}", "greeting", "no AMI greeting"),
        ("amis://admin:amp111@{host}:{port}", "tls", "does not speak TLS"),
    ],
)
def test_where_the_way_ends(asterisk: Asterisk, there: str, step: str, said: str) -> None:
    there = there.format(host=asterisk.host, port=asterisk.port, tls_port=asterisk.tls_port)
    done = run("ami_doctor", "--json", "--timeout=2", servers=(there,))
    assert done.code == 8
    found = [one for one in steps(done).values() if one["verdict"] == "failed"]
    assert [one["step"] for one in found] == [step]
    assert said in found[0]["said"]
    assert found[0]["cure"]


@pytest.mark.parametrize(
    ("user", "step"),
    [("outsider", "login"), ("readonly", "actions"), ("nosystem", "receivers")],
)
def test_an_account_that_will_not_do(
    asterisk: Asterisk, user: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_ami.management.commands import ami_doctor

    usage = Usage({"Originate": ["x.py:1"]})
    needs = Needs((Wanted("QueueCallerJoin", ("agent",), ("shop.on_join",)),), usage=usage)
    monkeypatch.setattr(ami_doctor, "gather", lambda actions: needs)
    done = tool(asterisk, "ami_doctor", "--json", user=user)
    assert done.code == 8
    assert [name for name, found in steps(done).items() if found["verdict"] == "failed"] == [step]


def test_the_stanza_is_enough_and_not_too_much(asterisk: Asterisk, client: Client) -> None:
    needs = Needs(
        (
            Wanted("Hangup", ("call",), ("shop.on_hangup",)),
            Wanted("Newchannel", ("call",), ("shop.on_new",)),
            Wanted("UserEvent", ("user",), ("shop.on_user",)),
        ),
        usage=Usage({"Originate": ["x.py:1"], "Getvar": ["x.py:2"]}, outcomes=True),
    )
    server = ServerConfig(name="pbx", host=asterisk.host, username="site", secret="site111")
    text = "\n".join(Stanza(server, needs).lines())
    text = re.sub(r"^; secret = .*$", "secret = site111", text, flags=re.MULTILINE)
    assert "secret = site111" in text
    with asterisk.configured("; everything\n[admin]", f"{text}\n\n[admin]"):
        shown = asterisk.cli("manager show user site")
        assert re.search(r"read perm: system,call,user *$", shown, re.MULTILINE)
        assert re.search(
            r"write perm: (?:system|system,call|system,reporting),originate *$", shown, re.MULTILINE
        )
        with start("ami_events", "--json", servers=(url(asterisk, "site"),)) as events:
            events.wait_for_err(": ready")
            arguments = (
                "Originate",
                "Channel=Local/500@default",
                "Application=Wait",
                "Data=1",
                "Timeout=5000",
            )
            done = tool(
                asterisk, "ami_send", *arguments, "--wait-event=OriginateResponse", user="site"
            )
            assert done.code == 0, done.out + done.err
            assert tool(asterisk, "ami_send", "Getvar", "Variable=X", user="site").code == 0
            assert tool(asterisk, "ami_send", "Redirect", "Channel=x", user="site").code == 5
            until(lambda: sum('"Hangup"' in line for line in events.out) == 2, str(events))
            assert tool(asterisk, "ami_send", "UserEvent", "UserEvent=Last", "Number=1").code == 0
            events.wait_for_out('"Last"')  # in quotes: FullyBooted says LastReload
            events.signal(signal.SIGTERM)
            assert events.wait() == 0, str(events)
    names = {json.loads(line)["event"] for line in events.out}
    assert names == {"FullyBooted", "Newchannel", "Hangup", "OriginateResponse", "UserEvent"}


def printed(asterisk: Asterisk) -> str:
    """The output of ``--manager-conf`` for the project of these tests, with a secret."""
    arguments = ("--manager-conf", "--actions=Originate,QueuePause")
    with start("ami_doctor", *arguments, servers=(url(asterisk, "site"),)) as doctor:
        assert doctor.wait() == 0, str(doctor)
    text = re.sub(r"^; secret = .*$", "secret = site111", "\n".join(doctor.out), flags=re.MULTILINE)
    assert "secret = site111" in text
    assert {"read = system,call,user", "write = agent,originate"} <= set(text.splitlines())
    return text


@contextmanager
def with_account(asterisk: Asterisk, text: str) -> Iterator[None]:
    with asterisk.configured("; everything\n[admin]", f"{text}\n\n[admin]"):
        yield


def hears(asterisk: Asterisk, client: Client, *expected: str) -> bool:
    """True if the project gets events of these names alone, of a user event, both ends of a call,
    and a user event.
    """
    ends: list[object] = []
    client.subscribe("Hangup", ends.append)
    with start(
        "ami_events", "--json", "--only=Hangup,UserEvent", servers=(url(asterisk, "site"),)
    ) as events:
        events.wait_for_err(": ready")
        client.send(UserEvent("First")).result(PATIENCE_SECONDS)
        call(client, "500@default", seconds=1)
        until(lambda: len(ends) == 2, "both ends hang up")
        client.send(UserEvent("Last")).result(PATIENCE_SECONDS)
        if "Hangup" in expected:  # before it came the first user event
            until(lambda: sum('"Hangup"' in line for line in events.out) == 2, str(events))
        if "UserEvent" in expected:  # before the last one came the ends of the call
            events.wait_for_out('"Last"')
        events.signal(signal.SIGTERM)
        assert events.wait() == 0, str(events)
    return {json.loads(line)["event"] for line in events.out} == set(expected)


def examined(asterisk: Asterisk) -> tuple[int, str]:
    """The doctor's output about the project with this account."""
    arguments = ("--actions=Originate,QueuePause",)
    with start("ami_doctor", *arguments, servers=(url(asterisk, "site"),)) as doctor:
        code = doctor.wait()
    return code, "\n".join(doctor.out)


def test_the_printed_account_is_enough_for_the_project(asterisk: Asterisk) -> None:
    with with_account(asterisk, printed(asterisk)), connected(asterisk, role="listener") as client:
        assert examined(asterisk)[0] == 0
        assert hears(asterisk, client, "Hangup", "UserEvent")
        arguments = ("Originate", "Channel=Local/500@default", "Application=Wait", "Data=1")
        assert tool(asterisk, "ami_send", *arguments, user="site").code == 0
        pause = ("QueuePause", "Interface=Local/a1@agents/n", "Paused=false")
        assert tool(asterisk, "ami_send", *pause, user="site").code == 0
        assert tool(asterisk, "ami_send", "Redirect", "Channel=x", user="site").code == 5


@pytest.mark.parametrize(("lost", "left"), [("call", "UserEvent"), ("user", "Hangup")])
def test_the_printed_account_has_no_class_of_events_too_many(
    asterisk: Asterisk, lost: str, left: str
) -> None:
    less = printed(asterisk).replace(f",{lost}", "", 1)
    with with_account(asterisk, less), connected(asterisk, role="listener") as client:
        assert hears(asterisk, client, left)


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("read = system,", "read = ", 0, "Add system to read="),
        ("write = agent,", "write = ", 8, "QueuePause needs write=agent"),
        ("agent,originate", "agent", 8, "Originate needs write=originate"),
    ],
)
def test_the_printed_account_has_no_other_class_too_many(
    asterisk: Asterisk, old: str, new: str, code: int, said: str
) -> None:
    text = printed(asterisk)
    assert old in text
    with with_account(asterisk, text.replace(old, new, 1)):
        found, out = examined(asterisk)
    assert found == code, out
    assert said in out


# --- ami_record, ami_replay ---


def test_a_call_that_is_recorded_is_played_again(
    asterisk: Asterisk, client: Client, tmp_path: Path
) -> None:
    file, again = tmp_path / "calls.txt", tmp_path / "again.txt"
    with start("ami_record", str(file), "--mask-numbers", servers=(url(asterisk),)) as recorder:
        recorder.wait_for_err(": ready")
        variables = {"API_SECRET": "hunter22", "COLOUR": "blue"}
        name = call(
            client, "500@default", seconds=1, caller_id='"Ann" <+49301234567>', variables=variables
        )
        until(lambda: file.read_text().count("Event: Hangup\n") == 2, str(recorder))
        recorder.signal(signal.SIGINT)
        assert recorder.wait() == 0, str(recorder)
    text = file.read_text()
    assert "hunter22" not in text
    assert "49301234567" not in text
    assert {"Variable: API_SECRET", "Value: blue", f"Channel: {name}"} <= set(text.splitlines())
    recorded = Recording.load(file)

    with start(
        "ami_replay", str(file), "--port=0", "--speed=max", servers=(url(asterisk),)
    ) as player:
        there = player.wait_for_out("Listening on ").rpartition(" ")[2]
        # The one that plays it tells, as every server, that it has booted.
        enough = f"--max-events={len(recorded.events) + 1}"
        assert run("ami_record", str(again), enough, servers=(there,)).code == 0
        assert player.wait() == 0, str(player)
    booted, *played = Recording.load(again).events
    assert booted.name == "FullyBooted"
    assert [event.headers for event in played] == [event.headers for event in recorded.events]


# --- ami_top ---


def test_top(asterisk: Asterisk, client: Client) -> None:
    name = call(client, "500@default")
    with start("ami_top", "--json", "--interval=0.3", servers=(url(asterisk),)) as top:
        until(lambda: any(name in line for line in top.out), str(top))
        top.signal(signal.SIGTERM)
        assert top.wait() == 0, str(top)
    (server,) = json.loads(next(line for line in top.out if name in line))["servers"]
    assert (server["state"], server["calls"]) == ("ready", 1)
    assert {queue["queue"] for queue in server["queues"]}
