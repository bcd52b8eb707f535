"""Callers in queues: each way out, told as Asterisk 22 tells it, and the counts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from django_ami.live.changes import Kind
from django_ami.live.figures import Counts
from django_ami.live.queue_views import AgentState
from django_ami.live.snapshots import Outcome, VisitResult
from tests.live.callcentre import (
    CallCentre,
    channel,
    event,
    listed_caller,
    listed_member,
    listed_queue,
)


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


# --- Q1, Q2: answered ---


def test_a_caller_is_answered(centre: CallCentre) -> None:
    """Q1: the wait is from joining to AgentConnect, in fractions; Asterisk says 4 and 2 seconds."""
    centre.state()
    centre.join("1.1")
    caller = centre.tracker.callers["1.1"]
    assert (caller.queue, caller.number, caller.position) == ("support", "+491.1", 1)
    centre.wait(3.25)
    assert caller.wait(centre.now) == 3.25
    assert centre.tracker.queues["support"].longest_wait_now(centre.now) == 3.25
    centre.connect("1.1", hold=4)
    assert centre.tracker.callers == {}
    assert centre.tracker.queues["support"].longest_wait_now(centre.now) is None
    talk = centre.agent().talk
    assert talk is not None
    assert (talk.queue, talk.channel, talk.number, talk.begin) == (
        "support",
        "1.1",
        "+491.1",
        centre.now,
    )
    centre.wait(1.5).complete("1.1", talk=2, hold=4)
    assert centre.counts() == Counts(
        joined=1,
        answered=1,
        answered_in_time=1,
        answered_wait_seconds=3.25,
        wait_seconds=3.25,
        longest_wait_seconds=3.25,
        talks=1,
        talk_seconds=1.5,
    )
    assert centre.agent().talk is None
    assert centre.agent().calls_taken == 1


def test_all_ring_and_one_answers(centre: CallCentre) -> None:
    """Q2: the others ring no more when their channels have ended."""
    interfaces = ("PJSIP/101", "PJSIP/102")
    for interface in interfaces:
        centre.state(interface)
    centre.join("1.1")
    for interface in interfaces:
        both = centre._both("1.1", interface, "support", f"leg-{interface}")
        centre.tell("AgentCalled", **both)
    assert [centre.agent(one).state for one in interfaces] == [AgentState.RINGING] * 2
    centre.wait(2).connect("1.1", "PJSIP/102", leg="leg-PJSIP/102")
    assert [centre.agent(one).state for one in interfaces] == ["ringing", "talking"]
    centre.hang_up("leg-PJSIP/101", cause=26)
    assert [centre.agent(one).state for one in interfaces] == ["available", "talking"]
    assert centre.counts().answered == 1


# --- taken out while waiting ---


def test_a_caller_who_is_parked_waits_no_more(centre: CallCentre) -> None:
    """Park, Bridge and transfers by AMI take a channel out of the queue: no event of it follows."""
    centre.join("1.1")
    centre.join("1.2", position=2)
    centre.wait(3).tell(
        "BridgeEnter", **channel("1.1"), BridgeUniqueid="b", BridgeTechnology="holding_bridge"
    )
    callers = centre.tracker.callers
    assert [(one.uniqueid, one.position) for one in callers.values()] == [("1.2", 1)]
    assert (centre.counts().left, centre.counts().abandoned) == ({"left": 1}, 0)
    centre.wait(1).join("1.1", position=2)
    assert list(centre.tracker.callers) == ["1.2", "1.1"]
    assert centre.tracker.status().contradictions == 0


def test_the_last_one_is_last_though_the_server_has_let_another_go_without_an_event(
    centre: CallCentre,
) -> None:
    centre.join("1.1")
    centre.join("1.2", position=2)
    centre.tell("QueueCallerJoin", **channel("1.3"), Queue="support", Position=2, Count=2)
    assert list(centre.tracker.callers) == ["1.1", "1.2", "1.3"]
    centre.tell("QueueCallerJoin", **channel("1.4"), Queue="support", Position=1, Count=3)
    assert list(centre.tracker.callers) == ["1.4", "1.1", "1.2", "1.3"]


def test_an_answer_that_is_told_behind_its_bridge_is_one(centre: CallCentre) -> None:
    centre.state()
    centre.join("1.1")
    centre.wait(3).tell("BridgeEnter", **channel("1.1"), BridgeUniqueid="b")
    centre.leave("1.1")
    centre.connect("1.1", hold=3)
    assert (centre.counts().answered, centre.counts().left) == (1, {})
    assert centre.agent().talk is not None


# --- Q3: abandoned ---


def test_a_caller_hangs_up(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(12).request_hangup("1.1")
    centre.abandon("1.1", hold=12)
    assert centre.tracker.callers == {}
    centre.dialplan("1.1", exten="h")
    assert centre.counts() == Counts(
        joined=1, abandoned=1, abandoned_in_time=1, wait_seconds=12, longest_wait_seconds=12
    )
    centre.hang_up("1.1")
    assert centre.counts().abandoned == 1


@pytest.mark.parametrize("exten", ["h", "7000"])
def test_a_dialplan_behind_a_hangup_decides_nothing(centre: CallCentre, exten: str) -> None:
    """A handler of hangups runs in an extension of any name."""
    centre.join("1.1")
    centre.wait(12)
    centre.abandon("1.1", hold=12)
    centre.request_hangup("1.1")
    centre.dialplan("1.1", exten=exten)
    assert centre.counts().abandoned == 1


def test_a_caller_whose_channel_ends_without_more(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(30)
    centre.abandon("1.1", hold=30)
    assert centre.counts().abandoned == 0
    centre.hang_up("1.1")
    counts = centre.counts()
    assert (counts.abandoned, counts.abandoned_in_time, counts.left) == (1, 0, {})


def test_an_abandon_that_nothing_follows(centre: CallCentre) -> None:
    """Where only the queue's events arrive, as with a mask of agent."""
    centre.join("1.1")
    centre.wait(30)
    centre.abandon("1.1", hold=30)
    assert centre.wait(1.9).counts().abandoned == 0
    assert centre.wait(0.1).counts().abandoned == 1
    assert centre.counts().wait_seconds == 30


def test_the_next_event_decides_it_without_a_tick(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(30)
    centre.abandon("1.1", hold=30)
    centre.wait(60).tell("Hangup", **channel("9.9"))
    assert centre.tracker.queues["support"].total.abandoned == 1


@pytest.mark.parametrize(("seconds", "short"), [(5.0, True), (5.1, False)])
def test_short_abandons_are_in_no_share(centre: CallCentre, seconds: float, short: bool) -> None:
    centre.join("1.1")
    centre.wait(seconds)
    centre.abandon("1.1")
    centre.hang_up("1.1")
    counts = centre.counts()
    assert (counts.short_abandons, counts.abandoned) == ((1, 0) if short else (0, 1))
    figures = centre.tracker.queues["support"].figures()
    assert figures["offered"] == (0 if short else 1)
    assert figures["abandon_rate"] == (None if short else 1)
    assert figures["average_wait"] == (None if short else pytest.approx(5.1))


def test_the_threshold_of_short_abandons_is_an_option() -> None:
    centre = CallCentre(short_abandon_seconds=0)
    centre.join("1.1")
    centre.wait(0.5)
    centre.abandon("1.1")
    centre.hang_up("1.1")
    assert centre.counts().abandoned == 1


# --- Q4, Q5: left ---


def test_a_timeout_is_not_abandoned(centre: CallCentre) -> None:
    """Q4: QueueCallerAbandon comes on a timeout, too; QUEUESTATUS follows."""
    centre.join("1.1")
    centre.wait(30)
    centre.abandon("1.1", hold=30)
    centre.status("1.1", "TIMEOUT")
    centre.dialplan("1.1")
    centre.hang_up("1.1")
    assert centre.wait(9).counts() == Counts(
        joined=1, left={"timeout": 1}, wait_seconds=30, longest_wait_seconds=30
    )


@pytest.mark.parametrize(
    ("status", "result", "waited"),
    [
        ("LEAVEEMPTY", "leave_empty", True),
        ("LEAVEUNAVAIL", "leave_unavailable", True),
        ("WITHDRAW", "withdrawn", False),
        ("CONTINUE", "continue", False),
    ],
)
def test_the_ways_out_of_a_queue(
    centre: CallCentre, status: str, result: str, waited: bool
) -> None:
    centre.join("1.1")
    centre.wait(8)
    centre.abandon("1.1", hold=8)
    centre.status("1.1", status)
    centre.dialplan("1.1")
    counts = centre.wait(9).counts()
    assert (counts.left, counts.abandoned) == ({result: 1}, 0)
    assert counts.wait_seconds == (8 if waited else 0)


@pytest.mark.parametrize(
    ("status", "result"),
    [("FULL", "full"), ("JOINEMPTY", "join_empty"), ("JOINUNAVAIL", "join_unavailable")],
)
def test_caller_that_a_queue_refuses_has_not_joined(
    centre: CallCentre, status: str, result: str
) -> None:
    """No event of the queue tells of it: the step of the dialplan names the queue."""
    centre.dialplan("1.1", app="Queue", data="support,tT,,,30")
    centre.status("1.1", status)
    assert centre.counts() == Counts(left={result: 1})
    ended = [one.subject for one in centre.changes if one.kind == Kind.CALLER]
    assert [(one.number, one.result) for one in ended] == [("+491.1", result)]
    assert centre.tracker.queues["support"].figures()["answered_rate"] == 0


def test_a_key_leads_out(centre: CallCentre) -> None:
    """No QueueCallerAbandon, and no QUEUESTATUS."""
    centre.join("1.1")
    centre.wait(8).dialplan("1.1", exten="1", app="Queue", data="support,tT,,,30")
    centre.leave("1.1")
    assert centre.counts().left == {}
    centre.dialplan("1.1", exten="1", app="Playback")
    assert centre.wait(9).counts() == Counts(joined=1, left={"continue": 1}, longest_wait_seconds=8)


def test_a_redirect_takes_out(centre: CallCentre) -> None:
    """QueueCallerAbandon, and no QUEUESTATUS: but the channel goes on."""
    centre.join("1.1")
    centre.wait(8).dialplan("1.1", exten="other", app="Queue", data="support,tT,,,30")
    centre.abandon("1.1", hold=8)
    centre.dialplan("1.1", exten="other", app="Wait")
    counts = centre.wait(9).counts()
    assert (counts.left, counts.abandoned, counts.short_abandons) == ({"left": 1}, 0, 0)


def test_the_status_behind_a_talk_is_no_way_out(centre: CallCentre) -> None:
    """Queue() with option c goes on when the agent hangs up: QUEUESTATUS is CONTINUE."""
    centre.join("1.1")
    centre.connect("1.1")
    centre.complete("1.1")
    centre.status("1.1", "CONTINUE")
    counts = centre.wait(9).counts()
    assert (counts.answered, counts.left) == (1, {})


@pytest.mark.parametrize("value", ["", "NONSENSE"])
def test_a_status_that_means_nothing(centre: CallCentre, value: str) -> None:
    centre.join("1.1")
    centre.status("1.1", value)
    assert list(centre.tracker.callers) == ["1.1"]


def test_other_variables_are_nobodys(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.tell("VarSet", **channel("1.1"), Variable="QUEUESTATUS2", Value="TIMEOUT")
    centre.tell("VarSet", **channel("1.1"), Variable="X", Value="QUEUESTATUS")
    assert list(centre.tracker.callers) == ["1.1"]


# --- Q6: transfers ---


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("BlindTransfer", "TransfererUniqueid"),
        ("AttendedTransfer", "OrigTransfererUniqueid"),
        ("AttendedTransfer", "SecondTransfererUniqueid"),
    ],
)
def test_a_transfer_ends_the_talk(centre: CallCentre, name: str, key: str) -> None:
    """Q6: one answered call; the talk with the agent ends at the transfer."""
    centre.state()
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(10).tell(name, Result="Success", **{key: "1.2"})
    centre.state(InCall=1, Status=1)  # as Asterisk says until the caller hangs up
    assert centre.agent().state == AgentState.AVAILABLE
    centre.wait(300).complete("1.1", talk=310, reason="transfer")
    counts = centre.counts()
    assert (counts.answered, counts.talks, counts.talk_seconds) == (1, 1, 10)
    centre.state(InCall=0)
    centre.state(InCall=1)
    assert centre.agent().state == AgentState.TALKING, "a call whose begin was not seen"


def test_a_transfer_that_fails_ends_nothing(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.tell("BlindTransfer", Result="Invalid", TransfererUniqueid="1.2")
    assert centre.agent().talk is not None


def test_the_end_of_the_members_channel_is_the_end_of_the_talk(centre: CallCentre) -> None:
    """The caller was redirected: AgentComplete comes when the caller hangs up, at last."""
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(20).hang_up("1.2")
    centre.wait(100).tell("AgentComplete", **channel("1.1"), Queue="support", TalkTime=120)
    counts = centre.counts()
    assert (counts.talks, counts.talk_seconds) == (1, 20)


def test_a_parked_caller_talks_with_nobody(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(20).tell("ParkedCall", **channel("1.1", "Parkee"), Parkinglot="default")
    assert centre.counts().talk_seconds == 20


def test_a_local_channel_that_is_optimised_away_ends_no_talk(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.connect("1.1", "Local/101@agents", leg="1.2")
    centre.tell("LocalOptimizationBegin", LocalOneUniqueid="1.2", LocalTwoUniqueid="1.3")
    centre.hang_up("1.2")
    centre.hang_up("1.3")
    assert centre.agent("Local/101@agents").talk is not None
    centre.wait(30).complete("1.1", "Local/101@agents", leg="1.2")
    assert centre.counts().talk_seconds == 30


# --- Q8: again ---


def test_the_second_queue_of_a_caller(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(10)
    centre.abandon("1.1", hold=10)
    centre.status("1.1", "TIMEOUT")
    centre.join("1.1", "sales")
    centre.wait(7).connect("1.1", queue="sales")
    assert centre.counts("support").left == {"timeout": 1}
    assert centre.counts("sales").answered_wait_seconds == 7


def test_caller_that_comes_back_to_a_queue_is_counted_again(centre: CallCentre) -> None:
    for _ in range(2):
        centre.join("1.1")
        centre.wait(10)
        centre.abandon("1.1", hold=10)
        centre.status("1.1", "TIMEOUT")
    counts = centre.counts()
    assert (counts.joined, counts.left, counts.wait_seconds) == (2, {"timeout": 2}, 20)
    assert centre.tracker._shared.contradictions == 0


# --- the call tells the same ---


def calls_of(centre: CallCentre) -> list[tuple[Outcome | None, list[VisitResult]]]:
    centre.hang_up("1.1")
    return [
        (call.outcome, [visit.result for visit in call.queues])
        for call in centre.tracker.ended.values()
    ]


@pytest.fixture
def call(centre: CallCentre) -> CallCentre:
    centre.tell("Newchannel", **channel("1.1"), ChannelStateDesc="Ring", Exten="7000")
    centre.dialplan("1.1", app="Queue", data="support")
    return centre


@pytest.mark.parametrize("exten", ["h", "7000"])
def test_a_call_that_is_abandoned_and_whose_hangup_is_handled(call: CallCentre, exten: str) -> None:
    call.join("1.1")
    call.wait(12).abandon("1.1")
    call.tell("SoftHangupRequest", **channel("1.1"), Cause=16)
    call.dialplan("1.1", exten=exten)
    assert calls_of(call) == [(Outcome.ABANDONED, [VisitResult.ABANDONED])]


def test_a_call_that_leaves_by_a_key(call: CallCentre) -> None:
    call.join("1.1")
    call.wait(12).leave("1.1")
    call.dialplan("1.1", exten="1")
    assert calls_of(call) == [(Outcome.QUEUE_LEFT, [VisitResult.CONTINUE])]


def test_a_call_that_is_not_let_in(call: CallCentre) -> None:
    call.status("1.1", "JOINEMPTY")
    assert calls_of(call) == [(Outcome.QUEUE_LEFT, [VisitResult.JOIN_EMPTY])]


def test_a_call_that_goes_through_two_queues(call: CallCentre) -> None:
    """Q8: two visits, one call."""
    call.join("1.1")
    call.wait(12).abandon("1.1")
    call.status("1.1", "TIMEOUT")
    call.join("1.1", "sales")
    call.wait(30).abandon("1.1", "sales")
    assert calls_of(call) == [(Outcome.ABANDONED, [VisitResult.TIMEOUT, VisitResult.ABANDONED])]


# --- the line ---


def test_positions(centre: CallCentre) -> None:
    for at, uniqueid in enumerate(("1.1", "1.2", "1.3"), 1):
        centre.join(uniqueid, position=at)
        centre.wait(1)
    centre.join("1.4", position=1)  # with a higher priority
    assert {one.uniqueid: one.position for one in centre.tracker.callers.values()} == {
        "1.4": 1,
        "1.1": 2,
        "1.2": 3,
        "1.3": 4,
    }
    assert centre.tracker.queues["support"].longest_wait_now(centre.now) == 3
    centre.leave("1.1", position=2)
    centre.leave("1.2", position=99)  # a place that is not its own
    assert [one.position for one in centre.tracker.callers.values()] == [1, 2]
    assert centre.tracker.queues["support"].longest_wait_now(centre.now) == 1
    assert centre.tracker.queues["support"].waiting == 2


# --- options ---


def test_the_seconds_of_the_service_level() -> None:
    centre = CallCentre(service_level_seconds={"sales": 10}, service_level_formula=2)
    centre.seed(
        queues=[
            listed_queue("support", ServiceLevel=30),
            listed_queue("sales", ServiceLevel=30),
            listed_queue("billing"),
        ]
    )
    queues = centre.tracker.queues
    assert {name: one.service_level_seconds for name, one in queues.items()} == {
        "support": 30,
        "sales": 10,
        "billing": 20,
    }
    for uniqueid, wait in (("1.1", 9.0), ("1.2", 11.0)):
        centre.join(uniqueid, "sales")
        centre.wait(wait).connect(uniqueid, queue="sales")
    assert centre.tracker.queues["sales"].figures()["service_level"] == 0.5


def test_one_number_for_all_queues_gives_way_to_queues_conf() -> None:
    centre = CallCentre(service_level_seconds=15)
    centre.seed(queues=[listed_queue("support", ServiceLevel=30), listed_queue("sales")])
    assert [one.service_level_seconds for one in centre.tracker.queues.values()] == [30, 15]


def test_queue_that_a_list_brings_or_takes_away_is_a_change() -> None:
    centre = CallCentre()
    changes = centre.seed(queues=[listed_queue("support"), listed_queue("sales")])
    assert [(one.kind, one.subject.name) for one in changes] == [
        (Kind.QUEUE, "support"),
        (Kind.QUEUE, "sales"),
    ]
    assert centre.seed(queues=[listed_queue("support"), listed_queue("sales")]) == ()
    changes = centre.seed(queues=[listed_queue("support")])
    assert [(one.kind, one.subject.name) for one in changes] == [(Kind.QUEUE, "sales")]


# --- the day ---


def test_midnight_begins_a_new_day_and_a_call_is_of_the_day_on_which_it_joined() -> None:
    centre = CallCentre(utc_offset=3600.0)
    centre.join("1.0")
    centre.wait(11 * 3600 - 10)  # 23:59:50
    assert centre.today().joined == 1
    centre.join("1.1")
    centre.wait(15).connect("1.1")
    centre.join("1.2")
    centre.wait(5).connect("1.2")
    centre.complete("1.1")
    today, ever = centre.today(), centre.counts()
    assert (today.joined, today.answered, today.answered_wait_seconds, today.talks) == (1, 1, 5, 0)
    assert (ever.joined, ever.answered, ever.answered_wait_seconds, ever.talks) == (3, 2, 20, 1)


def test_a_quiet_queue_has_a_new_day_too(centre: CallCentre) -> None:
    centre.join("1.1")
    assert centre.today().joined == 1
    assert centre.wait(13 * 3600).today().joined == 0
    assert centre.tracker.totals(centre.now).today.joined == 0


# --- totals ---


def test_two_agents_in_two_queues_are_two_agents(centre: CallCentre) -> None:
    for queue in ("support", "sales"):
        for interface in ("PJSIP/101", "PJSIP/102"):
            centre.state(interface, queue)
    centre.state("PJSIP/102", "sales", Paused=1)
    centre.join("1.1", "support")
    centre.wait(5).join("1.2", "sales")
    centre.connect("1.1", "PJSIP/101", "support")
    totals = centre.tracker.totals(centre.now)
    assert totals.agents == {AgentState.TALKING: 1, AgentState.AVAILABLE: 1}
    assert (totals.waiting, totals.today.joined, totals.total.answered) == (1, 2, 1)
    assert totals.longest_wait_now(centre.now + 3) == 3
    assert totals.figures()["offered"] == 2
    assert totals.figures(today=False)["asa"] == 5
    assert len(centre.tracker.members) == 4
    assert len(centre.tracker.agents(centre.now)) == 2


def test_a_view_changes_nothing(centre: CallCentre) -> None:
    """Another thread than that which feeds may look, again and again."""
    other = CallCentre()
    for one in (centre, other):
        one.state()
        one.wait(10).join("1.1")
        one.connect("1.1")
        one.wait(20)
    for _ in range(3):
        centre.tracker.agents(centre.now + 100)
        centre.tracker.totals(centre.now + 86400)
        _ = centre.tracker.queues, centre.tracker.members, centre.tracker.callers
    for one in (centre, other):
        one.wait(5).complete("1.1")
    assert centre.counts() == other.counts() == centre.today()
    assert centre.agent().seconds["talk"] == other.agent().seconds["talk"] == 25


def test_another_thread_may_look(centre: CallCentre) -> None:
    over = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not over.is_set():
            tracker = centre.tracker
            tracker.totals(centre.now)
            seen.append(len(tracker.callers) + len(tracker.members) + len(tracker.queues))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            for number in range(300):
                centre.state(f"PJSIP/{number}", f"queue-{number % 50}")
                centre.join(f"{number}.1", f"queue-{number % 50}")
        finally:
            over.set()
        looking.result()
    assert seen


# --- an event about something unknown ---


def test_a_caller_whose_joining_nobody_saw(centre: CallCentre) -> None:
    centre.tell("AgentConnect", **centre._both("1.1", "PJSIP/101", "support", "1.2"), HoldTime=40)
    centre.wait(20).complete("1.1", leg="1.2", talk=20)
    counts = centre.counts()
    assert (counts.joined, counts.answered, counts.answered_wait_seconds) == (1, 1, 40)
    assert counts.answered_in_time == 0
    assert counts.talk_seconds == 20


def test_a_talk_whose_begin_nobody_saw(centre: CallCentre) -> None:
    centre.complete("1.1", talk=33, hold=4)
    counts = centre.counts()
    assert (counts.talks, counts.talk_seconds, counts.answered) == (1, 33, 0)


def test_an_abandon_of_a_caller_whose_joining_nobody_saw(centre: CallCentre) -> None:
    centre.abandon("1.1", hold=40)
    centre.hang_up("1.1")
    counts = centre.counts()
    assert (counts.joined, counts.abandoned, counts.wait_seconds) == (1, 1, 40)


def test_events_without_a_queue_or_a_channel(centre: CallCentre) -> None:
    for name in centre.tracker._queues.handlers():
        centre.tell(name)
        centre.tell(name, Queue="support")
        centre.tell(name, Uniqueid="1.1")
    assert centre.tracker.callers == {}
    assert centre.tracker.agents(centre.now) == {}
    assert centre.tracker._shared.contradictions > 0


def test_tracker_counts_events_that_contradict_each_other(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(5).join("1.1")
    assert centre.tracker._shared.contradictions == 1
    centre.join("1.1", "sales")  # and its way out of the first queue was not seen
    assert centre.tracker._shared.contradictions == 2
    assert [one.queue for one in centre.tracker.callers.values()] == ["sales"]
    assert centre.counts().joined == 1


def test_a_late_event_counts_nothing_twice(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(30).hang_up("1.1")
    centre.abandon("1.1", hold=30)
    centre.hang_up("1.1")
    assert centre.counts().abandoned == 1
    assert centre.counts().joined == 1


def test_memory_is_bounded_by_what_lives(
    centre: CallCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers who came and went leave counts, and some are remembered for events that are late."""
    monkeypatch.setattr("django_ami.live.visits._REMEMBERED_VISITS", 100)
    monkeypatch.setattr("django_ami.live.queue_talks._REMEMBERED_TALKS", 60)
    centre.state()
    for number in range(150):
        uniqueid = f"{number}.1"
        centre.dialplan(uniqueid, app="Queue", data="support")
        centre.join(uniqueid)
        both = centre._both(uniqueid, "PJSIP/101", "support", f"{number}.2")
        centre.tell("AgentCalled", **both)
        if number % 2:
            centre.connect(uniqueid, leg=f"{number}.2")
            centre.wait(30).complete(uniqueid, leg=f"{number}.2")
        else:
            centre.abandon(uniqueid)
        centre.hang_up(f"{number}.2")
        centre.hang_up(uniqueid)
    queues = centre.tracker._queues
    kept = (queues._visits._over, queues._talks._over)
    assert [len(one) for one in kept] == [100, 60]
    lives = (
        queues._asked,
        queues._members._ringing,
        queues._talks._talks,
        queues._visits.waiting,
        queues._visits._abandoning,
        queues._visits._leaving,
        queues._records["support"].line,
        queues._records["support"].waiting,
    )
    assert [len(one) for one in lives] == [0] * len(lives)
    assert centre.agent().state == AgentState.AVAILABLE
    assert (centre.counts().answered, centre.counts().short_abandons) == (75, 75)


# --- lists ---


def test_lists_seed_the_queue(centre: CallCentre) -> None:
    changes = centre.seed(
        queues=[
            listed_queue(ServiceLevel=30),
            listed_member("PJSIP/101"),
            listed_caller("1.1", wait=75, position=1),
            listed_caller("1.2", wait=80, position=2),
        ]
    )
    queue = centre.tracker.queues["support"]
    assert (queue.waiting, queue.longest_wait_now(centre.now)) == (2, 80)
    assert [one.uniqueid for one in centre.tracker.callers.values()] == ["1.1", "1.2"]
    assert all(one.inferred for one in changes)
    centre.wait(5).connect("1.1", hold=80)
    assert centre.counts().answered_wait_seconds == 80


def test_the_event_and_the_list_are_one_caller(centre: CallCentre) -> None:
    """The list is answered before the event behind which it was made is looked at."""
    centre.seed(queues=[listed_queue(), listed_caller("1.1", wait=0, position=1)])
    centre.join("1.1")
    assert centre.counts().joined == 1
    assert centre.tracker._shared.contradictions == 0


def test_a_caller_whom_the_list_does_not_know_has_left(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(60)
    changes = centre.seed(queues=[listed_queue()])
    (caller,) = [one.subject for one in changes if one.kind == Kind.CALLER]
    assert (caller.uniqueid, caller.result) == ("1.1", VisitResult.UNKNOWN)
    assert centre.tracker.callers == {}
    assert centre.counts().left == {"unknown": 1}


def test_a_caller_who_came_behind_the_question_is_no_such(centre: CallCentre) -> None:
    asked = centre.now
    centre.wait(1).join("1.1")
    centre.seed(asked, queues=[listed_queue()])
    assert list(centre.tracker.callers) == ["1.1"]


@pytest.mark.parametrize("way", ["answered", "abandoned", "timeout", "key"])
def test_events_that_are_later_than_the_list_correct_it(centre: CallCentre, way: str) -> None:
    centre.join("1.1")
    centre.wait(60)
    centre.seed(queues=[listed_queue()])
    if way == "answered":
        centre.connect("1.1")
    elif way == "key":
        centre.leave("1.1")
        centre.dialplan("1.1")
    else:
        centre.abandon("1.1", hold=60)
        if way == "timeout":
            centre.status("1.1", "TIMEOUT")
        centre.hang_up("1.1")
    counts = centre.counts()
    left = {"timeout": {"timeout": 1}, "key": {"continue": 1}}.get(way, {})
    assert counts.left == left
    assert (counts.joined, counts.answered, counts.abandoned) == (
        1,
        int(way == "answered"),
        int(way == "abandoned"),
    )


def test_a_correction_behind_midnight_leaves_the_new_day_as_it_is(centre: CallCentre) -> None:
    centre.wait(12 * 3600 - 100).join("1.1")
    centre.wait(50).seed(queues=[listed_queue()])
    centre.wait(100).join("1.2")
    centre.leave("1.1")
    centre.dialplan("1.1")
    assert centre.today().joined == 1
    assert centre.counts().left == {"continue": 1}


def test_a_talk_that_ended_before_midnight_leaves_the_new_day_as_it_is(
    centre: CallCentre,
) -> None:
    centre.state()
    centre.wait(12 * 3600 - 100).join("1.1")
    centre.connect("1.1")
    ended = int(centre.wait(50).now)
    centre.wait(100).join("1.2")
    centre.seed(queues=[listed_queue(), listed_member("PJSIP/101", LastCall=ended)])
    assert centre.counts().talk_seconds == 50
    assert (centre.today().joined, centre.today().talks) == (1, 0)
    assert centre.member().last_call == ended


def test_a_late_event_about_a_queue_that_is_gone(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(90_000).seed(queues=[])
    assert centre.tracker.queues == {}
    centre.leave("1.1")
    assert centre.tracker.queues == {}


def test_a_caller_who_is_in_two_stories_at_once(centre: CallCentre) -> None:
    """Abandoned in one queue, as far as is known, and unseen in another: each ends once."""
    centre.join("1.1")
    centre.abandon("1.1")
    centre.abandon("1.1", "sales", hold=30)
    centre.join("1.1")
    centre.wait(5)
    assert centre.counts("sales").left == {"left": 1}
    assert centre.counts().left == {"left": 1}
    assert [one.queue for one in centre.tracker.callers.values()] == ["support"]


def test_a_call_that_ended_in_the_gap(centre: CallCentre) -> None:
    centre.state()
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(100)
    ended = int(centre.now) - 40
    centre.seed(queues=[listed_queue(), listed_member("PJSIP/101", LastCall=ended)])
    assert centre.counts().talk_seconds == 60
    assert centre.agent().state == AgentState.AVAILABLE


def test_a_call_whose_channels_no_list_knows(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(100).seed(channels=[])
    assert centre.counts().talks == 1
    centre.join("2.1")
    centre.wait(1)
    centre.abandon("2.1", hold=1)
    centre.wait(1).seed(channels=[])
    assert centre.tracker.queues["support"].total.short_abandons == 1


def test_a_list_of_channels_ends_what_is_older_than_it(centre: CallCentre) -> None:
    """A phone that rings, a caller who is about to be let in, one who waits: each old and young."""

    def begin(number: int) -> None:
        interface = f"PJSIP/{number}"
        centre.state(interface)
        both = centre._both("9.9", interface, "support", f"{number}.2")
        centre.tell("AgentCalled", **both)
        centre.dialplan(f"{number}.3", app="Queue", data="support")
        centre.join(f"{number}.4")

    begin(1)
    asked = centre.wait(10).now
    centre.wait(1)
    begin(2)
    centre.seed(asked, channels=[])
    assert [centre.agent(one).state for one in ("PJSIP/1", "PJSIP/2")] == ["available", "ringing"]
    assert list(centre.tracker.callers) == ["2.4"]
    for number in (1, 2):
        centre.status(f"{number}.3", "FULL")
    assert centre.counts().left == {"unknown": 1, "full": 1}


def test_a_call_goes_on_that_the_lists_know(centre: CallCentre) -> None:
    centre.state()
    centre.join("1.1")
    centre.connect("1.1", leg="1.2")
    centre.wait(100).seed(
        channels=[event("CoreShowChannel", **channel(one)) for one in ("1.1", "1.2")],
        queues=[listed_queue(), listed_member("PJSIP/101", InCall=1, Status=2)],
    )
    assert centre.agent().talk is not None
    assert centre.counts().talks == 0


def test_queues_that_the_server_does_not_know_any_more(centre: CallCentre) -> None:
    centre.seed(queues=[listed_queue("old"), listed_queue("busy")])
    centre.join("1.1", "busy")
    centre.wait(1)
    centre.abandon("1.1", "busy")
    centre.hang_up("1.1")
    centre.wait(1).seed(queues=[listed_queue("new")])
    assert set(centre.tracker.queues) == {"busy", "new"}


# --- changes ---


def test_each_change_has_its_object(centre: CallCentre) -> None:
    kinds = {Kind.CALLER: "Caller", Kind.QUEUE: "Queue", Kind.MEMBER: "Member"}
    centre.join("1.1")
    changes = [one for one in centre.changes if one.kind in kinds]
    assert [one.kind for one in changes] == [Kind.QUEUE, Kind.CALLER]  # a new one
    centre.changes.clear()
    centre.connect("1.1")
    assert changes[0].subject.waiting == 1, "a snapshot does not go on"
    changes += [one for one in centre.changes if one.kind in kinds]
    assert {one.kind for one in changes[2:]} == set(kinds)
    assert all(type(one.subject).__name__ == kinds[one.kind] for one in changes)
    assert not any(one.inferred for one in changes)
