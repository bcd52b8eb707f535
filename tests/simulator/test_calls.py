"""Scripted calls: the order and the headers of their events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_ami.testing import Faults, Simulator
from tests.simulator.conftest import make
from tests.simulator.test_actions import SNAPSHOT
from tests.simulator.wire import Frame, Wire, logged_in

# Events that every device change brings along; the tests of order look at the rest.
SIDE = {"DeviceStateChange", "ExtensionStatus", "QueueMemberStatus", "Cdr", "Newexten", "VarSet"}


@pytest.fixture
def long_sim() -> Iterator[Simulator]:
    """Calls stay up until they are hung up."""
    with make(call_duration=60.0) as simulator:
        yield simulator


def main_events(wire: Wire, sim: Simulator, until: str = "OriginateResponse") -> list[Frame]:
    """Events up to one of this name and, if the call ends, to the end of its channels."""
    frames = [*wire.until("Event", until)]
    sim.wait_for(lambda: not sim.pbx.channels)
    action_id = wire.send("Ping")
    while (frame := wire.frame()).get("ActionID") != action_id:
        frames.append(frame)
    return [frame for frame in frames if frame.kind[0] == "Event"]


def names(frames: list[Frame]) -> list[str]:
    return [frame.kind[1] for frame in frames if frame.kind[1] not in SIDE]


def originate(wire: Wire, channel: str, **headers: str) -> Frame:
    where = {} if "Exten" in headers else {"Application": "Wait", "Data": "0.01"}
    return wire.ask("Originate", Channel=channel, Async="true", **{**where, **headers})


def test_an_answered_call_to_an_extension(sim: Simulator) -> None:
    with logged_in(sim, events="call,dialplan") as wire:
        answer = originate(
            wire, "PJSIP/101", Context="default", Exten="102", Priority="1", CallerID='"Ann" <55>'
        )
        assert answer["Message"] == "Originate successfully queued"
        frames = main_events(wire, sim)
        assert names(frames) == [
            *(
                "Newchannel",
                "NewCallerid",
                "NewConnectedLine",
                "DialBegin",
                "Newstate",
                "DialState",
                "Newstate",
            ),
            *(
                "DialEnd",
                "OriginateResponse",
                "Newchannel",
                "NewConnectedLine",
                "DialBegin",
                "NewConnectedLine",
            ),
            *(
                "Newstate",
                "DialState",
                "Newstate",
                "DialEnd",
                "BridgeCreate",
                "BridgeEnter",
                "BridgeEnter",
            ),
            *(
                "HangupRequest",
                "BridgeLeave",
                "BridgeLeave",
                "BridgeDestroy",
                "Hangup",
                "SoftHangupRequest",
                "Hangup",
            ),
        ]
        by_name = {frame.kind[1]: frame for frame in frames}
        assert by_name["Newchannel"].keys == ["Event", "Privilege", *SNAPSHOT]
        assert by_name["DialBegin"].keys == [
            *("Event", "Privilege", *SNAPSHOT, *(f"Dest{key}" for key in SNAPSHOT), "DialString")
        ]
        assert by_name["Hangup"].keys == ["Event", "Privilege", *SNAPSHOT, "Cause", "Cause-txt"]
        assert by_name["BridgeEnter"].keys[2:9] == [
            *("BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName"),
            *("BridgeNumChannels", "BridgeVideoSourceMode"),
        ]
        assert by_name["BridgeEnter"].keys[9:] == SNAPSHOT
        response = by_name["OriginateResponse"]
        assert response.keys == [
            *(
                "Event",
                "Privilege",
                "ActionID",
                "Response",
                "Channel",
                "Context",
                "Exten",
                "Reason",
                "Uniqueid",
            ),
            *("CallerIDNum", "CallerIDName"),
        ]
        assert response["ActionID"] == answer["ActionID"]
        assert (response["Response"], response["Reason"], response["CallerIDName"]) == (
            "Success",
            "4",
            "Ann",
        )
        first = frames[0]
        assert {frame["Linkedid"] for frame in frames if frame.get("Linkedid")} == {
            first["Uniqueid"]
        }
        assert response["Uniqueid"] == first["Uniqueid"]


def test_first_newchannel_last_hangup_of_every_channel(sim: Simulator) -> None:
    with logged_in(sim, events="call,dialplan") as wire:
        for _ in range(10):
            where = {"Context": "default", "Exten": "102", "Priority": "1"}
            wire.send("Originate", Channel="PJSIP/101", Async="true", **where)
        frames: list[Frame] = []
        for _ in range(10):
            frames += wire.until("Event", "OriginateResponse")
        sim.wait_for(lambda: not sim.pbx.channels)
        wire.send("Logoff")
        frames += wire.until("Response", "Goodbye")
        seen: dict[str, list[str]] = {}
        for frame in frames:
            if frame.get("Uniqueid") and frame.kind[1] != "OriginateResponse":
                seen.setdefault(frame["Uniqueid"], []).append(frame.kind[1])
        assert len(seen) == 20
        assert all(events[0] == "Newchannel" and events[-1] == "Hangup" for events in seen.values())


@pytest.mark.parametrize(
    ("channel", "reason", "status", "causes"),
    [
        ("PJSIP/busy", "0", "BUSY", {"17"}),
        ("Local/busy@outcomes", "5", "BUSY", {"0", "17"}),
        ("PJSIP/congestion", "0", "CONGESTION", {"34"}),
        ("Local/congestion@outcomes", "8", "CONGESTION", {"0", "34"}),
        ("PJSIP/reject", "0", "NOANSWER", {"21"}),
        ("PJSIP/unavailable", "0", "NOANSWER", {"19"}),
        ("PJSIP/notfound", "0", "NOANSWER", {"1"}),
        ("PJSIP/hangup", "0", "CANCEL", {"16"}),
        ("PJSIP/noanswer", "3", None, {"19"}),
        ("Local/ring@outcomes", "3", None, {"19"}),
    ],
)
def test_calls_that_fail(
    sim: Simulator, channel: str, reason: str, status: str | None, causes: set[str]
) -> None:
    with logged_in(sim, events="call") as wire:
        originate(wire, channel, Timeout="50")
        frames = main_events(wire, sim)
        response = next(frame for frame in frames if frame.kind[1] == "OriginateResponse")
        assert response.pairs[3:9] == [
            ("Response", "Failure"),
            ("Channel", channel),
            ("Application", "Wait"),
            ("Data", "0.01"),
            ("Reason", reason),
            ("Uniqueid", "<unknown>"),
        ]
        ends = [frame for frame in frames if frame.kind[1] == "DialEnd"]
        assert [end["DialStatus"] for end in ends] == ([status] if status else [])
        assert all(frame.get("Channel") is None for frame in frames if frame.kind[1] == "DialBegin")
        assert {frame["Cause"] for frame in frames if frame.kind[1] == "Hangup"} == causes


@pytest.mark.parametrize(
    ("channel", "channels"),
    [("PJSIP/nosuch", 0), ("PJSIP/104", 0), ("Foo/bar", 0), ("Local/nosuch@default", 2)],
)
def test_calls_to_nowhere_have_reason_0(sim: Simulator, channel: str, channels: int) -> None:
    with logged_in(sim, events="call") as wire:
        originate(wire, channel)
        frames = main_events(wire, sim)
        assert names(frames).count("Newchannel") == channels
        assert frames[-1]["Reason"] == "0"


def test_tech_cause_is_new_in_22() -> None:
    for profile, expected in (("16", None), ("22", "486")):
        with make(profile=profile) as sim, logged_in(sim, events="call") as wire:
            originate(wire, "PJSIP/busy")
            assert wire.event("Hangup").get("TechCause") == expected


def test_13_has_no_dial_state() -> None:
    with make(profile="13") as sim, logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101")
        assert "DialState" not in names(wire.until("Event", "OriginateResponse"))


def test_originate_response_needs_class_call(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        originate(wire, "PJSIP/101")
        sim.wait_for(lambda: sim.pbx.calls_processed and not sim.pbx.channels)
        wire.send("Ping", ActionID="p")
        assert wire.frame()["ActionID"] == "p"


def test_originate_response_goes_to_other_sessions_too(sim: Simulator) -> None:
    with logged_in(sim) as caller, logged_in(sim, events="call") as other:
        sent = originate(caller, "PJSIP/busy", ActionID="foreign")
        assert sent["Response"] == "Success"
        assert other.event("OriginateResponse")["ActionID"] == "foreign"


def test_originate_response_may_come_first() -> None:
    faults = Faults(originate_response_first=True)
    with make(faults=faults) as sim, logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101")
        frames = [wire.frame(), wire.frame()]
        assert [frame.kind[1] for frame in frames] == ["OriginateResponse", "Newchannel"]
        assert frames[0]["Uniqueid"] == frames[1]["Uniqueid"]


def test_variables_of_an_originate(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call,dialplan") as wire:
        many = [("Variable", r'A="x\,y",B=two words'), ("Variable", "__INH=yes")]
        wire.ask(
            "Originate",
            *many,
            Channel="PJSIP/101",
            Application="Echo",
            Async="1",
            ChannelId="own-1",
        )
        frames = wire.until("Event", "OriginateResponse")
        sets = [
            (frame["Variable"], frame["Value"]) for frame in frames if frame.kind[1] == "VarSet"
        ]
        assert sets == [("__INH", "yes"), ("B", "two words"), ("A", "x,y")]
        assert frames[-1]["Uniqueid"] == "own-1"
        assert wire.ask("Getvar", Channel="own-1", Variable="A")["Value"] == "x,y"
        assert wire.ask("Getvar", Channel="own-1", Variable="INH")["Value"] == "yes"
        wire.ask("Hangup", Channel="own-1", Cause="21")
        assert wire.event("Hangup")["Cause-txt"] == "Call Rejected"


def test_a_synchronous_originate_blocks_its_session_only(sim: Simulator) -> None:
    with logged_in(sim, events="call") as caller, logged_in(sim) as other:
        caller.send(
            "Originate", ActionID="o", Channel="PJSIP/noanswer", Application="Wait", Timeout="300"
        )
        caller.send("Ping", ActionID="p")
        sim.wait_for(lambda: sim.pbx.channels)
        assert other.ask("Ping")["Ping"] == "Pong"
        frames = caller.until("Event", "Hangup")
        assert (
            frames[0].data == b"Response: Error\r\nActionID: o\r\nMessage: Originate failed\r\n\r\n"
        )
        assert frames[1].kind == ("Event", "Newchannel")
        assert "OriginateResponse" not in names(frames)
        assert caller.until("Response", "Success")[-1]["ActionID"] == "p"


def test_a_synchronous_originate_that_is_answered(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        frame = wire.ask("Originate", Channel="PJSIP/101", Application="Wait", Data="0.01")
        assert frame["Message"] == "Originate successfully queued"


def test_the_call_goes_on_when_its_session_ends(sim: Simulator) -> None:
    with logged_in(sim, events="call") as other:
        with logged_in(sim) as caller:
            caller.send("Originate", Channel="PJSIP/noanswer", Application="Wait", Timeout="100")
            sim.wait_for(lambda: sim.pbx.channels)
        assert other.event("Hangup")["Cause"] == "19"


def test_channel_lists(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101", Context="default", Exten="102", Priority="1")
        wire.until("Event", "BridgeEnter")
        enter = wire.event("BridgeEnter")
        frames = wire.ask_list("CoreShowChannels", ActionID="l")
        assert frames[1].keys == [
            *(
                "Event",
                "ActionID",
                *SNAPSHOT,
                "Application",
                "ApplicationData",
                "Duration",
                "BridgeId",
            )
        ]
        assert {frame["BridgeId"] for frame in frames[1:-1]} == {enter["BridgeUniqueid"]}
        status = wire.ask_list(
            "Status", Channel=enter["Uniqueid"], Variables="CHANNEL(state),NOSUCH"
        )
        assert status[1].keys[:3] == ["Event", "Privilege", "Channel"]
        assert status[1]["Privilege"] == "Call"
        assert status[1].keys[-1] == "ActionID"
        assert status[1].all("Variable") == ["CHANNEL(state)=Up", "NOSUCH=(null)"]
        bridge = wire.ask_list("BridgeInfo", BridgeUniqueid=enter["BridgeUniqueid"])
        assert [frame.kind[1] for frame in bridge[1:]] == ["BridgeInfoChannel"] * 2 + [
            "BridgeInfoComplete"
        ]
        gone = wire.ask_list("Hangup", Channel="/^PJSIP/.*$/")
        assert [frame.keys for frame in gone[1:-1]] == [["Event", "Channel", "ActionID"]] * 2
        assert gone[-1].kind == ("Event", "ChannelsHungupListComplete")
        sim.wait_for(lambda: not sim.pbx.channels)
        assert len(wire.ask_list("Hangup", Channel="/nomatch/")) == 2


def test_hangup_of_one_side_ends_the_other(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101", Context="default", Exten="102", Priority="1")
        wire.until("Event", "BridgeEnter")
        caller = wire.event("BridgeEnter")
        assert wire.ask("Hangup", Channel=caller["Channel"])["Message"] == "Channel Hungup"
        frames = main_events(wire, sim, "BridgeDestroy")
        assert names(frames).count("Hangup") == 2


def test_redirect_and_blind_transfer(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call,dialplan") as wire:
        originate(wire, "PJSIP/101", Context="default", Exten="102", Priority="1")
        wire.until("Event", "BridgeEnter")
        caller = wire.event("BridgeEnter")
        where = {"Context": "default", "Exten": "103", "Priority": "1"}
        assert (
            wire.ask("Redirect", Channel=caller["Channel"], **where)["Message"]
            == "Redirect successful"
        )
        moved = wire.until("Event", "BridgeCreate")
        assert "103" in [frame.get("Extension") for frame in moved]
        wire.until("Event", "BridgeEnter")
        wire.event("BridgeEnter")
        sent = wire.ask("BlindTransfer", Channel=caller["Channel"], Context="default", Exten="102")
        assert sent["Message"] == "Transfer succeeded"
        transfer = wire.event("BlindTransfer")
        assert (transfer["Result"], transfer["Extension"]) == ("Success", "102")
        assert transfer["TransfereeChannel"].startswith("PJSIP/103-")
        assert wire.event("Hangup")["Channel"] == caller["Channel"]
        assert (
            wire.ask("Atxfer", Channel=transfer["TransfereeChannel"], Exten="1")["Response"]
            == "Success"
        )


def test_bridge_two_calls(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call") as wire:
        channels = []
        for device in ("101", "102"):
            originate(wire, f"PJSIP/{device}", Application="Echo", Data="")
            channels.append(wire.event("OriginateResponse")["Channel"])
        frame = wire.ask("Bridge", Channel1=channels[0], Channel2=channels[1])
        assert frame["Message"] == "Channels have been bridged"
        entered = [wire.event("BridgeEnter")["Channel"] for _ in channels]
        assert sorted(entered) == sorted(channels)
        wire.ask("Hangup", Channel=channels[0])
        assert {wire.event("Hangup")["Channel"] for _ in channels} == set(channels)


def test_parking(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101", Application="Echo", Data="")
        channel = wire.event("OriginateResponse")["Channel"]
        sim.wait_for(lambda: sim.pbx.channels[channel].application == "Echo")
        parked = wire.ask("Park", Channel=channel, Timeout="20000", ActionID="pk")
        assert (
            parked.data
            == b"Response: Success\r\nActionID: pk\r\nMessage: Park successful\n\r\n\r\n"
        )
        event = wire.event("ParkedCall")
        assert event.keys[2:] == [
            *(f"Parkee{key}" for key in SNAPSHOT),
            *(
                "ParkerDialString",
                "Parkinglot",
                "ParkingSpace",
                "ParkingTimeout",
                "ParkingDuration",
            ),
        ]
        assert (event["ParkingSpace"], event["ParkingTimeout"]) == ("701", "20")
        item = wire.ask_list("ParkedCalls")[1]
        assert item.keys == ["Event", *event.keys[2:], "ActionID"]
        wire.ask("Hangup", Channel=channel)
        assert wire.event("ParkedCallGiveUp")["ParkingSpace"] == "701"
        assert wire.event("Hangup")["Channel"] == channel


def test_a_queue_call(sim: Simulator) -> None:
    with logged_in(sim, events="call,agent") as wire:
        originate(wire, "PJSIP/102", Application="Queue", Data="support,t,,,30")
        frames = [frame for frame in main_events(wire, sim) if frame.kind[1] != "QueueMemberStatus"]
        order = names(frames)
        assert order[order.index("OriginateResponse") + 1 :] == [
            *(
                "QueueCallerJoin",
                "MusicOnHoldStart",
                "Newchannel",
                "AgentCalled",
                "DialBegin",
                "Newstate",
            ),
            *(
                "NewConnectedLine",
                "DialState",
                "Newstate",
                "DialEnd",
                "NewConnectedLine",
                "MusicOnHoldStop",
            ),
            *(
                "QueueCallerLeave",
                "AgentConnect",
                "BridgeCreate",
                "BridgeEnter",
                "BridgeEnter",
                "HangupRequest",
            ),
            *(
                "BridgeLeave",
                "BridgeLeave",
                "BridgeDestroy",
                "AgentComplete",
                "Hangup",
                "SoftHangupRequest",
                "Hangup",
            ),
        ]
        connect = next(frame for frame in frames if frame.kind[1] == "AgentConnect")
        assert connect.keys[2:] == [
            *(*SNAPSHOT, *(f"Dest{key}" for key in SNAPSHOT)),
            *("Queue", "Interface", "MemberName", "HoldTime", "RingTime"),
        ]
        assert connect["MemberName"] == "Alice"
        item = next(
            frame for frame in wire.ask_list("QueueStatus") if frame.get("Location") == "PJSIP/101"
        )
        assert item["CallsTaken"] == "1"


def test_a_queue_call_that_is_given_up(sim: Simulator) -> None:
    with logged_in(sim, events="call,agent") as wire:
        wire.ask("QueuePause", Queue="sales", Interface="PJSIP/103", Paused="true")
        originate(wire, "PJSIP/102", Application="Queue", Data="sales")
        frames = main_events(wire, sim)
        order = names(frames)
        assert "AgentRingNoAnswer" in order
        assert order[order.index("QueueCallerAbandon") :] == [
            *("QueueCallerAbandon", "QueueCallerLeave", "SoftHangupRequest", "Hangup")
        ]
        entry = next(frame for frame in frames if frame.kind[1] == "QueueCallerAbandon")
        assert entry.keys[-4:] == ["Queue", "Position", "OriginalPosition", "HoldTime"]


def test_a_queue_call_whose_time_is_over_has_a_status(sim: Simulator) -> None:
    """QUEUESTATUS tells a timeout from a caller who hung up: the other events are the same."""
    with logged_in(sim, events="call,agent,dialplan") as wire:
        wire.ask("QueuePause", Queue="sales", Interface="PJSIP/103", Paused="true")
        originate(wire, "PJSIP/102", Application="Queue", Data="sales")
        frames = main_events(wire, sim)
        kinds = [frame.kind[1] for frame in frames]
        told = frames[kinds.index("QueueCallerLeave") + 1]
        assert told.kind[1] == "VarSet"
        assert (told["Variable"], told["Value"]) == ("QUEUESTATUS", "TIMEOUT")


def test_a_local_channel_has_two_halves(sim: Simulator) -> None:
    with logged_in(sim, events="call") as wire:
        originate(wire, "Local/500@default", ChannelId="own", Timeout="5000")
        frames = main_events(wire, sim)
        assert names(frames)[:4] == ["Newchannel", "Newchannel", "LocalBridge", "DialBegin"]
        assert [frame["Uniqueid"] for frame in frames[:2]] == ["own", "own;2"]
        assert [frame["ChannelStateDesc"] for frame in frames[:2]] == ["Down", "Ring"]
        bridge = next(frame for frame in frames if frame.kind[1] == "LocalBridge")
        assert bridge.keys[2:] == [
            *(f"LocalOne{key}" for key in SNAPSHOT),
            *(f"LocalTwo{key}" for key in SNAPSHOT),
            *("Context", "Exten", "LocalOptimization"),
        ]
        assert (
            next(frame for frame in frames if frame.kind[1] == "DialBegin")["DialString"]
            == "500@default"
        )
        assert names(frames).count("Hangup") == 2


def test_a_local_channel_may_lead_into_a_queue(sim: Simulator) -> None:
    with logged_in(sim, events="agent") as wire:
        wire.send(
            "Originate", Channel="Local/support@default", Application="Wait", Data="5", Async="true"
        )
        assert wire.event("QueueCallerJoin")["Channel"].endswith(";2")
        assert wire.event("AgentConnect")["MemberName"] == "Alice"


def test_recording(long_sim: Simulator) -> None:
    sim = long_sim
    with logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101", Application="Echo", Data="")
        channel = wire.event("OriginateResponse")["Channel"]
        assert wire.ask("MixMonitor", Channel=channel, File="x.wav").keys == [
            "Response",
            "ActionID",
        ]
        assert wire.event("MixMonitorStart")["Channel"] == channel
        assert wire.ask("StopMixMonitor", Channel=channel).keys == ["Response", "ActionID"]
        assert wire.event("MixMonitorStop")["Channel"] == channel


def test_channelvars() -> None:
    with make(channelvars=("FOO",)) as sim, logged_in(sim, events="call") as wire:
        wire.ask(
            "Originate",
            Channel="PJSIP/101",
            Application="Wait",
            Data="0.01",
            Async="1",
            Variable="FOO=it's",
        )
        frames = wire.until("Event", "OriginateResponse")
        begin = next(frame for frame in frames if frame.kind[1] == "DialBegin")
        assert begin["DestChanVariable"] == "FOO=it\\'s"
        channel = frames[-1]["Channel"]
        assert frames[-1].pairs[-1] == (f"ChanVariable({channel})", "FOO=it's")


def test_system_name_begins_the_unique_id() -> None:
    with make(systemname="lab") as sim, logged_in(sim, events="call") as wire:
        originate(wire, "PJSIP/101")
        assert wire.event("Newchannel")["Uniqueid"].startswith("lab-")


def test_traffic(sim: Simulator) -> None:
    with logged_in(sim, events="call,agent") as wire:
        sim.run_traffic(200)
        wire.event("QueueCallerJoin")
        wire.event("AgentComplete")
        sim.stop_traffic()
        sim.wait_for(lambda: not sim.pbx.channels)
