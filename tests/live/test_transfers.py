"""Transfers: their target, and the end of the call behind them."""

from __future__ import annotations

import pytest

from django_ami.live.tracker import Tracker
from tests.live.listing import event

BRIDGE = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}


def head(name: str, uniqueid: str, prefix: str = "", exten: str = "") -> dict[str, str]:
    headers = {"Channel": name, "Uniqueid": uniqueid, "Linkedid": "1.1", "ChannelStateDesc": "Up"}
    return {prefix + key: value for key, value in {**headers, "Exten": exten}.items()}


ALICE, BOB = ("PJSIP/alice-1", "1.1"), ("PJSIP/bob-1", "1.2")
NEAR = ("Local/7300@default-1;1", "1.3", "", "7300")
FAR = head("Local/7300@default-1;2", "1.4")


@pytest.mark.parametrize("named", [True, False], ids=["named", "not-named"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["told-first", "told-second", "told-last"])
def test_transferer_ends_no_call_and_an_application_is_the_target(
    *, named: bool, place: int
) -> None:
    tracker, at = Tracker("pbx"), 0.0
    target = head(NEAR[0], NEAR[1], "TransferTarget", "7300") if named else {}
    steps = [
        *(event("Newchannel", **one) for one in (head(*ALICE), head(*BOB), head(*NEAR), FAR)),
        *(event("BridgeEnter", **head(*one), **BRIDGE) for one in (ALICE, BOB)),
        event("BridgeEnter", **head(*NEAR), **BRIDGE),
    ]
    transfer = event(
        "AttendedTransfer",
        Result="Success",
        DestType="Bridge",
        **head(*BOB, "OrigTransferer"),
        **head(*BOB, "SecondTransferer"),
        **head(*ALICE, "Transferee"),
        **target,
    )
    ends = [event(name, **head(*BOB), Cause=16) for name in ("HangupRequest", "Hangup")]
    steps += [*ends[:place], transfer, *ends[place:]]
    steps += [event("HangupRequest", **head(*ALICE), Cause=16)]
    steps += [event("Hangup", **one, Cause=16) for one in (head(*ALICE), head(*NEAR), FAR)]
    for at, one in enumerate(steps):
        tracker.feed(one, float(at))
    (call,) = tracker.ended.values()
    (told,) = call.transfers
    assert (told.by, told.who, told.to) == ("PJSIP/bob", "PJSIP/alice", "7300")
    assert call.hung_up_by == "PJSIP/alice"


@pytest.mark.parametrize(
    ("seconds", "talks", "held"), [(0.0, [(0.0, 1.0)], 4.0), (0.5, [(0.0, 1.0), (2.0, 4.0)], 2.0)]
)
def test_hold_that_asterisk_ends_for_a_transfer_lasts_until_it(
    seconds: float, talks: list[tuple[float, float]], held: float
) -> None:
    tracker = Tracker("pbx")
    for one in (ALICE, BOB):
        tracker.feed(event("Newchannel", **head(*one)), 0.0)
        tracker.feed(event("BridgeEnter", **head(*one), **BRIDGE), 0.0)
    tracker.feed(event("Hold", **head(*BOB)), 1.0)
    tracker.feed(event("Unhold", **head(*BOB)), 2.0)
    link = head("Local/_attended@transfer-1;1", "1.3")
    tracker.feed(event("Newchannel", **link), 2.0 + seconds)
    tracker.feed(event("BridgeLeave", **head(*BOB), **BRIDGE), 4.0)
    (call,) = tracker.calls.values()
    assert [(talk.begin, talk.end) for talk in call.talks] == talks
    assert [hold.end for hold in call.holds] == [held]
