"""A tracker that is seeded anywhere in a call ends where an uncut one does.

The lists are those of a model: an uncut tracker at the same event, whose picture is put into the
words of Asterisk (``listing``). They cannot tell everything: that somebody is on hold, and that two
calls with two Linkedids are one.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from django_ami.live.lists import Lists
from django_ami.live.snapshots import Call, CallState
from django_ami.live.tracker import Tracker
from tests.live.listing import event, lists_of
from tests.recordings import scenarios, timed

if TYPE_CHECKING:
    from django_ami.core.messages import Event
    from django_ami.live.changes import Change

SCENARIOS = [pytest.param(name, version, id=f"{version}-{name}") for name, version in scenarios()]
#: Every cut is tried where there is time for it; elsewhere a part, another one of each recording.
STRIDE = 1 if os.environ.get("AMI_TEST_LONG") else 8
#: Events that are nearer to each other are one burst: the lists of a moment inside it lack what was
#: told before.
BURST_SECONDS = 0.1


def heard(name: str, version: str, folder: str = "calls") -> list[tuple[float, Event]]:
    """The events that a tracker hears of: any other one leaves it as it was."""
    names = Tracker("pbx").names
    return [(at, event) for at, event in timed(name, version, folder) if event.name in names]


def feed(tracker: Tracker, events: list[tuple[float, Event]]) -> list[Change]:
    return [change for at, event in events for change in tracker.feed(event, at)]


def places(tracker: Tracker) -> dict[str, object]:
    """Which channels there are, and where each is."""
    return {
        one.uniqueid: (one.name, one.state, one.bridge, one.hidden, one.number)
        for one in tracker.channels.values()
    }


def talks_after(call: Call, now: float) -> list[tuple[frozenset[str], float, float | None]]:
    talks = (talk for talk in call.talks if talk.begin > now)
    return [(frozenset((talk.a_channel, talk.b_channel)), talk.begin, talk.end) for talk in talks]


def is_settled(events: list[tuple[float, Event]], cut: int) -> bool:
    return 0 < cut < len(events) and events[cut][0] - events[cut - 1][0] > BURST_SECONDS


def is_told_by_linkedids(tracker: Tracker) -> bool:
    """Whether the lists tell which channels are one call, and which call that is."""
    return all(channel.call == channel.linkedid for channel in tracker.channels.values())


@pytest.mark.parametrize(("name", "version"), SCENARIOS)
def test_a_new_tracker_seeded_at_any_event_ends_as_the_uncut_one(name: str, version: str) -> None:
    events = heard(name, version)
    whole, uncut = Tracker("pbx"), Tracker("pbx")
    feed(whole, events)
    for cut, (now, told_last) in enumerate(events, 1):
        uncut.feed(told_last, now)
        if (cut + len(name)) % STRIDE:
            continue
        new = Tracker("pbx")
        assert all(change.inferred for change in new.seed(lists_of(uncut, now), now))
        assert places(new) == places(uncut), cut
        known = dict(uncut.calls)
        told = is_told_by_linkedids(uncut)
        if told:
            assert set(new.calls) == set(known), cut
        feed(new, events[cut:])
        status = new.status()
        assert (status.channels, status.calls, len(new.bridges), status.faults) == (0, 0, 0, 0), cut
        if told:
            later = set(whole.ended) - set(uncut.ended)
            ends = {name: call for name, call in new.ended.items() if not call.merged_into}
            assert set(ends) == {name for name in later if not whole.ended[name].merged_into}, cut
            if is_settled(events, cut):
                for one, call in ends.items():
                    assert_ends_alike(call, whole.ended[one], known.get(one), now)


def assert_ends_alike(new: Call, whole: Call, then: Call | None, now: float) -> None:
    """Alike, but for facts before ``now`` that no list tells: an answer, a hold."""
    talks = then is not None and any(talk.end is None for talk in then.talks)
    if then is None or then.answered is None or talks:
        assert (new.outcome, new.hung_up_by) == (whole.outcome, whole.hung_up_by), now
    if then is None or then.state is not CallState.HELD:
        assert talks_after(new, now) == talks_after(whole, now), now


@pytest.mark.parametrize(("name", "version"), SCENARIOS)
def test_lists_that_say_nothing_new_change_nothing(name: str, version: str) -> None:
    tracker = Tracker("pbx")
    for at, one in heard(name, version):
        tracker.feed(one, at)
        if len(one.raw) % STRIDE:
            continue
        before = dict(tracker.calls), places(tracker)
        changes = tracker.seed(lists_of(tracker, at), at)
        assert [change for change in changes if isinstance(change.subject, Call)] == []
        assert (dict(tracker.calls), places(tracker)) == before


@pytest.mark.parametrize(
    ("name", "version", "folder"),
    [
        pytest.param(name, version, folder, id=f"{version}-{name}")
        for folder in ("calls", "phones")
        for name, version in scenarios(folder)
    ],
)
def test_a_gap_loses_no_call_and_ends_as_the_uncut_tracker(
    name: str, version: str, folder: str
) -> None:
    events = heard(name, version, folder)
    chance = random.Random(f"{version}-{name}")
    for _ in range(16 // STRIDE):
        begin, end = sorted(chance.sample(range(len(events) + 1), 2))
        now = events[end - 1][0]
        uncut, gapped = Tracker("pbx"), Tracker("pbx")
        feed(uncut, events[:begin])
        feed(gapped, events[:begin])
        feed(uncut, events[begin:end])
        told = is_told_by_linkedids(uncut)
        changes = gapped.seed(lists_of(uncut, now), now)
        assert all(change.inferred for change in changes)
        assert places(gapped) == places(uncut), (begin, end)
        if told and is_told_by_linkedids(gapped):
            assert set(gapped.calls) == set(uncut.calls), (begin, end)
        feed(uncut, events[end:])
        feed(gapped, events[end:])
        status = gapped.status()
        assert (status.channels, status.calls, len(gapped.bridges), status.faults) == (0, 0, 0, 0)


def test_an_event_behind_the_question_is_right_and_one_before_it_is_not() -> None:
    def tell(tracker: Tracker, at: float) -> None:
        ids = {"Uniqueid": "1.1", "Linkedid": "1.1"}
        tracker.feed(event("Newchannel", Channel="PJSIP/a-1", **ids, ChannelStateDesc="Up"), at)

    for at, left in ((9.9, 0), (10.0, 0), (10.1, 1)):
        tracker = Tracker("pbx")
        tell(tracker, at)
        tracker.seed(Lists(asked=10.0, channels=[], bridges=[]), 11.0)
        assert len(tracker.calls) == left


def test_a_channel_that_has_ended_is_not_there_again_in_a_list_that_is_late() -> None:
    tracker = Tracker("pbx")
    headers = {"Channel": "PJSIP/a-1", "Uniqueid": "1.1", "Linkedid": "1.1"}
    tracker.feed(event("Newchannel", **headers, ChannelStateDesc="Up"), 9.0)
    tracker.feed(event("Hangup", **headers, Cause=16), 10.5)
    late = Lists(asked=10.0, channels=[event("CoreShowChannel", **headers, Duration="00:00:01")])
    assert tracker.seed(late, 11.0) == ()
    assert len(tracker.channels) == 0


def test_a_channel_that_ended_before_the_first_list_came_is_not_there_in_it() -> None:
    tracker = Tracker("pbx")
    headers = {"Channel": "PJSIP/a-1", "Uniqueid": "1.1", "Linkedid": "1.1"}
    tracker.feed(event("Hangup", **headers, Cause=16), 10.5)
    late = Lists(asked=10.0, channels=[event("CoreShowChannel", **headers, Duration="00:00:01")])
    assert tracker.seed(late, 11.0) == ()
    assert len(tracker.channels) == 0


def test_one_poisoned_list_spoils_no_other() -> None:
    """G3: a fault is counted, and the others hear of the lists all the same."""
    tracker = Tracker("pbx")
    poison: list[Event] = [None]  # type: ignore[list-item]
    item = event("CoreShowChannel", Channel="PJSIP/a-1", Uniqueid="1.1", Linkedid="1.1")
    tracker.seed(Lists(asked=1.0, channels=[item], parked=poison), 1.0)
    assert tracker.status().faults > 0
    assert set(tracker.calls) == {"1.1"}


@pytest.mark.parametrize("name", ["NewCallerid", "NewConnectedLine", "QueueCallerLeave"])
def test_an_event_that_is_late_brings_no_channel_back_whose_end_was_lost(name: str) -> None:
    tracker = Tracker("pbx")
    tracker.seed(Lists(asked=0.0, channels=()), 1.0)
    tracker.feed(event(name, Channel="PJSIP/a-1", Uniqueid="1.1", Linkedid="1.1"), 1.1)
    assert (tracker.status().channels, tracker.status().calls) == (0, 0)
