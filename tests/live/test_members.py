"""Members and agents: their states, since when, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.live.changes import Kind
from django_ami.live.queue_views import AgentState
from tests.live.callcentre import NOON, CallCentre, listed_member, listed_queue


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, AgentState.AVAILABLE),
        ({"Status": 0}, AgentState.AVAILABLE),
        ({"Status": 2}, AgentState.TALKING_OTHER),
        ({"Status": 3}, AgentState.TALKING_OTHER),
        ({"Status": 8}, AgentState.TALKING_OTHER),
        ({"Status": 6}, AgentState.RINGING),
        ({"Status": 7}, AgentState.RINGING),
        ({"InCall": 1}, AgentState.TALKING),
        ({"InCall": 1, "Status": 2}, AgentState.TALKING),
        ({"Status": 4}, AgentState.UNREACHABLE),
        ({"Status": 5}, AgentState.UNREACHABLE),
        ({"Status": 2, "Paused": 1}, AgentState.PAUSED),
        ({"Status": 5, "Paused": 1}, AgentState.PAUSED),
    ],
)
@pytest.mark.parametrize("on", ["QueueMemberAdded", "QueueMemberPause", "QueueMemberStatus"])
def test_the_state_of_a_member(
    centre: CallCentre, on: str, more: dict[str, Any], state: AgentState
) -> None:
    """The first that fits, in the order of the table in the docs."""
    centre.state(on=on, **more)
    assert centre.member().state == centre.agent().state == state


def test_a_removed_member_is_offline(centre: CallCentre) -> None:
    centre.state()
    (change,) = centre.tell("QueueMemberRemoved", Queue="support", Interface="PJSIP/101")
    assert (change.kind, change.subject.state) == (Kind.MEMBER, AgentState.OFFLINE)
    assert centre.tracker.members == {}
    assert centre.agent().state == AgentState.OFFLINE
    centre.tell("QueueMemberRemoved", Queue="support", Interface="PJSIP/101")
    centre.tell("QueueMemberRemoved", Queue="support", Interface="nobody")
    centre.wait(60).state(on="QueueMemberAdded")
    assert centre.agent().state == AgentState.AVAILABLE
    assert centre.member().login == centre.now


def test_a_pause_has_a_reason_and_a_begin(centre: CallCentre) -> None:
    centre.state()
    centre.wait(10).state(on="QueueMemberPause", Paused=1, PausedReason="lunch")
    paused = centre.now
    centre.wait(30).state(Paused=1, PausedReason="lunch", Status=5)
    member, agent = centre.member(), centre.agent()
    assert (member.paused, member.paused_since, member.pause_reason) == (True, paused, "lunch")
    assert (agent.state, agent.since, agent.pause_reason) == ("paused", paused, "lunch")
    centre.wait(5).state(on="QueueMemberPause")
    member = centre.member()
    assert (member.paused, member.paused_since, member.pause_reason) == (False, None, "")
    assert (member.state, member.since) == ("available", centre.now)


def test_an_agent_is_paused_where_it_is_paused_everywhere(centre: CallCentre) -> None:
    for queue in ("sales", "support"):
        centre.state(queue=queue)
    centre.state(queue="sales", Paused=1, PausedReason="training")
    agent = centre.agent()
    assert (agent.state, agent.queues) == ("available", {"sales": True, "support": False})
    assert centre.member(queue="sales").state == AgentState.PAUSED
    centre.state(queue="support", Paused=1)
    assert centre.agent().state == AgentState.PAUSED
    assert centre.agent().pause_reason == "training"


def test_a_change_is_told_of_the_members_that_changed(centre: CallCentre) -> None:
    """A device has a QueueMemberStatus for each queue of its member."""
    names = ("sales", "support", "billing")
    for queue in names:
        centre.state(queue=queue)
    centre.changes.clear()
    centre.state(queue="sales", Status=2)
    told = [one.subject for one in centre.changes]
    assert [(one.queue, one.state) for one in told] == [
        (queue, AgentState.TALKING_OTHER) for queue in names
    ]
    centre.changes.clear()
    for queue in names[1:]:
        centre.state(queue=queue, Status=2)
    assert [one.subject.queue for one in centre.changes] == list(names[1:])
    centre.changes.clear()
    centre.state(queue="sales", Status=2, Paused=1)
    assert [(one.subject.queue, one.subject.state) for one in centre.changes] == [
        ("sales", AgentState.PAUSED)
    ]
    centre.changes.clear()
    centre.state(queue="sales", Status=2, Paused=1, Penalty=5)
    (change,) = centre.changes
    assert change.subject.penalty == 5


# --- calls ---


def test_a_local_channel_rings_though_its_device_is_in_use(centre: CallCentre) -> None:
    interface = "Local/101@agents/n"
    centre.state(interface)
    both = centre._both("1.1", interface, "support", "1.2")
    centre.tell("AgentCalled", **both)
    centre.state(interface, Status=2)
    assert centre.agent(interface).state == AgentState.RINGING
    centre.tell("AgentRingNoAnswer", **both, RingTime=5000)
    centre.hang_up("1.2")
    centre.state(interface, Status=1)
    assert centre.agent(interface).state == AgentState.AVAILABLE
    assert centre.member(interface).calls_missed == 1


def test_the_state_of_the_device_may_come_late(centre: CallCentre) -> None:
    centre.state(Status=6)
    centre.join("1.1")
    centre.connect("1.1")
    assert centre.agent().state == AgentState.TALKING
    centre.wait(60).complete("1.1")
    assert centre.agent().state == AgentState.TALKING_OTHER
    centre.state()
    assert centre.agent().state == AgentState.AVAILABLE


def test_an_agent_with_two_calls(centre: CallCentre) -> None:
    centre.state()
    for uniqueid in ("1.1", "1.2"):
        centre.join(uniqueid)
        centre.connect(uniqueid)
    centre.complete("1.2")
    talk = centre.agent().talk
    assert talk is not None
    assert talk.channel == "1.1"
    assert centre.agent().state == AgentState.TALKING


def test_agent_that_takes_a_call_becomes_a_member(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.connect("1.1")
    assert centre.member().state == AgentState.TALKING
    assert centre.member().calls_taken == 1


# --- wrap-up ---


def test_a_wrapup_ends_by_itself() -> None:
    centre = CallCentre(wrapup_seconds=30)
    centre.state()
    centre.join("1.1")
    centre.connect("1.1")
    centre.wait(60).complete("1.1")
    ended = centre.now
    assert (centre.agent().state, centre.agent().wrapup_until) == ("wrap_up", ended + 30)
    assert centre.member().last_call == ended
    centre.wait(29.9)
    assert centre.member().state == AgentState.WRAP_UP
    centre.wait(0.1)
    for shown in (centre.member(), centre.agent()):
        assert (shown.state, shown.since) == ("available", ended + 30)
    centre.wait(10).state()
    assert (centre.agent().state, centre.agent().since) == ("available", ended + 30)
    centre.wait(10).state(Status=5)
    assert (centre.agent().state, centre.agent().since) == ("unreachable", centre.now)


def test_the_members_own_wrapup_and_that_of_queues_by_name() -> None:
    centre = CallCentre(wrapup_seconds={"sales": 10})
    for uniqueid, queue, more in (
        ("1.1", "sales", {}),
        ("1.2", "sales", {"Wrapuptime": 45}),
        ("1.3", "support", {}),
    ):
        centre.state(queue=queue, **more)
        centre.join(uniqueid, queue)
        centre.connect(uniqueid, queue=queue)
        centre.complete(uniqueid, queue=queue)
    assert centre.counts("sales").wrapup_seconds == 10 + 45
    assert centre.counts("support").wrapup_seconds == 0


def test_a_wrapup_of_one_queue_is_none_of_another() -> None:
    centre = CallCentre(wrapup_seconds=30)
    for queue in ("sales", "support"):
        centre.state(queue=queue)
    centre.join("1.1")
    centre.connect("1.1")
    centre.complete("1.1")
    assert centre.member(queue="support").state == AgentState.WRAP_UP
    assert centre.member(queue="sales").state == AgentState.AVAILABLE
    assert centre.agent().state == AgentState.WRAP_UP


@pytest.mark.parametrize("told", [True, False])
def test_a_shared_wrapup(told: bool) -> None:
    """``shared_lastcall``: an option says so, or LastCall that moves in a queue without a call."""
    centre = CallCentre(wrapup_seconds={"support": 30}, shared_lastcall=told)
    for queue in ("sales", "support"):
        centre.state(queue=queue)
    centre.join("1.1")
    centre.connect("1.1")
    centre.complete("1.1")
    ended = centre.now
    if not told:
        centre.wait(0.2)
        for queue in ("sales", "support"):
            centre.state(queue=queue, LastCall=int(ended))
    sales = centre.member(queue="sales")
    assert sales.state == AgentState.WRAP_UP
    assert sales.wrapup_until == pytest.approx(ended + 30, abs=0.3)
    assert centre.member(queue="support").wrapup_until == ended + 30


# --- occupation ---


def test_agent_seconds_and_occupancy_add_up_over_its_states() -> None:
    """10 s idle, 60 s talk, 30 s wrap-up, 100 s pause, 50 s idle: (60 + 30) ÷ (250 - 100)."""
    centre = CallCentre(wrapup_seconds=30)
    centre.state()
    centre.wait(10).join("1.1")
    centre.connect("1.1")
    centre.wait(60).complete("1.1")
    centre.wait(30).state(Paused=1)
    centre.wait(100).state(Paused=0)
    centre.wait(50)
    agent = centre.agent()
    assert agent.seconds == {"talk": 60, "wrapup": 30, "pause": 100, "idle": 60}
    assert agent.occupancy == 90 / 150


def test_a_pause_begins_behind_the_call_and_the_wrapup() -> None:
    centre = CallCentre(wrapup_seconds=30)
    centre.state()
    centre.join("1.1")
    centre.connect("1.1")
    centre.wait(10).state(Paused=1)
    centre.wait(50).complete("1.1")
    centre.wait(100)
    assert centre.agent().seconds == {"talk": 60, "wrapup": 30, "pause": 70, "idle": 0}
    assert centre.agent().occupancy == 90 / 90


def test_agent_gains_no_seconds_while_logged_out(centre: CallCentre) -> None:
    centre.state()
    centre.wait(60).tell("QueueMemberRemoved", Queue="support", Interface="PJSIP/101")
    centre.wait(600).state(on="QueueMemberAdded")
    centre.wait(40)
    assert centre.agent().seconds["idle"] == 100


def test_an_interval_is_cut_at_midnight(centre: CallCentre) -> None:
    centre.state()
    centre.wait(12 * 3600 - 100).state(Paused=1)
    centre.wait(160)
    agent = centre.agent()
    assert agent.seconds_today == {"talk": 0, "wrapup": 0, "pause": 60, "idle": 0}
    assert agent.seconds["pause"] == 160
    assert agent.occupancy_today is None
    assert agent.occupancy == 0


def test_a_clock_that_goes_back(centre: CallCentre) -> None:
    centre.state()
    centre.wait(100).state(Paused=1)
    centre.wait(-3600).state(Paused=0)
    centre.wait(50)
    assert centre.agent().seconds["pause"] == 0
    assert centre.agent().seconds["idle"] == 150


# --- lists ---


@pytest.mark.parametrize(
    ("more", "since"),
    [
        ({"Paused": 1, "LastPause": int(NOON) - 50, "LastCall": int(NOON) - 20}, NOON - 50),
        ({"LastPause": int(NOON) - 50, "LastCall": int(NOON) - 20}, NOON - 20),
        ({}, NOON - 3600),
        ({"Status": 2}, None),
        ({"Status": 5}, None),
        ({"LoginTime": 0}, None),
        ({"LoginTime": int(NOON) + 999}, NOON),
    ],
)
def test_since_when_a_listed_member_is_what_it_is(
    centre: CallCentre, more: dict[str, Any], since: float | None
) -> None:
    centre.seed(queues=[listed_queue(), listed_member("PJSIP/101", **more)])
    assert centre.member().since == centre.agent().since == since


def test_a_list_says_what_has_changed(centre: CallCentre) -> None:
    centre.state()
    centre.wait(100).seed(queues=[listed_queue(), listed_member("PJSIP/101", Status=2)])
    assert (centre.member().state, centre.member().since) == ("talking_other", centre.now)


def test_a_wrapup_goes_on_that_a_list_tells() -> None:
    centre = CallCentre(wrapup_seconds=60)
    centre.seed(queues=[listed_member("PJSIP/101", LastCall=int(NOON) - 20)])
    assert (centre.member().state, centre.member().wrapup_until) == ("wrap_up", NOON + 40)


def test_a_member_whom_the_list_does_not_know_is_gone(centre: CallCentre) -> None:
    centre.state()
    asked = centre.wait(10).now
    centre.wait(1).state("PJSIP/102", on="QueueMemberAdded")
    centre.seed(asked, queues=[listed_queue()])
    assert list(centre.tracker.members) == [("support", "PJSIP/102")]


# --- bounds ---


def test_agents_of_yesterday_are_forgotten(centre: CallCentre) -> None:
    for number in range(3):
        centre.state(f"PJSIP/{number}")
        centre.tell("QueueMemberRemoved", Queue="support", Interface=f"PJSIP/{number}")
    assert len(centre.tracker.agents(centre.now)) == 3
    centre.wait(86400).state("PJSIP/9")
    centre.tell("QueueMemberRemoved", Queue="support", Interface="PJSIP/9")
    assert list(centre.tracker.agents(centre.now)) == ["PJSIP/9"]


def test_not_more_agents_than_so_many_are_remembered(
    centre: CallCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_ami.live.members._MOST_OFFLINE", 3)
    for number in range(9):
        centre.state(f"PJSIP/{number}")
        centre.tell("QueueMemberRemoved", Queue="support", Interface=f"PJSIP/{number}")
    assert list(centre.tracker.agents(centre.now)) == ["PJSIP/6", "PJSIP/7", "PJSIP/8"]
