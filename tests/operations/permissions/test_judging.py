"""Every way around a grant that somebody may try, judged by the bytes on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.actions import (
    Action,
    Atxfer,
    BlindTransfer,
    Command,
    DBPut,
    GetVar,
    Hangup,
    Originate,
    Park,
    QueueAdd,
    QueuePause,
    Redirect,
    SetVar,
    Status,
)
from django_ami.core.catalog import ACTIONS
from django_ami.operations.permissions.grants import Grant, load
from django_ami.operations.permissions.judging import fault_of
from django_ami.operations.permissions.risks import CHANGING, DANGERS, LOOKING, Risk, risk_of
from django_ami.operations.permissions.wire import as_sent

CALLER = {
    "actions": ["Originate", "Redirect", "BlindTransfer", "Atxfer", "QueueAdd", "Park", "Hangup"],
    "contexts": ["click-to-call"],
}
PLACE = {"context": "click-to-call", "exten": "102"}


def grant(settings: Any, **given: Any) -> Grant:
    settings.AMI_PERMISSIONS = {"everybody": given}
    found = load().everybody
    assert found is not None
    return found


def raw(name: str, *pairs: tuple[str, str]) -> Action:
    """An action with any headers, also some that come twice."""
    action = Action(name)
    action.headers = pairs
    return action


GOOD = [
    Originate(channel="PJSIP/101", **PLACE, priority=1),
    Originate(channel="Local/102@click-to-call/n", **PLACE, priority=1),
    Originate(channel="PJSIP/101", **PLACE, priority=1, caller_id="Ann <101>"),
    Redirect("PJSIP/101-00000001", **PLACE),
    BlindTransfer("PJSIP/101-00000001", **PLACE),
    Atxfer("PJSIP/101-00000001", **PLACE),
    QueueAdd("support", "PJSIP/101"),
    QueueAdd("support", "Local/102@click-to-call"),
    Park("PJSIP/101-00000001"),
    Hangup("PJSIP/101-00000001"),
    raw("ORIGINATE", ("CHANNEL", "PJSIP/101"), ("context", "click-to-call"), ("EXTEN", "102")),
]
BAD = [
    Originate(channel="PJSIP/101", context="internal", exten="102", priority=1),
    Originate(channel="PJSIP/101", context="Click-To-Call", exten="102", priority=1),
    Originate(channel="PJSIP/101", context="click-to-call", exten="0190123456", priority=1),
    Originate(channel="PJSIP/101", **PLACE, priority=7),
    Originate(channel="PJSIP/101", application="System", data="id"),
    Originate(channel="PJSIP/101", **PLACE, priority=1, data="x"),
    Originate(channel="PJSIP/0190123456@trunk", **PLACE, priority=1),
    Originate(channel="PJSIP/trunk/sip:1@x", **PLACE, priority=1),
    Originate(channel="SIP/trunk/0190123456", **PLACE, priority=1),
    Originate(channel="DAHDI/g1/0190123456", **PLACE, priority=1),
    Originate(channel="Local/102@internal", **PLACE, priority=1),
    Originate(channel="local/102@internal/n", **PLACE, priority=1),
    Originate(channel="Local/102", **PLACE, priority=1),
    Originate(channel="Local/@click-to-call", **PLACE, priority=1),
    Originate(channel="Local/1/0@click-to-call", **PLACE, priority=1),
    Originate(channel="Local/0190123456@click-to-call", **PLACE, priority=1),
    Originate(channel="Local/1@click-to-call@internal", **PLACE, priority=1),
    Originate(channel="PJSIP/101&PJSIP/0190@trunk", **PLACE, priority=1),
    Originate(channel="PJSIP/101", **PLACE, priority=1, variables={"TRANSFER_CONTEXT": "x"}),
    Originate(channel="PJSIP/101", **PLACE, priority=1, variables={"SHELL(id)": "1"}),
    Originate(channel="PJSIP/101", **PLACE, priority=1, pre_dial_go_sub="internal,1,1"),
    Originate(channel="PJSIP/101", **PLACE, priority=1, pre_dial_go_sub="1,1"),
    Originate(
        channel="PJSIP/101", **PLACE, priority=1, pre_dial_go_sub="click-to-call,0190123456,1"
    ),
    Originate(channel="PJSIP/101", **PLACE, priority=1, pre_dial_go_sub="click-to-call,102,5"),
    raw("originate", ("Channel", "PJSIP/1"), ("Context", "click-to-call"), ("Exten", "102"),
        ("APPLICATION", "System"), ("data", "id")),
    raw("Originate", ("Channel", "PJSIP/1"), ("Context", "click-to-call"), ("Exten", "102"),
        ("context", "internal")),
    raw("Originate", ("Context", "internal"), ("Channel", "PJSIP/1"), ("Exten", "102"),
        ("Context", "click-to-call")),
    raw("Originate", ("Channel", "PJSIP/1"), ("Context", "\tinternal"), ("Exten", "102")),
    Redirect("PJSIP/101-1", context="internal", exten="102"),
    Redirect("PJSIP/101-1", **PLACE, extra_channel="PJSIP/1-2", extra_context="x", extra_exten="1"),
    Redirect("PJSIP/101-1", **PLACE, extra_channel="PJSIP/1-2", extra_exten="0190123456"),
    raw("Redirect", ("Channel", "PJSIP/1-1"), ("Exten", "102"), ("Priority", "1")),
    BlindTransfer("PJSIP/101-1", context="internal", exten="102"),
    Atxfer("PJSIP/101-1", exten="102"),
    Atxfer("PJSIP/101-1", exten="102", context="internal"),
    QueueAdd("support", "Local/0190123456@click-to-call"),
    QueueAdd("support", "Local/102@internal"),
    QueueAdd("support", "PJSIP/0190123456@trunk"),
    Park("PJSIP/101-1", timeout_channel="PJSIP/0190123456@trunk"),
    Hangup("/.*/"),
    Command("core show uptime"),
    SetVar("X", "1", channel="PJSIP/101-1"),
    DBPut("cidname", "1", "x"),
    Action("Monitor", Channel="PJSIP/1-1"),
    Action("AGI", Channel="PJSIP/1-1", Command="EXEC Dial PJSIP/0190@trunk"),
    Action("QueueReset"),
    Action("Logoff"),
    Action("Events", EventMask="off"),
    Action("NoSuchAction"),
]  # fmt: skip


@pytest.mark.parametrize("action", GOOD, ids=repr)
def test_action_that_the_grant_means_is_allowed(settings: Any, action: Action) -> None:
    assert fault_of(grant(settings, **CALLER), as_sent(action)) == ""


@pytest.mark.parametrize("action", BAD, ids=repr)
def test_action_that_leads_around_the_grant_is_refused(settings: Any, action: Action) -> None:
    assert fault_of(grant(settings, **CALLER), as_sent(action))


@pytest.mark.parametrize("action", sorted(ACTIONS), ids=str)
def test_class_includes_no_dangerous_action(settings: Any, action: str) -> None:
    everything = {one for info in ACTIONS.values() for one in info.privileges} | {"none", "looking"}
    fault = fault_of(grant(settings, classes=sorted(everything)), Action(action))
    assert ("dangerous" in fault) == (risk_of(action) is Risk.DANGEROUS)


def test_every_action_of_the_catalogue_has_one_risk() -> None:
    names = {name.lower() for name in ACTIONS}
    assert names == set(DANGERS) | LOOKING | CHANGING
    assert not LOOKING & CHANGING
    assert not set(DANGERS) & (LOOKING | CHANGING)


def test_action_that_is_named_needs_a_pattern_where_its_values_are_the_danger(
    settings: Any,
) -> None:
    named = ["Command", "AGI", "Setvar", "DBPut", "MixMonitor"]
    for action in (
        Command("core show uptime"),
        Action("AGI", Channel="PJSIP/1-1", Command="ANSWER"),
        SetVar("X", "1", channel="PJSIP/1-1"),
        DBPut("cidname", "1", "x"),
        Action("MixMonitor", Channel="PJSIP/1-1", Command="id"),
        Action("MixMonitor", Channel="PJSIP/1-1", File="/etc/x"),
    ):
        assert "pattern" in fault_of(grant(settings, actions=named), as_sent(action))


@pytest.mark.parametrize(
    ("action", "is_allowed"),
    [
        (Command("core show uptime"), True),
        (Command("core stop now"), False),
        (Command("core show uptime; core stop now"), False),
        (raw("Command", ("Command", "core show uptime"), ("Command", "core stop now")), False),
        (raw("Command", ("Command", "core stop now"), ("command", "core show uptime")), False),
        (raw("Command"), False),
        (SetVar("NOTE", "x", channel="PJSIP/1-1"), True),
        (SetVar("NOTE", "x"), False),
        (SetVar("GLOBAL(NOTE)", "x", channel="PJSIP/1-1"), False),
        (raw("Setvar", ("Channel", ""), ("Channel", "PJSIP/1-1"), ("Variable", "NOTE")), False),
        (Redirect("PJSIP/1-1", context="support", exten="102"), True),
        (raw("Redirect", ("Channel", "PJSIP/1-1"), ("Exten", "102")), False),
        (QueuePause("PJSIP/101", paused=True, queue="support"), True),
        (QueuePause("PJSIP/101", paused=True, queue="sales"), False),
        (QueuePause("PJSIP/101", paused=True), False),
        (GetVar("NOTE", channel="PJSIP/1-1"), True),
        (GetVar("SHELL(id)"), False),
        (Status("PJSIP/1-1", variables=["SHELL(id)"]), False),
    ],
    ids=repr,
)
def test_pattern_of_a_header_decides_about_each_of_its_values(
    settings: Any, action: Action, is_allowed: bool
) -> None:
    found = grant(
        settings,
        actions={
            "Command": {"Command": r"core show \w+"},
            "Setvar": {"Variable": "NOTE"},
            "Redirect": {"Context": "support"},
            "QueuePause": {"Queue": "support"},
        },
        classes=["looking"],
    )
    assert (not fault_of(found, as_sent(action))) == is_allowed


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [
        ("NOTE=1", True),
        ("NOTE=1,NOTE=2", True),
        (r"NOTE=1\,OTHER=2", True),
        (r"NOTE=1\\,OTHER=2", False),
        ("NOTE=1,OTHER=2", False),
        ("OTHER=2,NOTE=1", False),
        ("__NOTE=1", False),
    ],
)
def test_variable_is_split_as_the_server_splits_it(
    settings: Any, value: str, is_allowed: bool
) -> None:
    found = grant(settings, **{**CALLER, "actions": {"Originate": {"Variable": "NOTE=.*"}}})
    action = raw("Originate", ("Channel", "PJSIP/1"), ("Context", "click-to-call"),
                 ("Exten", "102"), ("Variable", value))  # fmt: skip
    assert (not fault_of(found, as_sent(action))) == is_allowed


def test_grants_of_two_groups_are_not_mixed(settings: Any) -> None:
    settings.AMI_PERMISSIONS = {
        "groups": {
            "a": {"actions": ["Redirect"], "contexts": ["sales"]},
            "b": {"actions": ["Originate"], "contexts": ["support"]},
        }
    }
    action = as_sent(Originate(channel="PJSIP/1", context="sales", exten="102", priority=1))
    assert all(fault_of(one, action) for one in load().groups.values())


def test_refusal_names_the_header_as_asterisk_documents_it(settings: Any) -> None:
    found = grant(
        settings, actions={"QueuePause": {"Queue": "support"}, "Command": {"Command": "x"}}
    )
    assert fault_of(found, as_sent(QueuePause("PJSIP/101", paused=True))) == (
        "its header Queue is missing or empty: add it. The grant has a pattern for it "
        "('actions', QueuePause)."
    )
    assert fault_of(found, as_sent(Command("y"))) == (
        "its header Command may not be 'y': the pattern of the grant does not match "
        "('actions', Command)."
    )
