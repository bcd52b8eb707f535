"""The account that a project needs: no class too few, and none too many."""

from __future__ import annotations

import re
from typing import Any

import pytest

from django_ami import signals
from django_ami.core.catalog import ACTIONS
from django_ami.core.config import Options, ServerConfig
from django_ami.core.errors import ConfigurationError
from django_ami.tools import needs as module
from django_ami.tools.manager_conf import Stanza
from django_ami.tools.needs import Needs, Wanted, gather
from django_ami.tools.usage import Usage
from tests.receiving import fresh_registry


def usage(*names: str, outcomes: bool = False) -> Usage:
    found = Usage(outcomes=outcomes)
    for name in names:
        found.add(name, "x.py:1")
    return found


def wanted(**classes: tuple[str, ...] | None) -> tuple[Wanted, ...]:
    return tuple(Wanted(name, one, ("shop.receivers.on",)) for name, one in classes.items())


def stanza(needs: Needs, host: str = "127.0.0.1", **options: Any) -> Stanza:
    server = ServerConfig(
        name="node_1", host=host, username="site", secret="hush-hush", options=Options(**options)
    )
    return Stanza(server, needs)


# --- read ---


@pytest.mark.parametrize(
    ("needs", "mask", "expected"),
    [
        (Needs(), "on", "system"),
        (Needs(wanted(Hangup=("call",), Cdr=("cdr",))), "on", "system,call,cdr"),
        (Needs(wanted(VoicemailPasswordChange=("system", "user"))), "on", "system,user"),
        (Needs(wanted(Hangup=("call",), Cdr=("cdr",))), "cdr,agent", "system,cdr"),
        (Needs(wanted(Hangup=("call",))), "off", "system"),
        (Needs(wanted(Own=None)), "on", "system"),
        (Needs(usage=usage("Originate", outcomes=True)), "on", "system,call"),
        (Needs(every_event=True), "call,user", "system,call,user"),
    ],
)
def test_read(needs: Needs, mask: str, expected: str) -> None:
    assert ",".join(needs.read(mask)) == expected


def test_receivers_of_every_event_read_all() -> None:
    assert len(Needs(every_event=True).read()) == 19


# --- write ---


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ""),
        (("Ping", "QueueStatus", "QueueReset"), ""),
        (("Originate",), "originate"),
        (("Originate", "Hangup"), "call,originate"),
        (("Getvar",), "reporting"),
        (("Getvar", "Redirect"), "call"),
        (("CoreShowChannels", "DBPut"), "system"),
        (("CoreShowChannels",), "reporting"),
        (("Command", "QueuePause"), "command,agent"),
        (("DongleSendSMS",), ""),
    ],
)
def test_write(names: tuple[str, ...], expected: str) -> None:
    assert ",".join(Needs(usage=usage(*names)).write()) == expected


def test_write_for_outcomes() -> None:
    assert Needs(usage=usage("Originate", outcomes=True)).write() == ("system", "originate")


@pytest.mark.parametrize("name", list(ACTIONS))
def test_every_action_can_be_allowed(name: str) -> None:
    classes = ACTIONS[name].privileges
    written = Needs(usage=usage(name)).write()
    assert len(written) == bool(classes)
    assert set(written) <= set(classes)


# --- gathering the needs ---


def on_anything(**_: Any) -> None: ...


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(signals, "events", signals.EventSignals())
    monkeypatch.setattr(signals, "ami_event", signals.EventSignal())
    monkeypatch.setattr(module, "scan_project", Usage)
    settings.AMI_CUSTOM_EVENTS = {"DongleNewSMS": "call"}


@pytest.mark.usefixtures("nobody")
def test_receivers_and_actions() -> None:
    for name in ("hangup", "DONGLENEWSMS", "Xyzzy", "MonitorStart"):
        signals.events[name].connect(on_anything)
    needs = gather(["getvar"])
    who = (f"{__name__}.on_anything",)
    assert needs.events == (
        Wanted("Hangup", ("call",), who),
        Wanted("DONGLENEWSMS", ("call",), who, custom=True),
        Wanted("Xyzzy", None, who),
        Wanted("MonitorStart", ("call",), who, removed_in=21),
    )
    assert not needs.every_event
    assert needs.usage.places == {"Getvar": ["--actions"]}
    signals.ami_event.connect(on_anything)
    assert gather().every_event


@pytest.mark.usefixtures("nobody")
def test_the_live_picture_has_needs_of_its_own() -> None:
    def on_end(**_: Any) -> None:
        pass

    with fresh_registry():
        assert gather().read() == ("system",)
        signals.call_ended.connect(on_end)
        found = gather()
    assert found.read() == ("system", "call", "agent", "dialplan")
    assert {"call", "reporting"} <= set(found.write())
    (hangup,) = [one for one in found.events if one.name == "Hangup"]
    assert hangup.classes == ("call",)
    assert "on_end" in hangup.receivers[0]
    assert found.usage.places["QueueStatus"] == ["the live picture"]


def test_filters_of_a_listener_need_system() -> None:
    needs = Needs(wanted(Hangup=("call",)), usage=usage("QueueAdd"))
    made = stanza(needs, server_filters="auto")
    assert (stanza(needs).write, made.write) == (("agent",), ("system", "agent"))
    assert any("(server_filters)" in line for line in made.lines())
    assert not any("(server_filters)" in line for line in stanza(needs).lines())


@pytest.mark.usefixtures("nobody")
def test_stanza_names_events_without_a_receiver() -> None:
    for name in ("Join", "QueueMember", "DongleNewSMS", "Hangup"):
        signals.events[name].connect(on_anything)
    text = " ".join(line.removeprefix("; ") for line in stanza(gather()).lines())
    assert (
        "never received: Asterisk has no event 'Join' since version 12: receive 'QueueCallerJoin' "
        "instead." in text
    )
    assert "never received: the event 'QueueMember' only comes in the answer to QueueStatus" in text
    assert text.count("never received") == 2
    assert "which are not known here" not in text


@pytest.mark.usefixtures("nobody")
def test_actions_that_there_are_not() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no action 'Orginate': did you mean 'Originate'\?"
    ):
        gather(["Orginate"])


# --- the text ---


@pytest.mark.usefixtures("nobody")
def test_an_event_of_receivers_and_of_the_live_picture_is_named_once() -> None:
    with fresh_registry():
        signals.events["Hangup"].connect(on_anything)
        signals.call_ended.connect(on_anything)
        text = "\n".join(stanza(gather()).lines())
    assert text.partition("\nread =")[0].count(" Hangup,") == 1


def test_the_stanza() -> None:
    needs = Needs(
        wanted(Hangup=("call",), Cdr=("cdr",)), usage=usage("Originate", "Originate", "Ping")
    )
    assert list(stanza(needs).lines()) == [
        (
            "; The account of node_1 (127.0.0.1:5038). Put it into manager.conf there, then: "
            "manager reload"
        ),
        "[site]",
        "; secret = the SECRET of node_1 in the settings; without it nobody can log in",
        "deny = 0.0.0.0/0.0.0.0",
        "permit = 127.0.0.1/255.255.255.255",
        "; receivers of: Cdr, Hangup; system for FullyBooted",
        "read = system,call,cdr",
        (
            "; what no receiver wants is not sent: make these lines anew when there are new "
            "receivers, and leave"
        ),
        "; them out if other programs use this account",
        "eventfilter = ^Event: (Cdr|FullyBooted|Hangup|Shutdown)[[:space:]]",
        "; sends Originate: x.py:1 and 1 more",
        "; sends Ping: x.py:1",
        "; add reporting if ami_status shall show versions and calls",
        "write = originate",
        "; by default Asterisk hangs up on a reader that lets one write wait for 100 ms",
        "writetimeout = 5000",
    ]


def test_stanza_leaves_the_permitted_address_as_a_comment() -> None:
    lines = list(stanza(Needs(), host="pbx.example").lines())
    assert "; permit = ADDRESS/255.255.255.255" in lines
    assert not any(line.startswith(("permit", "deny")) for line in lines)


def test_stanza_names_events_and_actions_of_unknown_class() -> None:
    needs = Needs(wanted(Xyzzy=None), usage=usage("DongleSendSMS", outcomes=True))
    text = "\n".join(stanza(needs).lines())
    assert (
        "; add the classes of Xyzzy, which are not known here (setting AMI_CUSTOM_EVENTS)" in text
    )
    assert "; add the classes of DongleSendSMS, which are not known here" in text
    assert "; system for the event filter of those who wait for the outcome of a call" in text
    assert "call for OriginateResponse" in text
    assert "eventfilter = ^Event: (FullyBooted|OriginateResponse|Shutdown|Xyzzy)[[:space:]]" in text
    assert "; no actions were found in the source" in "\n".join(stanza(Needs()).lines())


def test_no_filter_for_an_account_that_wants_all_events() -> None:
    assert stanza(Needs(every_event=True)).filters == []


def test_long_lists_are_cut() -> None:
    names = {f"Event{number:03}": ("call",) for number in range(500)}
    made = stanza(Needs(wanted(**names)))
    lines = list(made.lines())
    assert max(map(len, lines)) < 1000
    assert len(made.filters) == 51
    assert sum(len(re.findall(r"Event\d{3}", text)) for text in made.filters) == 500


def test_no_line_shows_the_secret() -> None:
    made = stanza(Needs())
    assert "hush" not in "\n".join(made.lines()) + repr(made.as_dict())
