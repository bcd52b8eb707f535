"""The state and the outcome of a call, from recorded calls and from events made up here."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.call_outcome import CallOutcome
from django_ami.core.calls import CALL_EVENTS, PROGRESS_EVENTS
from django_ami.core.errors import ActionCancelled, ConnectionLost
from django_ami.core.messages import Event
from django_ami.core.outcome import CallResult, OriginateOutcome
from django_ami.core.progress import OriginateState, Progress
from tests.recordings import timed, truth

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "call-1"
BRIDGE = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}


def event(name: str, **headers: Any) -> Event:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), "pbx")


def first(state: int, **more: Any) -> dict[str, Any]:
    return {
        "Channel": "PJSIP/alice-1", "ChannelState": state, "Uniqueid": ID, "Linkedid": ID, **more
    }  # fmt: skip


def second(state: int, prefix: str = "", **more: Any) -> dict[str, Any]:
    channel = {
        "Channel": "PJSIP/bob-2", "ChannelState": state, "Uniqueid": "2.2", "Linkedid": ID
    }  # fmt: skip
    return {**{f"{prefix}{key}": value for key, value in channel.items()}, **more}


PICKED_UP = [event("Newchannel", **first(0)), event("Newstate", **first(6))]
DIALLED = [
    event("Newchannel", **second(0)),
    event("DialBegin", **first(6), **second(0, "Dest")),
]
RINGING = [event("Newstate", **second(5))]
TALKING = [
    event("DialEnd", **first(6), **second(6, "Dest"), DialStatus="ANSWER"),
    event("BridgeEnter", **second(6), **BRIDGE, BridgeNumChannels=1),
    event("BridgeEnter", **first(6), **BRIDGE, BridgeNumChannels=2),
]


def over(cause: int, status: str = "", *, state: int = 5, **more: Any) -> list[Event]:
    """The end of a second party that was not connected."""
    dial = [event("DialEnd", **first(6), **second(state, "Dest"), DialStatus=status, **more)]
    tech = {"TechCause": more.pop("sip")} if "sip" in more else {}
    hangup = [event("Hangup", **second(state), Cause=cause, **tech)]
    return (dial if status else []) + hangup


def hung_up(cause: int = 16) -> Event:
    return event("Hangup", **first(6), Cause=cause)


def told(progress: Progress) -> list[tuple[str, CallResult | None]]:
    heard: list[tuple[str, CallResult | None]] = []
    progress.listener = lambda each: heard.append(
        (str(each.state), each.outcome and each.outcome.result)
    )
    return heard


def fed(events: Iterable[Event], **how: Any) -> Progress:
    progress = Progress(ID, **how)
    for number, each in enumerate(events):
        progress.observe(each, float(number))
    return progress


# --- recorded calls ---


def replay(name: str, version: str) -> tuple[Progress, list[str]]:
    """A recorded Originate, settled by its OriginateResponse."""
    told_by = [
        (at, each)
        for at, each in timed(name, version)
        if each.name in PROGRESS_EVENTS | {"OriginateResponse"}
    ]
    response = next(each for _, each in told_by if each.name == "OriginateResponse")
    call_id = next(
        each["Uniqueid"]
        for _, each in told_by
        if each.name == "Newchannel" and each["Uniqueid"] == each["Linkedid"]
    )
    progress = Progress(call_id)
    states = [str(progress.state)]
    progress.listener = lambda each: states.append(str(each.state))
    seen: list[Event] = []
    for at, each in told_by:
        if each.name in CALL_EVENTS:
            seen.append(each)
        if each is response:
            settled = at
        elif each.get("Linkedid", each.get("DestLinkedid")) == call_id:
            progress.observe(each, at)
    if not progress.ended:
        progress.told(OriginateOutcome.from_event(response, seen), settled)
    return progress, states


@pytest.mark.parametrize("version", ["22", "24"])
def test_click_to_call_rings_one_party_and_then_the_other(version: str) -> None:
    try:
        progress, states = replay("click-to-call", version)
    except FileNotFoundError:
        pytest.skip("not recorded")
    assert states == [
        "dialing", "ringing", "picked up", "ringing second", "answered", "ended"
    ]  # fmt: skip
    (talk,) = truth("click-to-call", version)["talks"]
    assert progress.outcome is not None
    assert progress.outcome.answered
    assert progress.outcome.cause == 16
    assert progress.outcome.talk_seconds == pytest.approx(talk["to"] - talk["from"], abs=0.15)


@pytest.mark.parametrize(
    ("name", "result", "cause"),
    [("originate-486", "busy", 17), ("originate-rings-out", "no answer", 19)],
)
def test_a_first_party_that_does_not_pick_up(name: str, result: str, cause: int) -> None:
    progress, states = replay(name, "22")
    assert states == ["dialing", "ringing", "ended"]
    assert progress.outcome is not None
    assert (progress.outcome.result, progress.outcome.cause) == (result, cause)
    assert not progress.outcome.picked_up


# --- the second party ---


@pytest.mark.parametrize(
    ("end", "result", "cause"),
    [
        (over(17, "BUSY"), "busy", 17),
        (over(0, "NOANSWER"), "no answer", 0),  # Dial's time was over
        (over(21, "NOANSWER"), "rejected", 21),
        (over(1, "NOANSWER", state=0), "not found", 1),
        (over(19, "NOANSWER", state=0), "unavailable", 19),
        (over(127, "NOANSWER", sip=607), "rejected", 127),
        (over(34, "CONGESTION"), "failed", 34),
        (over(0, "CHANUNAVAIL", state=0), "unavailable", 0),
        (over(127, "CANCEL"), "cancelled", 127),  # the first party gave up
        (over(16, "ANSWER"), "cancelled", 16),  # it crossed the end: no bridge
        (over(16), "cancelled", 16),
        (over(38), "failed", 38),
    ],
)
def test_the_hangup_of_the_second_party_tells(end: list[Event], result: str, cause: int) -> None:
    ringing = RINGING if end[-1]["ChannelState"] == "5" else []
    progress = fed([*PICKED_UP, *DIALLED, *ringing, *end, hung_up(34)])
    assert progress.outcome is not None
    assert (progress.outcome.result, progress.outcome.cause) == (result, cause)
    assert progress.outcome.picked_up
    assert progress.outcome.description.startswith("the second party: ")


def test_of_several_phones_the_one_that_says_most_tells() -> None:
    def of(number: int, events: list[Event]) -> list[Event]:
        return [
            Event(each.name, each.raw.replace(b"2.2", b"%d.9" % number), "pbx") for each in events
        ]

    legs = [of(number, DIALLED) for number in (3, 4, 5)]
    ends = [
        of(3, over(0, "CANCEL", Forward="6003")),
        of(4, over(21, "NOANSWER")),
        of(5, over(17, "BUSY")),
    ]
    progress = fed([*PICKED_UP, *chain(*legs, *ends), hung_up(17)])
    assert progress.outcome is not None
    assert progress.outcome.result == "busy"


@pytest.mark.parametrize(
    ("cause", "result", "text"),
    [
        (16, "answered", "answered by the dialplan, which dialled nobody"),
        (34, "failed", "no second party was rung: congestion, or not available"),
        (1, "not found", "no second party was rung: no such number"),
    ],
)
def test_a_dialplan_that_rings_no_second_party(cause: int, result: str, text: str) -> None:
    progress = fed([*PICKED_UP, hung_up(cause)])
    assert progress.outcome is not None
    assert progress.outcome.result == result
    assert progress.outcome.description.startswith(text)
    assert progress.outcome.talk_seconds == 0


def test_a_call_to_an_application_is_answered_when_it_is_picked_up() -> None:
    progress = Progress(ID, single=True)
    for at, each in ((0, PICKED_UP[0]), (1, PICKED_UP[1]), (5, hung_up())):
        progress.observe(each, float(at))
    assert progress.outcome is not None
    assert progress.outcome.answered
    assert progress.outcome.talk_seconds == 4


def test_answered_is_both_in_one_bridge_and_not_a_dial_end() -> None:
    progress = Progress(ID)
    states = told(progress)
    for each in [*PICKED_UP, *DIALLED, *RINGING, TALKING[0], TALKING[1]]:
        progress.observe(each, 0.0)
    assert [state for state, _ in states] == ["picked up", "ringing second"]
    progress.observe(TALKING[2], 1.0)
    assert progress.state is OriginateState.ANSWERED
    held = {**BRIDGE, "BridgeTechnology": "holding_bridge"}
    for where in (
        event("BridgeLeave", **first(6), **BRIDGE),
        event("BridgeEnter", **first(6), **held),
    ):
        progress.observe(where, 3.0)
    progress.observe(hung_up(), 9.0)
    progress.observe(event("Hangup", **second(6), Cause=16), 9.0)
    assert progress.outcome is not None
    assert progress.outcome.talk_seconds == 2


def test_the_second_party_may_hang_up_last() -> None:
    """The end of the first channel is not the end of the call."""
    progress = fed([*PICKED_UP, *DIALLED, *RINGING, *TALKING, hung_up()])
    assert progress.state is OriginateState.ANSWERED
    assert progress.channels == ("2.2",)
    progress.observe(event("Hangup", **second(6), Cause=16), 20.0)
    assert progress.outcome is not None
    assert progress.outcome.talk_seconds == 1  # it ended when the first one left


def test_the_channel_of_a_call_that_another_one_took_in_tells_its_end_alone() -> None:
    progress = fed([*PICKED_UP, *DIALLED, *RINGING, *TALKING])
    progress.observe(event("BridgeEnter", **first(6, Linkedid="older"), **BRIDGE), 9.0)
    progress.observe(event("Hangup", **first(6, Linkedid="older"), Cause=16), 12.0)
    assert progress.ended


def test_a_call_that_waited_for_its_turn_is_dialled() -> None:
    progress = Progress(ID, state=OriginateState.WAITING)
    heard = told(progress)
    progress.leave()
    assert heard == [("dialing", None)]


# --- a Local channel is the way to the first party ---


def local(half: int, state: int, **more: Any) -> dict[str, Any]:
    uniqueid = ID if half == 1 else f"{ID};2"
    return {
        "Channel": f"Local/1@x-1;{half}", "ChannelState": state, "Uniqueid": uniqueid,
        "Linkedid": ID, **more,
    }  # fmt: skip


def alice(state: int, prefix: str = "") -> dict[str, Any]:
    channel = {
        "Channel": "PJSIP/alice-1", "ChannelState": state, "Uniqueid": "1.1", "Linkedid": ID
    }  # fmt: skip
    return {f"{prefix}{key}": value for key, value in channel.items()}


LOCAL = [
    event("Newchannel", **local(1, 0)),
    event("Newchannel", **local(2, 4)),
    event("Newchannel", **alice(0)),
    event("DialBegin", **local(2, 4), **alice(0, "Dest")),
    event("Newstate", **alice(5)),
    event("Newstate", **local(1, 5)),
    event("Newstate", **alice(6)),
    event("DialEnd", **local(2, 6), **alice(6, "Dest"), DialStatus="ANSWER"),
    event("BridgeEnter", **alice(6), **{**BRIDGE, "BridgeUniqueid": "b0"}, BridgeNumChannels=1),
    event("BridgeEnter", **local(2, 6), **{**BRIDGE, "BridgeUniqueid": "b0"}, BridgeNumChannels=2),
    event("Newstate", **local(1, 6)),
]


def test_the_phone_behind_a_local_channel_is_the_first_party() -> None:
    progress = fed(LOCAL)
    assert progress.state is OriginateState.PICKED_UP
    for each in [*DIALLED, *RINGING, TALKING[1]]:
        progress.observe(each, 11.0)
    assert progress.state is OriginateState.RINGING_SECOND
    progress.observe(event("BridgeEnter", **local(1, 6), **BRIDGE, BridgeNumChannels=2), 12.0)
    assert progress.state is OriginateState.ANSWERED
    # It is optimised away: the phones are in one bridge, and both halves are gone.
    progress.observe(event("BridgeEnter", **alice(6), **BRIDGE, BridgeNumChannels=3), 13.0)
    for half in (1, 2):
        progress.observe(event("BridgeLeave", **local(half, 6)), 13.0)
        progress.observe(event("Hangup", **local(half, 6), Cause=16), 13.0)
    assert not progress.ended
    assert progress.channels == ("1.1", "2.2")
    progress.observe(event("Hangup", **alice(6), Cause=16), 22.0)
    progress.observe(event("Hangup", **second(6), Cause=16), 22.0)
    assert progress.outcome is not None
    assert progress.outcome.talk_seconds == 10


def test_an_application_behind_a_local_channel_is_a_party() -> None:
    progress = fed([LOCAL[0], LOCAL[1], event("Newstate", **local(2, 6)), LOCAL[-1]])
    for each in [*DIALLED, TALKING[1]]:
        progress.observe(each, 5.0)
    progress.observe(event("BridgeEnter", **local(1, 6), **BRIDGE, BridgeNumChannels=2), 6.0)
    assert progress.state is OriginateState.ANSWERED


# --- gaps ---


def test_a_gap_hides_the_state_until_a_list_tells_it() -> None:
    progress = fed([*PICKED_UP, *DIALLED])
    progress.lost(ConnectionLost("gone"))
    assert progress.state is OriginateState.UNKNOWN
    progress.found([event("Status", **first(6))], 10.0)
    assert progress.state is OriginateState.PICKED_UP
    members = [event("BridgeInfoChannel", **first(6)), event("BridgeInfoChannel", **second(6))]
    progress.bridged(event("BridgeInfoComplete", **BRIDGE, BridgeNumChannels=2), members, 10.0)
    assert progress.state is OriginateState.ANSWERED
    assert progress.error is None


def test_a_list_says_who_is_alone_in_a_bridge() -> None:
    progress = fed([*PICKED_UP, *DIALLED, *TALKING])
    progress.lost()
    progress.found([event("Status", **first(6))], 10.0)  # the second one is gone
    progress.bridged(event("BridgeInfoComplete", **BRIDGE, BridgeNumChannels=1), [], 10.0)
    assert progress.state is OriginateState.ANSWERED
    progress.observe(hung_up(), 90.0)
    assert progress.outcome is not None
    assert progress.outcome.talk_seconds == 4
    alone = fed(PICKED_UP)
    members = [event("BridgeInfoChannel", **first(6))]
    alone.bridged(event("BridgeInfoComplete", **BRIDGE, BridgeNumChannels=1), members, 10.0)
    assert alone.state is OriginateState.PICKED_UP


def test_a_stranger_in_a_bridge_is_a_party_and_a_conference_alone_is_none() -> None:
    stranger = fed([*PICKED_UP, event("BridgeEnter", **first(6), **BRIDGE, BridgeNumChannels=2)])
    assert stranger.state is OriginateState.ANSWERED
    room = {**BRIDGE, "BridgeType": "base", "BridgeTechnology": "softmix"}
    alone = fed(
        [
            *PICKED_UP,
            event("BridgeEnter", **first(6), **room, BridgeNumChannels=2),  # with its announcer
            event("BridgeLeave", **first(6), **room),
        ]
    )
    assert alone.state is OriginateState.PICKED_UP


def test_a_call_that_is_absent_had_an_end() -> None:
    talked = fed([*PICKED_UP, *DIALLED, *TALKING])
    picked_up, never_seen = fed(PICKED_UP), Progress(ID)
    for progress in (talked, picked_up, never_seen):
        progress.lost()
        progress.absent(30.0)
        progress.absent(31.0)  # the second one tells nothing new
        assert progress.outcome is not None
        assert progress.outcome.inferred
    assert talked.outcome is not None
    assert (talked.outcome.result, talked.outcome.talk_seconds) == ("answered", 24)
    assert picked_up.outcome is not None
    assert (picked_up.outcome.result, picked_up.outcome.picked_up) == ("unknown", True)
    assert never_seen.outcome is not None
    assert never_seen.outcome.description.startswith("the server has no such call")


def test_call_that_has_ended_stays_as_it_is() -> None:
    progress = fed(
        [*PICKED_UP, *DIALLED, *TALKING, event("Hangup", **second(6), Cause=16), hung_up()]
    )
    outcome = progress.outcome
    progress.observe(PICKED_UP[0], 99.0)
    progress.found([], 99.0)
    progress.bridged(event("BridgeInfoComplete"), [], 99.0)
    progress.lost()
    progress.give_up("why", 99.0)
    progress.told(OriginateOutcome(CallResult.BUSY, 5, "", "", None), 99.0)
    progress.failed(ConnectionLost("gone"))
    assert progress.outcome is outcome
    assert progress.error is None
    assert repr(progress) == "<Progress call-1: ended>"
    assert progress.state is OriginateState.ENDED


def test_a_call_that_is_given_up_keeps_what_is_known() -> None:
    progress = fed([*PICKED_UP, *DIALLED, *TALKING])
    progress.give_up("the client was closed.", 16.0)
    assert progress.outcome is not None
    assert (progress.outcome.result, progress.outcome.talk_seconds) == ("unknown", 10)
    assert progress.outcome.description.endswith("the client was closed.")
    assert progress.outcome.as_dict()["result"] == "unknown"


def test_call_that_a_live_picture_shows_has_its_state_and_its_outcome() -> None:
    progress = Progress(ID)
    states = told(progress)
    progress.shown(OriginateState.RINGING_SECOND, [ID, "2.2"], None)
    assert progress.state is OriginateState.RINGING_SECOND
    outcome = CallOutcome(CallResult.BUSY, "the second party is busy")
    progress.shown(OriginateState.RINGING_SECOND, [], outcome)
    progress.shown(OriginateState.ANSWERED, [ID], None)
    assert progress.outcome is outcome
    assert states == [("ringing second", None), ("ended", CallResult.BUSY)]


@given(st.randoms(use_true_random=False), st.integers(0, 14))
def test_events_in_any_order_raise_nothing_and_end_once(random: Random, cut: int) -> None:
    events = [
        *PICKED_UP, *DIALLED, *RINGING, *TALKING, *LOCAL[:3],
        event("Hangup", **second(6), Cause=16), hung_up(), event("BridgeLeave"), event("Hangup"),
    ]  # fmt: skip
    random.shuffle(events)
    progress = Progress(ID)
    heard = told(progress)
    for number, each in enumerate(events[cut:]):
        progress.observe(each, float(number))
    progress.absent(99.0)
    order = list(OriginateState)
    ranks = [order.index(OriginateState(state)) for state, _ in heard]
    assert ranks == sorted(ranks)
    assert [state for state, _ in heard].count("ended") == 1
    assert heard[-1][1] is not None


def test_call_that_lines_up_waits_until_it_leaves() -> None:
    progress = Progress("pbx-1.0")
    progress.line_up()
    assert progress.state is OriginateState.WAITING
    progress.leave()
    assert progress.state is OriginateState.DIALING


def test_call_that_another_thread_ends_just_as_its_turn_comes_stays_ended() -> None:
    progress = Progress("pbx-1.0")
    progress.line_up()
    progress.failed(ActionCancelled("gone"), CallResult.CANCELLED)
    progress.leave()
    assert progress.state is OriginateState.ENDED


SENT_ON = OriginateOutcome(
    CallResult.ANSWERED, 4, "answered", "PJSIP/alice-1", ID, forwarded_to="600"
)


@pytest.mark.parametrize(
    ("single", "result"), [(True, CallResult.ANSWERED), (False, CallResult.UNKNOWN)]
)
def test_first_party_that_forwards_leaves_the_end_unknown_without_events_of_the_other(
    single: bool, result: CallResult
) -> None:
    progress = Progress(ID, single=single)
    progress.observe(event("Newchannel", **first(0)), 1)
    progress.told(SENT_ON, 2)
    assert progress.outcome == CallOutcome(
        result,
        "the phone forwards, and 600 has answered: no events tell more",
        picked_up=True,
        inferred=True,
    )


def test_first_party_that_forwards_has_the_channel_in_its_place() -> None:
    progress = Progress(ID, single=True)
    for number, one in enumerate([first(0), first(5)]):
        progress.observe(event("Newstate", **one), number)
    progress.sent_on(("1.1", "1.2"))
    local = {"Channel": "Local/600@a-1;1", "Uniqueid": "1.1", "Linkedid": "1.1"}
    progress.observe(event("Newstate", **local, ChannelState=6), 2)
    assert progress.state == OriginateState.PICKED_UP
    progress.told(SENT_ON, 2)
    progress.observe(event("Hangup", **first(5), Cause=23), 3)
    assert not progress.ended
    assert progress.channels == ("1.1",)
    progress.observe(event("Hangup", **local, Cause=16), 7)
    assert progress.outcome is not None
    assert (progress.outcome.result, progress.outcome.talk_seconds) == (CallResult.ANSWERED, 5)
