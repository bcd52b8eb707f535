"""The catalogue: its entries, that it agrees with itself, and with recordings of a real server."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest

from django_ami.core.catalog import ACTIONS, EVENTS, ActionInfo, EventInfo, Parameter, action, event
from django_ami.core.catalog.headers import bridge, channel, plain
from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from tests.core.support import CAPTURES, feed
from tests.recordings import calls
from tests.running import run_python

#: The classes of manager.conf (perms in main/manager.c).
CLASSES = {
    *(
        "system",
        "call",
        "log",
        "verbose",
        "command",
        "agent",
        "user",
        "config",
        "dtmf",
        "reporting",
        "cdr",
        "dialplan",
    ),
    *("originate", "agi", "cc", "aoc", "test", "security", "message"),
}


def of(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# --- looking up ---


@pytest.mark.parametrize("name", ["Newexten", "NewExten", "newexten", "NEWEXTEN"])
def test_an_event_is_found_in_any_case(name):
    assert event(name) is EVENTS[name] is EVENTS["Newexten"]
    assert name in EVENTS
    assert event(name).name == "Newexten"


@pytest.mark.parametrize("name", ["PJSIPShowEndpoints", "pjsipshowendpoints"])
def test_an_action_is_found_in_any_case(name):
    assert action(name) is ACTIONS[name]
    assert action(name).name == "PJSIPShowEndpoints"


def test_catalog_has_no_entry_for_an_unknown_name():
    assert event("Hangupp") is action("Hangupp") is EVENTS.get("Hangupp") is None
    assert "Hangupp" not in ACTIONS
    with pytest.raises(KeyError, match="Hangupp"):
        EVENTS["Hangupp"]


def test_all_of_them_in_the_order_of_their_names():
    assert list(ACTIONS) == sorted(ACTIONS, key=str.lower)
    assert list(EVENTS) == sorted(EVENTS, key=str.lower)
    today = [sum(info.removed_in is None for info in table.values()) for table in (ACTIONS, EVENTS)]
    assert today == [154, 242]
    assert [len(ACTIONS), len(EVENTS)] == [154 + 15, 242 + 9]


def test_catalogue_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        event("Hangup").name = "x"
    with pytest.raises(TypeError):
        EVENTS["Hangup"] = event("Newchannel")


# --- the entries ---


@pytest.mark.parametrize(
    ("name", "privileges", "required", "items", "final_event"),
    [
        ("QueueReset", "", "", "", None),
        ("QueueAdd", "agent", "Queue Interface", "", None),
        ("Status", "system call reporting", "", "Status", "StatusComplete"),
        ("Hangup", "system call", "Channel", "ChannelHungup", "ChannelsHungupListComplete"),
        ("QueueStatus", "", "", "QueueParams QueueMember QueueEntry", "QueueStatusComplete"),
        ("FAXStats", "reporting", "", "", "FAXStats"),
        ("WaitEvent", "", "Timeout", "", "WaitEventComplete"),
        ("Originate", "originate", "Channel", "", None),
        ("MixMonitorMute", "system call", "Channel Direction State", "", None),
        ("SIPpeers", "system reporting", "", "PeerEntry", "PeerlistComplete"),
    ],
)
def test_an_action(name, privileges, required, items, final_event):
    info = action(name)
    assert (info.privileges, info.items, info.final_event) == (
        of(privileges),
        of(items),
        final_event,
    )
    assert [
        parameter.name for parameter in info.parameters if parameter.required
    ] == required.split()
    assert info.module


@pytest.mark.parametrize(
    ("name", "privileges", "broadcast", "answers"),
    [
        ("Hangup", "call", True, ""),
        ("Newexten", "dialplan", True, ""),
        ("FullyBooted", "system", True, ""),
        ("ChannelTalkingStart", "call", True, ""),
        ("VoicemailPasswordChange", "system user", True, ""),
        ("OriginateResponse", "call", True, ""),
        ("DeviceStateChange", "call", True, "DeviceStateList"),
        ("QueueMember", "", False, "QueueStatus"),
        ("PeerlistComplete", "", False, "IAXpeerlist IAXpeers SIPpeers"),
        ("FAXStats", "", False, "FAXStats"),
        ("CCAvailable", "cc", True, ""),
    ],
)
def test_an_event(name, privileges, broadcast, answers):
    info = event(name)
    assert (info.privileges, info.broadcast, info.answers) == (
        of(privileges),
        broadcast,
        of(answers),
    )
    assert info.module


def test_the_parameters_of_an_event():
    assert event("Hangup").parameters == (*channel(), *plain("Cause", "Cause-txt", "TechCause"))
    names = [parameter.name for parameter in event("BlindTransfer").parameters]
    assert [name for name in names if name.startswith("Transferer")][:2] == [
        "TransfererChannel",
        "TransfererChannelState",
    ]
    assert set(bridge()) <= set(event("BlindTransfer").parameters)
    assert (
        Parameter("Result", choices=("Fail", "Invalid", "Not Permitted", "Success"))
        in event("BlindTransfer").parameters
    )


def test_a_parameter_of_an_action():
    [state] = [
        parameter for parameter in action("MuteAudio").parameters if parameter.name == "State"
    ]
    assert (state.required, state.repeatable, state.choices) == (True, False, ("on", "off"))
    assert "silent" in state.description
    originate = {parameter.name: parameter for parameter in action("Originate").parameters}
    assert originate["Variable"].repeatable
    assert originate["Timeout"].default == "30000"
    # The meaning of the name depends on the action.
    assert originate["Timeout"].description != action("Park").parameters[3].description


# --- it agrees with itself ---


@pytest.mark.parametrize("info", ACTIONS.values(), ids=lambda info: info.name)
def test_an_action_agrees_with_the_events(info: ActionInfo):
    assert set(info.privileges) <= CLASSES
    assert info.synopsis.endswith(".")
    names = [parameter.name.lower() for parameter in info.parameters]
    assert len(names) == len(set(names))
    assert not {"action", "actionid"} & set(names) or info.name == "Login"
    assert bool(info.items) <= (info.final_event is not None)
    for name in filter(None, (*info.items, info.final_event)):
        assert info.name in EVENTS[name].answers
    if info.items:
        closing = [parameter.name for parameter in EVENTS[info.final_event].parameters]
        assert closing[:2] == ["EventList", "ListItems"]


@pytest.mark.parametrize("info", EVENTS.values(), ids=lambda info: info.name)
def test_an_event_agrees_with_the_actions(info: EventInfo):
    assert set(info.privileges) <= CLASSES
    assert info.synopsis.endswith(".")
    assert bool(info.privileges) == info.broadcast
    assert info.broadcast or info.answers
    for name in info.answers:
        assert info.name in (*ACTIONS[name].items, ACTIONS[name].final_event)
    names = [parameter.name for parameter in info.parameters]
    assert len(names) == len(set(names))


# --- and with a real server ---

#: Headers of any event: the server's options add some, ActionID is in answers.
ANYWHERE = {"Privilege", "Timestamp", "SystemName", "ActionID"}
#: Events whose headers are their sender's, or differ by type.
FREE = {"UserEvent", "TestEvent"}


def recorded() -> list[Event]:
    return calls() + [
        message
        for path in sorted((CAPTURES / "22").iterdir())
        # The values in these pretend to be headers and events.
        if not path.stem.startswith(("values-newline", "userevent"))
        for message in feed(Parser(), [path.read_bytes()])
        if isinstance(message, Event)
    ]


def test_every_event_that_was_recorded_is_known_with_all_its_headers_and_its_classes():
    unknown: dict[str, set[str]] = {}
    seen = set()
    for message in recorded():
        info = EVENTS[message.name]
        seen.add(info.name)
        assert info.name == message.name
        if info.broadcast and (privilege := message.get("Privilege")):
            assert privilege == ",".join([*info.privileges, "all"])
        known = {parameter.name for parameter in info.parameters} | ANYWHERE
        for key, _ in message.headers[1:]:
            first = re.sub(r"^Report\d+", "Report0", key)
            if first not in known and "ChanVariable" not in key and info.name not in FREE:
                unknown.setdefault(info.name, set()).add(key)
    assert unknown == {}
    assert len(seen) > 135


# --- when it is loaded ---

LOADED = (
    "print(*sorted(name.rpartition('.')[2] for name in sys.modules if "
    "name.startswith('django_ami.core.catalog.')))"
)


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("import django_ami.core.catalog", "info"),
        ("from django_ami.core.catalog import EVENTS, event", "info"),
        ("from django_ami.core.catalog import event; event('x')", "events headers info"),
        ("from django_ami.core.catalog import ACTIONS; len(ACTIONS)", "actions headers info"),
        ("import django_ami.core.client, django_ami.core.actions", ""),
    ],
)
def test_the_tables_are_loaded_when_something_is_looked_up(statement, loaded):
    assert run_python(f"import sys\n{statement}\n{LOADED}") == loaded
