"""The tools of the command line against a real Asterisk."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from django_ami.core.config import EVENT_CLASSES, ServerConfig
from django_ami.management.manager_conf import Stanza
from django_ami.management.needs import Needs, Wanted
from django_ami.management.usage import Usage
from tests.asterisk.clients import call, connected, secret_of, until
from tests.management.tools import Done, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_what_became_of_a_call(asterisk: Asterisk) -> None:
    arguments = ("Originate", "Application=Wait", "Data=1", "Timeout=5000", "--wait-event=OriginateResponse")
    done = tool(asterisk, "ami_send", *arguments, "Channel=Local/500@default", "Variable=A=1", "Variable=B=b=2")
    assert (done.code, done.lines[-1]) == (0, "The call: answered: answered")
    done = tool(asterisk, "ami_send", *arguments, "Channel=Local/nobody@nowhere")
    assert (done.code, done.lines[-1]) == (
        5, "The call: failed: no such channel or extension, or not registered",
    )  # fmt: skip


def test_an_event_of_ones_own(asterisk: Asterisk) -> None:
    done = tool(asterisk, "ami_send", "UserEvent", "UserEvent=Tools", "Colour=blue", "--wait-event=UserEvent")
    assert done.code == 0
    assert re.search(r"^Colour: +blue$", done.out, re.MULTILINE)


def test_errors_and_refusals(asterisk: Asterisk) -> None:
    assert tool(asterisk, "ami_send", "Hangup", "Channel=nobody").code == 5
    assert tool(asterisk, "ami_send", "Originate", "Channel=Local/500@default", user="readonly").code == 5
    refused = run("ami_send", "Ping", servers=(f"ami://admin:wrong@{asterisk.host}:{asterisk.port}",))
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
    assert found["asterisk_version"].startswith(f"{asterisk.version}.")
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
    assert (done.code, steps(done)["tls"]["verdict"], steps(done)["login"]["said"]) == (8, "failed", "not reached")


@pytest.mark.parametrize(
    ("user", "step"),
    [("outsider", "login"), ("readonly", "actions"), ("nosystem", "receivers")],
)
def test_an_account_that_will_not_do(asterisk: Asterisk, user: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert re.search(r"write perm: (?:system|system,call|system,reporting),originate *$", shown, re.MULTILINE)
        with start("ami_events", "--json", servers=(url(asterisk, "site"),)) as events:
            events.wait_for_err(": ready")
            arguments = ("Originate", "Channel=Local/500@default", "Application=Wait", "Data=1", "Timeout=5000")
            done = tool(asterisk, "ami_send", *arguments, "--wait-event=OriginateResponse", user="site")
            assert done.code == 0, done.out + done.err
            assert tool(asterisk, "ami_send", "Getvar", "Variable=X", user="site").code == 0
            assert tool(asterisk, "ami_send", "Redirect", "Channel=x", user="site").code == 5
            until(lambda: sum('"Hangup"' in line for line in events.out) == 2, str(events))
            assert tool(asterisk, "ami_send", "UserEvent", "UserEvent=Last", "Number=1").code == 0
            events.wait_for_out("Last")
            events.signal(signal.SIGTERM)
            assert events.wait() == 0, str(events)
    names = {json.loads(line)["event"] for line in events.out}
    assert names == {"FullyBooted", "Newchannel", "Hangup", "OriginateResponse", "UserEvent"}


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
