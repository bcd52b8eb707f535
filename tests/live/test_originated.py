"""An originated call in the live picture, beside the one that follows the events of that call."""

from __future__ import annotations

import pytest

from django_ami.core.calls import CALL_EVENTS, PROGRESS_EVENTS
from django_ami.core.messages import Event
from django_ami.core.outcome import OriginateOutcome
from django_ami.core.progress import OriginateState, Progress
from django_ami.live.originated import channels_of, outcome_of, state_of
from django_ami.live.tracker import Tracker
from tests.recordings import timed

CALLS = [
    ("calls", "22", "click-to-call"),
    ("calls", "22", "originate-486"),
    ("calls", "22", "originate-answered"),
    ("calls", "22", "originate-local-busy"),
    ("calls", "22", "originate-rings-out"),
    ("phones", "22", "call-me-now"),
    ("phones", "22", "click-a-no-answer"),
    ("phones", "22", "click-b-busy"),
    ("phones", "22", "click-local"),
    ("phones", "22", "click-up-at-once"),
    ("phones", "22", "originate-404"),
    ("phones", "16", "click-b-busy"),
    ("phones", "16", "click-local"),
]


def first_channel(events: list[tuple[float, Event]]) -> str:
    return next(
        each["Uniqueid"]
        for _, each in events
        if each.name == "Newchannel"
        and each["Uniqueid"] == each["Linkedid"]
        and each["ChannelState"] == "0"
    )


def followed(events: list[tuple[float, Event]], call_id: str) -> tuple[Progress, list[str]]:
    """The call as the process knows it that has made it."""
    progress, seen = Progress(call_id), list[Event]()
    states = [str(progress.state)]
    progress.listener = lambda each: states.append(str(each.state))
    answer = None
    for at, each in events:
        if each.name in CALL_EVENTS:
            seen.append(each)
        if each.name == "OriginateResponse":
            answer = answer or (at, each)
        mine = each.get("Linkedid", each.get("DestLinkedid")) == call_id
        if mine and each.name in PROGRESS_EVENTS:
            progress.observe(each, at)
    if answer is not None:
        progress.told(OriginateOutcome.from_event(answer[1], seen), answer[0])
    return progress, states


@pytest.mark.parametrize(("folder", "version", "name"), CALLS)
def test_the_picture_tells_of_an_originated_call_as_its_maker_does(
    folder: str, version: str, name: str
) -> None:
    events = timed(name, version, folder)
    call_id = first_channel(events)
    progress, expected = followed(events, call_id)
    tracker, states, call = Tracker("pbx"), list[str](), None
    for at, each in events:
        tracker.feed(each, at)
        call = tracker.call(call_id) or call
        if call is not None and states[-1:] != [str(state_of(call))]:
            states.append(str(state_of(call)))
    assert call is not None
    outcome, told = outcome_of(call), progress.outcome
    assert outcome is not None
    assert told is not None
    assert states == expected
    assert (outcome.result, outcome.picked_up) == (told.result, told.picked_up)
    assert (outcome.cause, outcome.sip_code) == (told.cause, told.sip_code)
    assert outcome.talk_seconds == pytest.approx(told.talk_seconds, abs=0.3)


def test_the_picture_names_the_channels_to_hang_up_while_they_live() -> None:
    events = timed("click-to-call", "22")
    call_id = first_channel(events)
    tracker = Tracker("pbx")
    for at, each in events:
        tracker.feed(each, at)
        call = tracker.call(call_id)
        if call is not None and state_of(call) is OriginateState.ANSWERED:
            assert outcome_of(call) is None
            first, second = channels_of(call)
            assert first == call_id
            assert second != call_id
            break
    else:
        pytest.fail("it was never answered")
