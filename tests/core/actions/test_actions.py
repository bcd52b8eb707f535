"""Actions: their headers in order, what completes them, and that no secret shows."""

from __future__ import annotations

import copy
import pickle
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from ipaddress import ip_network
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core import actions
from django_ami.core.actions import (
    Action,
    ConfigChange,
    Login,
    Originate,
    Ping,
    WaitEvent,
    escape_variable,
)
from django_ami.core.actions.base import encode
from django_ami.core.errors import InvalidAction

# --- any action ---


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        (Action("Ping"), ()),
        (Action("X", Queue="support"), (("Queue", "support"),)),
        (Action("X", {"Cat-000000": "x"}, Tail=1), (("Cat-000000", "x"), ("Tail", "1"))),
        (Action("X", Flag=True, Other=False), (("Flag", "true"), ("Other", "false"))),
        (Action("X", Number=1.5, Nothing=None), (("Number", "1.5"),)),
        (Action("X", Many=["a", 2, None, True]), (("Many", "a"), ("Many", "2"), ("Many", "true"))),
        (Action("X", Many=(str(n) for n in range(2)), None_=[]), (("Many", "0"), ("Many", "1"))),
    ],
)
def test_headers_of_any_action(action, headers):
    assert action.headers == headers


def test_actions_are_equal_by_what_is_asked():
    assert Action("Ping") == Ping()
    assert hash(Action("Ping")) == hash(Ping())
    assert Action("X", A=1) != Action("X", A=2)
    assert Action("X") != Action("Y")
    assert Action("X") != "X"
    call = {"channel": "Local/1@x"}
    assert Originate(**call, wait=True) != Originate(**call)


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        (Ping(), "<Ping>"),
        (Action("X", Queue="support", Member=1), "<X: Queue='support', Member='1'>"),
        (Action("X", Secret="amp111"), "<X: Secret=***>"),
        (Action("X", PASSWORD="amp111"), "<X: PASSWORD=***>"),
        (Login("admin", secret="amp111"), "<Login: Username='admin', Secret=***>"),
        (Login("admin", key="abc"), "<Login: AuthType='MD5', Username='admin', Key=***>"),
        (actions.DBGet("cidname", "123"), "<DBGet: Family='cidname', Key='123'>"),
        (
            actions.UpdateConfig(
                "a",
                changes=[{"Action": "Delete", "Cat": "b", "Value": "amp111", "Match": "amp111"}],
            ),
            (
                "<UpdateConfig: Action-000000='Delete', Cat-000000='b', Value-000000=***, "
                "Match-000000=***, SrcFilename='a', DstFilename='a'>"
            ),
        ),
        (Action("updateconfig", {"VALUE-000123": "amp111"}), "<updateconfig: VALUE-000123=***>"),
    ],
)
def test_a_repr_shows_no_secret(action, shown):
    assert repr(action) == shown


# --- each of ours ---


def text(action: Action) -> str:
    return "\n".join(f"{key}: {value}" for key, value in action.headers)


CHANNEL = "PJSIP/1-0001"
PLACE = {"context": "default", "exten": 500}
TYPED = [
    (actions.Ping(), "Ping", ""),
    (actions.Challenge(), "Challenge", "AuthType: MD5"),
    (actions.Login("u", secret="s"), "Login", "Username: u\nSecret: s"),
    (
        actions.Login("u", key="k", events="call"),
        "Login",
        "AuthType: MD5\nUsername: u\nKey: k\nEvents: call",
    ),
    (actions.Logoff(), "Logoff", ""),
    (actions.Events("call,user"), "Events", "EventMask: call,user"),
    (actions.Filter("Event: Hangup"), "Filter", "Operation: Add\nFilter: Event: Hangup"),
    (
        actions.Filter("", match_criteria="name(Hangup)"),
        "Filter",
        "Operation: Add\nFilter: \nMatchCriteria: name(Hangup)",
    ),
    (actions.ListCommands(), "ListCommands", ""),
    (actions.WaitEvent(5), "WaitEvent", "Timeout: 5"),
    (
        actions.UpdateConfig("a.conf", changes=[]),
        "UpdateConfig",
        "SrcFilename: a.conf\nDstFilename: a.conf",
    ),
    (
        actions.UpdateConfig(
            "a.conf",
            dst_filename="b.conf",
            changes=[
                {"Action": "NewCat", "Cat": "alice", "Options": "template"},
                {"Action": "Append", "Cat": "alice", "Var": "max_contacts", "Value": 2},
                {"Action": "Delete", "Cat": "bob", "Line": 0, "Match": "x"},
            ],
            reload="res_pjsip.so",
            preserve_effective_context=False,
        ),
        "UpdateConfig",
        ("Action-000000: NewCat\nAction-000001: Append\nAction-000002: Delete\n"
        "Cat-000000: alice\nCat-000001: alice\nCat-000002: bob\nVar-000001: "
        "max_contacts\nValue-000001: 2\nMatch-000002: x\nLine-000002: 0\nOptions-000000: "
        "template\nSrcFilename: a.conf\nDstFilename: b.conf\nReload: "
        "res_pjsip.so\nPreserveEffectiveContext: false"),
    ),
    (
        actions.UpdateConfig("a.conf", changes=[], reload=True),
        "UpdateConfig",
        "SrcFilename: a.conf\nDstFilename: a.conf\nReload: true",
    ),
    (
        # The server would take the word for the name of a module (action_updateconfig in
        # main/manager.c).
        actions.UpdateConfig("a.conf", changes=[], reload=False),
        "UpdateConfig",
        "SrcFilename: a.conf\nDstFilename: a.conf",
    ),
    (actions.Hangup(CHANNEL), "Hangup", f"Channel: {CHANNEL}"),
    (actions.Hangup(CHANNEL, cause=17), "Hangup", f"Channel: {CHANNEL}\nCause: 17"),
    (
        actions.Redirect(CHANNEL, **PLACE),
        "Redirect",
        f"Channel: {CHANNEL}\nContext: default\nExten: 500\nPriority: 1",
    ),
    (
        actions.Redirect(
            CHANNEL, **PLACE, extra_channel="B", extra_context="c", extra_exten="e",
            extra_priority=2
        ),
        "Redirect",
        (f"Channel: {CHANNEL}\nExtraChannel: B\nContext: default\nExten: 500\nPriority: 1\n"
        "ExtraContext: c\nExtraExten: e\nExtraPriority: 2"),
    ),
    (
        actions.BlindTransfer(CHANNEL, **PLACE),
        "BlindTransfer",
        f"Channel: {CHANNEL}\nContext: default\nExten: 500",
    ),
    (actions.Atxfer(CHANNEL, exten=500), "Atxfer", f"Channel: {CHANNEL}\nExten: 500"),
    (actions.Bridge("A", "B"), "Bridge", "Channel1: A\nChannel2: B"),
    (actions.Bridge("A", "B", tone=True), "Bridge", "Channel1: A\nChannel2: B\nTone: true"),
    (
        actions.Park("A", timeout_channel="B", announce_channel="C", timeout_ms=5,
                     parkinglot="l", parking_space=701),
        "Park",
        (
            "Channel: A\nTimeoutChannel: B\nAnnounceChannel: C\nTimeout: 5\nParkinglot: l\n"
            "ParkingSpace: 701"
        ),
    ),
    (actions.Status(), "Status", ""),
    (
        actions.Status("A", variables=["X", "CHANNEL(state)"], all_variables=True),
        "Status",
        "Channel: A\nVariables: X,CHANNEL(state)\nAllVariables: true",
    ),
    (actions.CoreShowChannels(), "CoreShowChannels", ""),
    (actions.GetVar("X"), "Getvar", "Variable: X"),
    (actions.GetVar("X", channel="A"), "Getvar", "Channel: A\nVariable: X"),
    (actions.SetVar("X", 5, channel="A"), "Setvar", "Channel: A\nVariable: X\nValue: 5"),
    (
        actions.Monitor("A", file="f", format="wav", mix=False),
        "Monitor",
        "Channel: A\nFile: f\nFormat: wav\nMix: false",
    ),
    (
        actions.MixMonitor("A", file="f", options="b", command="true"),
        "MixMonitor",
        "Channel: A\nFile: f\noptions: b\nCommand: true",
    ),
    (actions.ConfbridgeList("1"), "ConfbridgeList", "Conference: 1"),
    (actions.QueueStatus(), "QueueStatus", ""),
    (actions.QueueStatus("q", member="m"), "QueueStatus", "Queue: q\nMember: m"),
    (actions.QueueSummary("q"), "QueueSummary", "Queue: q"),
    (
        actions.QueueAdd(
            "q", "i", penalty=1, paused=True, reason="r", member_name="m",
            state_interface="s", wrapup_time=5
        ),
        "QueueAdd",
        ("Queue: q\nInterface: i\nPenalty: 1\nPaused: true\nReason: r\nMemberName: m\n"
         "StateInterface: s\n"
        "Wrapuptime: 5"),
    ),
    (actions.QueueRemove("q", "i"), "QueueRemove", "Queue: q\nInterface: i"),
    (actions.QueuePause("i"), "QueuePause", "Interface: i\nPaused: true"),
    (
        actions.QueuePause("i", paused=False, queue="q", reason="r"),
        "QueuePause",
        "Interface: i\nPaused: false\nQueue: q\nReason: r",
    ),
    (actions.Command("core show uptime"), "Command", "Command: core show uptime"),
    (actions.CoreSettings(), "CoreSettings", ""),
    (actions.CoreStatus(), "CoreStatus", ""),
    (actions.PJSIPShowEndpoints(), "PJSIPShowEndpoints", ""),
    (actions.PJSIPShowEndpoint("alice"), "PJSIPShowEndpoint", "Endpoint: alice"),
    (actions.DBGet("f", "k"), "DBGet", "Family: f\nKey: k"),
    (actions.DBPut("f", "k", 1), "DBPut", "Family: f\nKey: k\nVal: 1"),
    (actions.DBDel("f", "k"), "DBDel", "Family: f\nKey: k"),
    (actions.ExtensionState(500, "default"), "ExtensionState", "Exten: 500\nContext: default"),
    (
        actions.UserEvent("Lab", {"Text-1": "a"}, Key=["b", "c"]),
        "UserEvent",
        "UserEvent: Lab\nText-1: a\nKey: b\nKey: c",
    ),
    (
        actions.Originate(channel="A", context="default", exten=500, priority=1),
        "Originate",
        "Channel: A\nContext: default\nExten: 500\nPriority: 1\nAsync: true",
    ),
    (
        actions.Originate(
            channel="A",
            application="Playback",
            data="beep",
            timeout_ms=5000,
            caller_id='"A" <1>',
            variables={"X": "a,b", "N": 1},
            account="acc",
            early_media=True,
            codecs="ulaw",
            channel_id="id1",
            other_channel_id="id2",
            pre_dial_go_sub="sub,s,1",
            run_async=False,
        ),
        "Originate",
        ("Channel: A\nApplication: Playback\nData: beep\nTimeout: 5000\nCallerID: \"A\" <1>\n"
        "Variable: X=a\\,b\nVariable: N=1\nAccount: acc\nEarlyMedia: true\nCodecs: "
        "ulaw\nChannelId: id1\nOtherChannelId: id2\nPreDialGoSub: sub,s,1\nAsync: false"),
    ),
]  # fmt: skip


class Plain(Enum):
    ONE = 1
    WORD = "x"


class Word(StrEnum):
    ANSWERED = "answered"


class Lazy:
    """A text that is made when it is asked for, and is gone through letter by letter, as Django's
    translations.
    """

    def __str__(self):
        return "später"

    def __iter__(self):
        return iter(str(self))


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("text", ["text"]),
        (5, ["5"]),
        (1.5, ["1.5"]),
        (True, ["true"]),
        (False, ["false"]),
        (None, []),
        (Lazy(), ["später"]),
        (Decimal("1.50"), ["1.50"]),
        (UUID(int=5), ["00000000-0000-0000-0000-000000000005"]),
        (datetime(2026, 1, 2, 3, 4), ["2026-01-02 03:04:00"]),
        (date(2026, 1, 2), ["2026-01-02"]),
        (timedelta(seconds=90), ["0:01:30"]),
        (PurePosixPath("/var/x"), ["/var/x"]),
        (ip_network("10.0.0.0/30"), ["10.0.0.0/30"]),
        (Plain.ONE, ["1"]),
        (Plain.WORD, ["x"]),
        (Word.ANSWERED, ["answered"]),
        (["a", None, 2, Word.ANSWERED, Lazy()], ["a", "2", "answered", "später"]),
        (("a", True), ["a", "true"]),
        ((letter for letter in "ab"), ["a", "b"]),
        ({"a": 1}.keys(), ["a"]),
        ([], []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_is_one_text_or_a_list_of_texts(value, texts):
    assert Action("X", V=value).headers == tuple(("V", text) for text in texts)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *(
            (value, r"V is of the type \w+: give a text, a number, or a list of them\.")
            for value in (b"abc", bytearray(b"x"), memoryview(b"x"), {"a": 1}, object(), id)
        ),
        ([["a"]], "a value of V is of the type list: give a text or a number\\."),
        ([b"x"], "a value of V is of the type bytes: give a text or a number\\."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_without_a_text_is_refused_by_name(value, said):
    with pytest.raises(InvalidAction, match=f"^X: {said}"):
        Action("X", V=value)


def test_a_copy_of_an_action_sends_the_same_and_shows_as_little():
    action = Login("admin", secret="hush", key=None, events="on")
    for copied in (
        copy.copy(action),
        copy.deepcopy(action),
        copy.deepcopy([action])[0],
        pickle.loads(pickle.dumps(action)),
    ):
        assert copied == action
        assert encode(copied, "1") == encode(action, "1")
        assert b"Secret: hush" in encode(copied, "1")
        assert "hush" not in repr(copied)


@pytest.mark.parametrize(("action", "name", "headers"), TYPED)
def test_headers_of_a_typed_action(action, name, headers):
    assert (action.name, text(action)) == (name, headers)


def test_every_typed_action_is_in_the_table():
    classes = {getattr(actions, name) for name in actions.__all__} - {
        Action,
        ConfigChange,
        escape_variable,
    }
    assert {type(action) for action, _, _ in TYPED} == classes


@pytest.mark.parametrize(
    ("how", "final_event", "timeout"),
    [
        ({}, None, None),
        ({"wait": True}, "OriginateResponse", 40),
        ({"wait": True, "timeout_ms": 5000}, "OriginateResponse", 15),
        ({"wait": True, "timeout_ms": 1}, "OriginateResponse", 10.001),
        ({"timeout_ms": 0}, None, None),
        ({"run_async": False}, None, 40),
        ({"run_async": False, "wait": True}, None, 40),
    ],
)
def test_completion_of_an_originate_and_its_timeout(how, final_event, timeout):
    action = Originate(channel="A", **how)
    assert (action.final_event, action.timeout) == (final_event, timeout)


@pytest.mark.parametrize(("seconds", "timeout"), [(0, 10), (30, 40), (-1, None)])
def test_how_long_the_wait_for_an_event_may_take(seconds, timeout):
    action = WaitEvent(seconds)
    assert (action.final_event, action.final_broadcast, action.timeout) == (
        "WaitEventComplete",
        False,
        timeout,
    )


# --- variables ---

NAMES = [
    "A",
    "_A",
    "__A-b.c",
    "Zoë",
    "CALLERID(name)",
    "CHANNEL(language)",
    "PJSIP_HEADER(add,X-Foo)",
    "F()",
]
NO_NAMES = {
    "nothing": "",
    "another variable before": "B,A",
    "another variable behind a value": "A=1,B",
    "a value": "A=1",
    "a comma behind a function": "F(x),B",
    "a comma that a quote hides": '"A,B"',
    "a backslash": "A\\",
    "an open parenthesis": "F(x",
    "an open parenthesis that swallows the next": "(A",
    "a closed one": "A)",
    "nested": "F(G(x),y)",
    "a bracket": "A[",
    "a line end": "A\r\nAction: Command",
    "a line feed": "A\n",
    "a line end in a function": "F(\r\nX: y)",
    "NUL": "A\0",
    "NUL in a function": "F(\0)",
    "a blank": "A B",
    "a blank in front": " A",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_variable(name):
    assert Originate(channel="a", variables={name: "x"}).headers[1] == ("Variable", f"{name}=x")
    assert actions.Status(variables=[name, "B"]).headers == (("Variables", f"{name},B"),)


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_a_name_that_would_set_or_read_more_than_one_variable_is_refused(name):
    with pytest.raises(InvalidAction, match=r"Originate: .* cannot be the name of a variable"):
        Originate(channel="a", variables={"GOOD": "1", name: "x"})
    with pytest.raises(InvalidAction, match=r"Status: .* cannot be the name of a variable"):
        actions.Status(variables=["GOOD", name])


def test_a_function_may_be_read_but_not_written_with_an_equals_sign_in_it():
    name = "CURL(http://pbx/?a=b)"
    assert actions.Status(variables=[name]).headers == (("Variables", name),)
    with pytest.raises(InvalidAction):
        Originate(channel="a", variables={name: "x"})


def test_a_text_is_no_list_of_names():
    with pytest.raises(InvalidAction):
        actions.Status(variables="A,B")


MAKE_VARIABLES = [
    lambda variables: Originate(channel="a", variables=variables),
    lambda variables: actions.PJSIPNotify(endpoint="a", variables=variables),
    lambda variables: actions.MessageSend(to="a", body="b", variables=variables),
]


@pytest.mark.parametrize(
    "variables", [{"X": None, "Y": 1, "Z": ""}, [("X", None), ("Y", 1), ("Z", "")]]
)
@pytest.mark.parametrize("make", MAKE_VARIABLES)
def test_a_variable_without_a_value_is_left_out(make, variables):
    assert [value for key, value in make(variables).headers if key == "Variable"] == ["Y=1", "Z="]


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(
    "make", [*MAKE_VARIABLES, lambda variables: actions.SetVar("X", variables["X"])]
)
def test_a_bool_is_no_value_of_a_variable(make, value):
    with pytest.raises(InvalidAction, match=f"the variable X is {value}, but .* give 1 or 0"):
        make({"X": value})


@pytest.mark.parametrize("make", MAKE_VARIABLES)
def test_a_variable_has_one_value(make):
    with pytest.raises(
        InvalidAction, match="the variable X is of the type list: give a text or a number"
    ):
        make({"X": ["a", "b"]})


def test_a_variable_is_not_emptied_by_accident():
    with pytest.raises(InvalidAction, match="the variable X has no value: give '' to empty it"):
        actions.SetVar("X", None)


@pytest.mark.parametrize(
    "how",
    [{"timeout_ms": 0, "wait": True}, {"timeout_ms": 0, "run_async": False}, {"timeout_ms": -1}],
)
def test_no_limit_for_a_call_whose_end_is_waited_for_is_refused(how):
    with pytest.raises(InvalidAction, match="is no limit for the server"):
        Originate(channel="a", **how)


@pytest.mark.parametrize("given", ["5000", 1.5, True, [5]], ids=lambda value: type(value).__name__)
def test_the_time_of_a_call_is_a_whole_number_of_milliseconds(given):
    with pytest.raises(InvalidAction, match="timeout_ms is a whole number of milliseconds, not"):
        Originate(channel="a", timeout_ms=given)


def as_the_server_splits(text: str) -> list[str]:
    """__ast_app_separate_args of main/app.c with commas, quotes and backslashes removed."""
    items, current, depth, quoted, position = [], [], 0, False, 0
    while position < len(text):
        letter = text[position]
        if letter == "\\" and position + 1 < len(text):
            position += 1
            current.append(text[position])
        elif letter == '"':
            quoted = not quoted
        elif letter == "," and not depth and not quoted:
            items.append("".join(current))
            current = []
        else:
            depth += (letter in "([") - (letter in ")]")
            current.append(letter)
        position += 1
    return [*items, "".join(current)]


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain text", "plain text"),
        ("a,b", r"a\,b"),
        ('say "hi"', r"say \"hi\""),
        (r"back\slash", r"back\\slash"),
        ("f(x)[1]", r"f\(x\)\[1\]"),
        ("${X} & 'y'; {z}", "${X} & 'y'; {z}"),
    ],
)
def test_a_variable_is_escaped(value, escaped):
    assert escape_variable(value) == escaped


@given(st.lists(st.text(alphabet="ab\\\",()[] =:;{}'$é"), min_size=1, max_size=4))
def test_the_server_reads_back_what_was_escaped(values):
    line = ",".join(escape_variable(value) for value in values)
    assert as_the_server_splits(line) == values
    assert not re.search(r"[\r\n]", line)
