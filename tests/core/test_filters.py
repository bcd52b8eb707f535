"""Filters at the source: in either form they let in each wanted event, and few others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.core.catalog import EVENTS
from django_ami.core.filters import MOST_NAMES, PROBE, Selection, select
from django_ami.core.options import EVENT_CLASSES
from django_ami.simulator.filters import EventFilter, FilterError, let_through
from django_ami.testing.events import event

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = sorted(name for name, info in EVENTS.items() if info.broadcast)
NEEDED = {"Hangup", "DialEnd", "OriginateResponse", "FullyBooted", "Shutdown"}
FLOODS = {"VarSet", "Newexten", "RTCPSent", "RTCPReceived", "TestEvent", "DeviceStateChange"}


def low(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str.lower, names))


def passing(selection: Selection, *, advanced: bool) -> set[str]:
    """The events of the catalogue that a server would send with these filters."""
    filters = []
    for action in selection.filters(advanced=advanced):
        headers = dict(action.headers)
        made = EventFilter.parse(headers["Filter"], headers.get("MatchCriteria", ""))
        assert not isinstance(made, FilterError), headers
        filters.append(made)
    return {
        name for name in NAMES if let_through(filters, name, f"Event: {name}\r\nPrivilege: x\r\n")
    }


@pytest.mark.parametrize("advanced", [True, False])
@pytest.mark.parametrize("wanted", [set(), {"Newchannel"}, {"Hangup", "VarSet", "AOC-D"}])
def test_a_few_names_are_let_in_and_no_others(wanted: set[str], advanced: bool) -> None:
    selection = select(low(wanted))
    assert passing(selection, advanced=advanced) == wanted | NEEDED
    assert "HangupRequest" in NAMES, "it begins as Hangup does"


@pytest.mark.parametrize("advanced", [True, False])
def test_of_many_names_the_floods_are_kept_out(advanced: bool) -> None:
    wanted = {*NAMES[: MOST_NAMES + 1], "VarSet"}
    selection = select(low(wanted))
    assert selection.only is None
    kept_out = set(NAMES) - passing(selection, advanced=advanced)
    assert kept_out == FLOODS - wanted - {
        name
        for name in FLOODS
        if not set(EVENTS[name].privileges) <= set(selection.mask.split(","))
    }
    assert kept_out


@pytest.mark.parametrize("wanted", [{"Newchannel"}, set(NAMES), {"QueueMemberStatus", "NoSuch"}])
def test_events_that_pass_are_those_that_a_server_would_send(wanted: set[str]) -> None:
    selection = select(low(wanted))
    mask = set(EVENT_CLASSES if selection.mask == "on" else selection.mask.split(","))
    expected = {
        name for name in passing(selection, advanced=True) if set(EVENTS[name].privileges) <= mask
    }
    events = (event(name, Privilege=",".join((*EVENTS[name].privileges, "all"))) for name in NAMES)
    assert {one.name for one in events if selection.passes(one)} == expected


@pytest.mark.parametrize("count", [0, 1, 20, MOST_NAMES - len(NEEDED), MOST_NAMES, 80])
def test_each_wanted_event_passes_mask_and_filters(count: int) -> None:
    wanted = set(NAMES[::3][:count])
    selection = select(low(wanted))
    for advanced in (True, False):
        assert wanted <= passing(selection, advanced=advanced)
        assert len(selection.filters(advanced=advanced)) <= MOST_NAMES
        assert all(
            len(value) < 1010
            for one in selection.filters(advanced=advanced)
            for _, value in one.headers
        )
    for name in wanted:
        assert set(EVENTS[name].privileges) <= set(selection.mask.split(","))


def test_receivers_of_every_event_filter_nothing() -> None:
    for mask in ("on", "call,agent"):
        selection = select(None, mask)
        assert selection == Selection(mask)
        assert selection.filters(advanced=True) == ()


def test_an_event_that_asterisk_does_not_have_is_not_named() -> None:
    """Nobody knows how it is spelled, and names are compared with case."""
    selection = select(frozenset({"hangup", "donglenewsms"}))
    assert (selection.mask, selection.only, selection.without) == ("on", None, FLOODS)


def test_the_mask_has_the_classes_that_are_wanted_and_asked_for() -> None:
    assert select(frozenset({"cdr"})).mask == "system,call,cdr"
    assert select(frozenset({"cdr"}), "call,agent").mask == "call"
    assert select(frozenset({"cdr"}), "agent").mask == "off"
    assert select(frozenset({"nothing"}), "agent") == Selection("agent")


def test_selection_lets_wanted_events_through() -> None:
    few, more = select(low({"Hangup"})), select(low({"Hangup", "Newchannel"}))
    many = select(low(NAMES))
    everything = select(None)
    for one in (few, more, many, everything):
        assert one.lets(one)
    assert more.lets(few)
    assert many.lets(select(low({"Newchannel"})))
    assert everything.lets(many)
    assert everything.lets(few)
    assert not few.lets(more)
    assert not few.lets(everything)
    assert not few.lets(select(low({"Cdr"}))), "another class"
    without = Selection("on", without=frozenset({"VarSet"}))
    assert not without.lets(select(low({"VarSet"})))
    assert not without.lets(everything)
    assert without.lets(few)
    assert not Selection("call").lets(Selection("call,cdr"))


def test_the_probe_is_refused_by_an_advanced_server_alone() -> None:
    headers = dict(PROBE.headers)
    refused = EventFilter.parse(headers["Filter"], headers["MatchCriteria"])
    assert refused is FilterError.FORMAT
    taken = EventFilter.parse(headers["Filter"])
    assert isinstance(taken, EventFilter)
    assert taken.exclude
    assert not taken.matches("Hangup", "Event: Hangup\r\n")
