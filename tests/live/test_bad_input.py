"""The tracker raises nothing for any input, and its memory ends with the live calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.options import Options
from django_ami.live.tracker import Tracker
from tests.live.listing import lists_of
from tests.recordings import scenarios, timed

if TYPE_CHECKING:
    from collections.abc import Iterable

RECORDED = [event for name, version in scenarios() for _, event in timed(name, version)]
NAMES = sorted(Tracker("pbx").names)
#: Few ids, so that the events are about each other.
IDS = st.sampled_from(["1.1", "1.2", "1.3", "own", "", "<unknown>", "9" * 300, "-1.-1"])
CHANNELS = st.sampled_from(
    ["PJSIP/alice-1", "PJSIP/bob-2", "Local/1@x-1;1", "Local/1@x-1;2", "Local/1@x-1;3", "Local/;",
     "", "CBAnn/1-2;2", "-", "PJSIP/bob-2<ZOMBIE>"]
)  # fmt: skip
VALUES = st.one_of(
    IDS,
    CHANNELS,
    st.sampled_from(["Up", "Ringing", "Success", "ANSWER", "CANCEL", "basic"]),
    st.text(),
)
HEADERS = st.sampled_from(
    sorted(
        {key for event in RECORDED for key in event}
        | {"Parkinglot", "Wait", "Duration", "BridgeId", "Timestamp"}
    )
)
CLOCK = st.one_of(
    st.floats(0, 1000),
    st.sampled_from([-1e18, 1e18, 0.0]),
    st.floats(allow_nan=True, allow_infinity=True),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of the tracker, with some ids and any other headers, doubled, missing and absurd."""
    name = draw(st.sampled_from(NAMES))
    lines = [f"Event: {name}"]
    for prefix in draw(st.lists(st.sampled_from(["", "Dest", "Parkee", "Transferee",
                                                 "OrigTransferer", "LocalOne",
                                                 "LocalTwo", "Target", "Transferer",
                                                 "TransferTarget"]))):  # fmt: skip
        lines += [
            f"{prefix}Channel: {draw(CHANNELS)}", f"{prefix}Uniqueid: {draw(IDS)}",
            f"{prefix}Linkedid: {draw(IDS)}"
        ]  # fmt: skip
    lines += [
        f"{key}: {value}" for key, value in draw(st.lists(st.tuples(HEADERS, VALUES), max_size=6))
    ]
    return Event(name, "\r\n".join(lines).encode("utf-8", "surrogatepass"), "pbx")


def assert_well(tracker: Tracker) -> None:
    assert tracker.status().faults == 0
    for view in (tracker.channels, tracker.bridges, tracker.calls, tracker.ended):
        for key, snapshot in view.items():
            assert key
            assert snapshot is not None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(events(), CLOCK), max_size=40))
def test_absurd_events(told: list[tuple[Event, float]]) -> None:
    tracker = Tracker("pbx", Options(variables=frozenset({"TENANT"})))
    for event, now in told:
        tracker.feed(event, now)
    assert_well(tracker)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(events(), CLOCK), max_size=15),
    *(st.one_of(st.none(), st.lists(events(), max_size=6)) for _ in range(5)),
    CLOCK,
)
def test_absurd_lists(
    told: Any, channels: Any, bridges: Any, queues: Any, parked: Any, members: Any, now: float
) -> None:
    tracker = Tracker("pbx")
    for event, at in told:
        tracker.feed(event, at)
    lists = Lists(
        now,
        channels=channels,
        bridges=bridges,
        queues=queues,
        parked=parked,
        conference_members=members,
    )
    tracker.seed(lists, now)
    tracker.seed(lists_of(tracker, 0.0), now)
    assert_well(tracker)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_recording_whose_events_are_lost_doubled_and_out_of_order(data: st.DataObject) -> None:
    name, version = data.draw(st.sampled_from(scenarios()))
    told = timed(name, version)
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(0, len(told) - 1))
        match data.draw(st.sampled_from(["lose", "double", "move", "clock"])):
            case "lose":
                del told[place]
            case "double":
                told.insert(place, told[place])
            case "move":
                told.insert(data.draw(st.integers(0, len(told) - 1)), told.pop(place))
            case _:
                told[place] = data.draw(CLOCK), told[place][1]
    tracker = Tracker("pbx")
    for at, event in told:
        tracker.feed(event, at)
    assert_well(tracker)
    assert_nothing_lasts(tracker, told)


def assert_nothing_lasts(tracker: Tracker, told: Iterable[tuple[float, Event]]) -> None:
    """Empty lists end all that is left, and nothing is kept longer than the option says."""
    later = max([at for at, _ in told if math.isfinite(at)], default=0.0) + 1.0
    tracker.seed(
        Lists(math.inf, channels=[], bridges=[], queues=[], parked=[], conference_members=[]), later
    )
    assert (len(tracker.channels), len(tracker.bridges), len(tracker.calls)) == (0, 0, 0)
    tracker.tick(later * 2 + 1e19)
    assert tracker.status().entries == 0
