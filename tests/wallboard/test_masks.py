"""Visitors who may know no numbers find none, however people have written them."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.wallboard.access import Access
from django_ami.wallboard.shaping import Shaper, interface_for
from tests.wallboard.published import texts

LONG = "+49301234567"
WRITTEN = "(030) 123-4567"
PEOPLE: dict[str, dict[str, Any]] = {
    "call:1.1": {
        "id": "1.1",
        "state": "answered",
        "started": 1.0,
        "caller": {"number": LONG, "name": WRITTEN, "device": f"DAHDI/i1/{LONG}"},
        "callee": {"number": "101", "name": f"Amy {LONG}", "device": "PJSIP/101"},
        "requested": LONG,
        "agent": f"Local/{LONG}@agents",
    },
    "caller:1.1": {"queue": "support", "position": 1, "joined": 1.0, "number": LONG, "name": LONG},
    f"agent:Local/{LONG}@agents": {
        "interface": f"Local/{LONG}@agents",
        "name": f"Local/{LONG}@agents",
        "state": "talking",
        "queues": {"support": False},
        "talk": {"queue": "support", "begin": 1.0, "number": LONG, "name": WRITTEN},
    },
    "agent:PJSIP/102": {
        "interface": "PJSIP/102",
        "name": "Bob",
        "state": "paused",
        "queues": {"support": True},
        "pause_reason": f"calls {LONG} back",
    },
    "parked:1.2": {"uniqueid": "1.2", "number": LONG, "name": LONG, "space": "701"},
    "call:1.3": {"id": "1.3", "state": "in conference", "started": 1.0, "conference": LONG},
    f"conference:{LONG}": {"name": LONG, "count": 1, "since": 1.0},
}
MASKED = Access(masks_numbers=True)


def test_mask_hides_the_last_digits_wherever_a_number_is() -> None:
    shown = Shaper(MASKED, "node_1").take(PEOPLE, True)
    for key, one in shown.items():
        assert "4567" not in key
        assert not [text for text in texts(one) if "4567" in text]
    call = shown["call:1.1"]
    assert call is not None
    assert call["caller"] == {
        "number": "+4930123••••",
        "name": "(030) 123-••••",
        "device": "DAHDI/i1/+4930123••••",
    }
    assert call["callee"] == {"number": "101", "name": "Amy +4930123••••", "device": "PJSIP/101"}
    assert PEOPLE["call:1.1"]["caller"]["number"] == LONG  # of all others


def test_agent_with_a_number_in_its_interface_is_still_one_of_its_own() -> None:
    first, second = f"Local/{LONG}@agents", "Local/+49301239999@agents"
    agents = {
        f"agent:{interface}": {"interface": interface, "name": "", "state": "available"}
        for interface in (first, second, "PJSIP/101")
    }
    shaper = Shaper(MASKED, "node_1")
    shown = shaper.take(agents, True)
    interfaces = {key.partition(":")[2] for key in shown} - {""}
    assert len(interfaces) == 3
    assert interfaces == {interface_for(MASKED, one) for one in (first, second, "PJSIP/101")}
    assert "PJSIP/101" in interfaces
    assert interface_for(Access(), first) == first
    gone = shaper.take({f"agent:{first}": None}, False)
    assert gone[f"agent:{interface_for(MASKED, first)}"] is None


def test_conference_of_a_call_is_the_one_in_the_list_of_conferences() -> None:
    other = "+49301239999"
    rooms = {f"conference:{name}": {"name": name, "count": 1} for name in (other, "standup")}
    shown = Shaper(MASKED, "node_1").take({**PEOPLE, **rooms}, True)
    call = shown["call:1.3"]
    assert call is not None
    names = {key.partition(":")[2] for key in shown if key.startswith("conference:")}
    assert len(names) == 3
    assert {call["conference"], "standup"} < names


def test_agent_of_a_call_is_the_one_in_the_list_of_agents() -> None:
    shown = Shaper(MASKED, "node_1").take(PEOPLE, True)
    call = shown["call:1.1"]
    assert call is not None
    agent = shown[f"agent:{call['agent']}"]
    assert agent is not None
    assert agent["interface"] == call["agent"]


def test_mask_that_raises_tells_nothing_and_says_so_once(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AMI_WALLBOARD = {"MASK": lambda number: number[100]}
    shown = Shaper(MASKED, "node_1").take({"caller:1.1": PEOPLE["caller:1.1"]}, True)["caller:1.1"]
    assert shown is not None
    assert (shown["number"], shown["name"]) == ("hidden", "hidden")
    (record,) = caplog.records
    assert "MASK of AMI_WALLBOARD raised IndexError" in record.getMessage()
    assert LONG not in caplog.text


@pytest.mark.parametrize("mask", [lambda number: None, lambda number: 7])
def test_mask_that_makes_no_text_tells_nothing_and_says_so(
    settings: Any, caplog: pytest.LogCaptureFixture, mask: Any
) -> None:
    settings.AMI_WALLBOARD = {"MASK": mask}
    shown = Shaper(MASKED, "node_1").take({"caller:1.1": PEOPLE["caller:1.1"]}, True)["caller:1.1"]
    assert shown is not None
    assert shown["number"] == "hidden"
    (record,) = caplog.records
    assert "MASK of AMI_WALLBOARD returned" in record.getMessage()


def test_number_of_a_caller_is_masked_however_it_is_written() -> None:
    caller = {**PEOPLE["caller:1.1"], "number": "0301/2345", "name": "Eve 0301/2345"}
    shown = Shaper(MASKED, "node_1").take({"caller:1.1": caller}, True)["caller:1.1"]
    assert shown is not None
    assert (shown["number"], shown["name"]) == ("0301/••••", "Eve 0301/••••")


@pytest.mark.parametrize(
    "name",
    [
        "Eve 030\u00a012\u00a034\u00a056",
        "Eve 03\u2013012\u201334\u201356",
        "03 - 01 - 23 - 45 - 6",
        "Eve 030/12345",
        "Eve 030 / 123 45",
        "Eve \u2066030\u200e123\u200e45\u2069",
    ],
)
def test_number_in_a_name_is_masked_however_it_is_written(name: str) -> None:
    caller = {**PEOPLE["caller:1.1"], "name": name}
    shown = Shaper(MASKED, "node_1").take({"caller:1.1": caller}, True)["caller:1.1"]
    assert shown is not None
    assert shown["name"].count("•") == 4
