"""Answers, compared with the bytes and shapes that real servers sent."""

from __future__ import annotations

import pytest

from django_ami.testing import Simulator, User
from tests.simulator.conftest import make
from tests.simulator.wire import Wire, logged_in

SNAPSHOT = [
    *(
        "Channel",
        "ChannelState",
        "ChannelStateDesc",
        "CallerIDNum",
        "CallerIDName",
        "ConnectedLineNum",
    ),
    *(
        "ConnectedLineName",
        "Language",
        "AccountCode",
        "Context",
        "Exten",
        "Priority",
        "Uniqueid",
        "Linkedid",
    ),
]
MEMBER = [
    *(
        "StateInterface",
        "Membership",
        "Penalty",
        "CallsTaken",
        "LastCall",
        "LastPause",
        "LoginTime",
        "InCall",
    ),
    *("Status", "Paused", "PausedReason"),
]


def test_ping(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        frame = wire.ask("Ping")
        assert frame.keys == ["Response", "ActionID", "Ping", "Timestamp"]
        assert frame["Ping"] == "Pong"


def test_queue_status_items_end_with_the_action_id(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        frames = wire.ask_list("QueueStatus", ActionID="q")
        assert frames[0].data == (
            b"Response: Success\r\nActionID: q\r\nEventList: start\r\n"
            b"Message: Queue status will follow\r\n\r\n"
        )
        member = next(frame for frame in frames if frame.kind == ("Event", "QueueMember"))
        assert member.keys == [
            "Event",
            "Queue",
            "Name",
            "Location",
            *MEMBER,
            "Wrapuptime",
            "ActionID",
        ]
        params = frames[1]
        assert params.keys == [
            *(
                "Event",
                "Queue",
                "Max",
                "Strategy",
                "Calls",
                "Holdtime",
                "TalkTime",
                "Completed",
                "Abandoned",
            ),
            *("ServiceLevel", "ServicelevelPerf", "ServicelevelPerf2", "Weight", "ActionID"),
        ]
        assert frames[-1].pairs == [
            ("Event", "QueueStatusComplete"),
            ("ActionID", "q"),
            ("EventList", "Complete"),
            ("ListItems", "6"),
        ]
        assert "Zoë Müller" in [frame.get("Name") for frame in frames]
        assert len(wire.ask_list("QueueStatus", Queue="nosuch")) == 2
        assert len(wire.ask_list("QueueStatus", Queue="sales", Member="PJSIP/103")) == 4
        summary = wire.ask_list("QueueSummary")[1]
        assert summary.keys[1:] == [
            *(
                "Queue",
                "LoggedIn",
                "Available",
                "Callers",
                "HoldTime",
                "TalkTime",
                "LongestHoldTime",
                "ActionID",
            )
        ]


def test_queue_members_come_and_go_with_events(sim: Simulator) -> None:
    with logged_in(sim, events="agent") as wire:
        queue = {"Queue": "support", "Interface": "PJSIP/103"}
        assert (
            wire.ask("QueueAdd", **queue, MemberName="Cy", Penalty="2")["Message"]
            == "Added interface to queue"
        )
        added = wire.event("QueueMemberAdded")
        assert added.keys == [
            *(
                "Event",
                "Privilege",
                "Queue",
                "MemberName",
                "Interface",
                *MEMBER,
                "Ringinuse",
                "Wrapuptime",
            )
        ]
        assert (added["Membership"], added["Penalty"]) == ("dynamic", "2")
        assert wire.ask("QueueAdd", **queue)["Message"] == "Unable to add interface: Already there"
        wire.ask("QueuePause", **queue, Paused="true", Reason="lunch: 12-13")
        paused = wire.event("QueueMemberPause")
        assert (paused["Paused"], paused["PausedReason"]) == ("1", "lunch: 12-13")
        assert (
            wire.ask("QueuePause", **queue, Paused="false")["Message"]
            == "Interface unpaused successfully"
        )
        assert wire.ask("QueueRemove", **queue)["Message"] == "Removed interface from queue"
        assert wire.event("QueueMemberRemoved")["MemberName"] == "Cy"
        assert (
            wire.ask("QueueRemove", **queue)["Message"] == "Unable to remove interface: Not there"
        )
        no_queue = wire.ask("QueueAdd", Queue="nosuch", Interface="PJSIP/1")
        assert no_queue["Message"] == "Unable to add interface to queue: No such queue"


@pytest.mark.parametrize(
    ("action", "end", "extra"),
    [
        ("CoreShowChannels", "CoreShowChannelsComplete", []),
        ("Status", "StatusComplete", [("Items", "0")]),
        ("BridgeList", "BridgeListComplete", []),
        ("ParkedCalls", "ParkedCallsComplete", [("Total", "0")]),
        ("FAXSessions", "FAXSessionsComplete", [("Total", "0")]),
    ],
)
def test_empty_lists(sim: Simulator, action: str, end: str, extra: list[tuple[str, str]]) -> None:
    with logged_in(sim) as wire:
        start, complete = wire.ask_list(action, ActionID="x")
        assert start["EventList"] == ("Start" if action == "FAXSessions" else "start")
        assert complete.pairs == [
            *(
                ("Event", end),
                ("ActionID", "x"),
                ("EventList", "Complete"),
                ("ListItems", "0"),
                *extra,
            )
        ]


@pytest.mark.parametrize(
    ("action", "headers", "message"),
    [
        ("ConfbridgeList", {"Conference": "1"}, "No active conferences."),
        ("Status", {"Channel": "nosuch"}, "No such channel"),
        ("Hangup", {"Channel": "nosuch"}, "No such channel"),
        ("Hangup", {}, "No channel specified"),
        ("Hangup", {"Channel": "/[/"}, "Regex compile failed on: /[/"),
        ("Getvar", {}, "No variable specified"),
        ("Getvar", {"Channel": "nosuch", "Variable": "X"}, "No such channel"),
        ("Setvar", {"Variable": "NOFUNC(x)", "Value": "1"}, "Variable not set"),
        ("DBGet", {"Family": "no", "Key": "no"}, "Database entry not found"),
        ("DBGet", {"Family": "no"}, "No key specified."),
        ("DBDel", {"Family": "no", "Key": "no"}, "Database entry could not be deleted"),
        ("DBDelTree", {"Family": "no"}, "Database entry not found"),
        ("Redirect", {"Channel": "no", "Exten": "1"}, "Channel does not exist: no"),
        ("Redirect", {"Channel": "no", "Exten": "1", "Priority": "x"}, "Priority is invalid"),
        ("Bridge", {"Channel1": "no", "Channel2": "no"}, "Channel1 does not exist: no"),
        ("Bridge", {"Channel1": "no"}, "Missing channel parameter in request"),
        ("BlindTransfer", {"Channel": "no", "Exten": "1"}, "Channel specified does not exist"),
        ("Park", {"Channel": "no"}, "Channel does not exist: no"),
        ("BridgeInfo", {"BridgeUniqueid": "no"}, "Specified BridgeUniqueid not found"),
        ("PJSIPShowEndpoint", {"Endpoint": "no"}, "Unable to retrieve endpoint no\n"),
        ("CoreShowChannelMap", {"Channel": "no"}, "Could not get channel snapshot\n"),
        ("Command", {}, "No command provided"),
        ("ModuleCheck", {"Module": "nosuch"}, "Module not loaded"),
        ("GetConfig", {"Filename": "nosuch.conf"}, "Config file not found"),
        ("Originate", {}, "Channel not specified"),
        ("Originate", {"Channel": "PJSIP"}, "Invalid channel"),
        (
            "Originate",
            {"Channel": "PJSIP/101", "Exten": "1"},
            "Originate with 'Exten' requires 'Context' and 'Priority'",
        ),
        ("Originate", {"Channel": "PJSIP/101", "Priority": "x"}, "Invalid priority"),
        (
            "Originate",
            {"Channel": "PJSIP/101", "Context": "default", "Exten": "nosuch", "Priority": "1"},
            "Extension does not exist.",
        ),
        (
            "Frobnicate",
            {},
            (
                "Invalid/unknown command: Frobnicate. Use Action: ListCommands to show "
                "available commands."
            ),
        ),
    ],
)
def test_errors(sim: Simulator, action: str, headers: dict[str, str], message: str) -> None:
    with logged_in(sim) as wire:
        frame = wire.ask(action, ActionID="e", **headers)
        assert (
            frame.data == f"Response: Error\r\nActionID: e\r\nMessage: {message}\r\n\r\n".encode()
        )


def test_database(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        wire.ask("DBPut", Family="lab", Key="k", Val="a: b ")
        wire.ask("DBPut", Family="lab", Key="sub/uni", Val="Grüße 日本")
        start, item, end = wire.ask_list("DBGet", Family="lab", Key="k", ActionID="d")
        assert start["Message"] == "Result will follow"
        assert item.data == (
            b"Event: DBGetResponse\r\nFamily: lab\r\nKey: k\r\nVal: a: b \r\nActionID: d\r\n\r\n"
        )
        assert end["ListItems"] == "1"
        tree = wire.ask_list("DBGetTree", Family="lab")
        assert [frame["Key"] for frame in tree[1:-1]] == ["/lab/k", "/lab/sub/uni"]
        assert wire.ask("DBDelTree", Family="lab")["Message"] == "Key tree deleted successfully"
        assert wire.ask_list("DBGetTree", Family="lab")[-1]["ListItems"] == "0"


def test_16_counts_every_tree_as_one_item() -> None:
    with make(profile="16") as sim, logged_in(sim) as wire:
        assert wire.ask_list("DBGetTree", Family="nosuch")[-1]["ListItems"] == "1"


def test_variables(sim: Simulator) -> None:
    with logged_in(sim, events="dialplan") as wire:
        assert wire.ask("Getvar", Variable="NOSUCH").pairs[2:] == [
            ("Variable", "NOSUCH"),
            ("Value", ""),
        ]
        wire.ask("Setvar", Variable="ODD", Value="it's ${LAB} \\ ünï  ")
        assert (
            wire.event("VarSet").data
            == (
                "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: none\r\nUniqueid: none\r\n"
                "Variable: ODD\r\nValue: it\\'s ${LAB} \\\\ ünï  \r\n\r\n"
            ).encode()
        )
        assert wire.ask("Getvar", Variable="ODD")["Value"] == "it's ${LAB} \\ ünï  "
        assert wire.ask("Getvar", Variable="NOFUNC(x)")["Value"] == ""


def test_states(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        one = wire.ask("ExtensionState", Exten="101", Context="default", ActionID="s")
        assert one.data == (
            b"Response: Success\r\nActionID: s\r\nMessage: Extension Status\r\nExten: 101\r\n"
            b"Context: default\r\n"
            b"Hint: PJSIP/101\r\nStatus: 0\r\nStatusText: Idle\r\n\r\n"
        )
        assert wire.ask("ExtensionState", Exten="9999")["Status"] == "-1"
        assert wire.ask("ExtensionState", Exten="104")["StatusText"] == "Unavailable"
        item = wire.ask_list("ExtensionStateList")[1]
        assert item.keys == [
            "Event",
            "ActionID",
            "Exten",
            "Context",
            "Hint",
            "Status",
            "StatusText",
        ]
        item = wire.ask_list("DeviceStateList")[1]
        assert item.keys == ["Event", "ActionID", "Device", "State"]


def test_endpoints(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        frames = wire.ask_list("PJSIPShowEndpoints")
        assert frames[1].keys == [
            *(
                "Event",
                "ActionID",
                "ObjectType",
                "ObjectName",
                "Transport",
                "Aor",
                "Auths",
                "OutboundAuths",
            ),
            *("Contacts", "DeviceState", "ActiveChannels"),
        ]
        assert frames[-1].kind == ("Event", "EndpointListComplete")
        detail = wire.ask_list("PJSIPShowEndpoint", Endpoint="101")
        assert [frame.kind[1] for frame in detail[1:]] == [
            "EndpointDetail",
            "AorDetail",
            "EndpointDetailComplete",
        ]


def test_irregular_answers(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        assert (
            wire.ask("QueueRule", ActionID="r").data == b"Response: Success\r\nActionID: r\r\n\r\n"
        )
        wire.send("Ping", ActionID="p")
        assert wire.take(b"\r\n") == b"\r\n"
        assert wire.frame()["ActionID"] == "p"
        config = wire.ask("GetConfig", Filename="queues.conf", Category="nosuch", ActionID="c")
        assert config.data == b"Response: Success\r\nActionID: c\r\nNo categories found\r\n\r\n"
        assert "\nLoggedInTime: " in wire.ask_list("Agents")[1]["CallStarted"]
        users = wire.ask("VoicemailUsersList")
        assert users["Response"] == "Success"
        assert users.get("EventList") is None


def test_command_with_output_lines(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        good = wire.ask("Command", Command="core show uptime", ActionID="c")
        assert good.keys == ["Response", "ActionID", "Message", "Output", "Output"]
        assert good["Message"] == "Command output follows"
        bad = wire.ask("Command", Command="nosuch thing", ActionID="c")
        assert bad.data == (
            b"Response: Error\r\nActionID: c\r\nMessage: Command output follows\r\n"
            b"Output: No such command "
            b"'nosuch thing' (type 'core show help nosuch thing' for other possible commands)"
            b"\r\n\r\n"
        )
        assert "0 active channels" in wire.ask("Command", Command="core show channels").all(
            "Output"
        )
        assert wire.ask("Command", Command="database show").all("Output")[-1] == "1 results found."


def test_the_rights_of_a_user() -> None:
    users = {"admin": User(secret="amp111"), "few": User(secret="x", read="call,agent", write="")}
    with make(users=users) as sim, logged_in(sim) as wire:
        everything = wire.ask("Command", Command="manager show user admin").all("Output")
        few = wire.ask("Command", Command="manager show user FEW").all("Output")
        nobody = wire.ask("Command", Command="manager show user nobody").all("Output")
    assert everything[4].startswith("         read perm: system,call,log,")
    assert everything[4].endswith(",message,all")
    assert few[1:6] == [
        "          username: few",
        "            secret: <Set>",
        "               ACL: no",
        "         read perm: call,agent",
        "        write perm: <none>",
    ]
    assert nobody == ["There is no manager called nobody"]


def test_manager_show_connected_lists_the_sessions() -> None:
    with make() as sim, logged_in(sim) as wire, logged_in(sim), Wire(sim):
        head, *rows, total = wire.ask("Command", Command="manager show connected").all("Output")
    assert head.split() == [
        "Username", "IP", "Address", "Start", "Elapsed", "FileDes", "HttpCnt", "ReadPerms",
        "WritePerms",
    ]  # fmt: skip
    assert [row.split()[:2] for row in rows] == [["admin", "127.0.0.1"]] * 2
    assert total == "2 users connected."


def test_command_of_13() -> None:
    with make(profile="13") as sim, logged_in(sim) as wire:
        wire.send("Command", Command="core show version", ActionID="c")
        data = wire.take(b"--END COMMAND--\r\n\r\n")
        assert data.startswith(
            b"Response: Follows\r\nPrivilege: Command\r\nActionID: c\r\nAsterisk 13."
        )
        assert data.count(b"\r\n") == 5


@pytest.mark.parametrize(
    ("action", "profile", "exists"),
    [
        ("Monitor", "16", True),
        ("Monitor", "22", False),
        ("DBGetTree", "13", False),
        ("CoreShowChannelMap", "16", False),
        ("CoreShowChannelMap", "22", True),
    ],
)
def test_which_actions_a_release_has(action: str, profile: str, exists: bool) -> None:
    with make(profile=profile) as sim, logged_in(sim) as wire:
        frame = wire.ask(action)
        message = frame.get("Message") or ""
        assert message.startswith("Invalid/unknown command") is not exists


def test_settings_and_status(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        settings = wire.ask("CoreSettings")
        assert (settings["AMIversion"], settings["AsteriskVersion"]) == ("11.0.0", "22.10.1")
        assert wire.ask("CoreStatus").keys[2:] == [
            *(
                "CoreStartupDate",
                "CoreStartupTime",
                "CoreReloadDate",
                "CoreReloadTime",
                "CoreCurrentCalls",
            ),
            "CoreProcessedCalls",
        ]
        assert wire.ask("ModuleCheck", Module="app_queue").pairs[2:] == [("Version", "")]
        assert wire.ask("Reload")["Message"] == "Module Reloaded"


def test_no_event_comes_inside_a_list(sim: Simulator) -> None:
    with logged_in(sim, events="user") as wire:
        flood = sim.start_flood("UserEvent", count=20_000, UserEvent="Noise")
        for _ in range(20):
            frames = wire.ask_list("QueueStatus")
            assert [frame.get("UserEvent") for frame in frames] == [None] * 8
        flood.cancel()
