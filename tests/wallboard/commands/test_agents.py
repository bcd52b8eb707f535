"""Agents are paused and go on, with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami
from django_ami.simulator.queues import Member
from django_ami.testing import FakeAsterisk
from django_ami.wallboard.shaping import interface_for
from tests.running import wait_until
from tests.wallboard.commands.visiting import EVERYTHING, site_of

if TYPE_CHECKING:
    from tests.wallboard.commands.visiting import Site

ALICE = "PJSIP/101"


def pauses(site: Site) -> list[dict[str, str]]:
    """The actions QueuePause as the server got them."""
    names = ("Queue", "Paused", "Reason")
    return [
        {name: action.get(name) for name in names if action.get(name)}
        for action in site.sent("QueuePause")
    ]


def is_paused(queue: str, interface: str = ALICE) -> bool:
    return ami.live("node_1").members[queue, interface].paused


def test_an_agent_is_paused_with_a_reason_and_goes_on(site: Site) -> None:
    response = site.post("pause", interface=ALICE, paused="true", reason="lunch")
    assert response.status_code == 200
    assert response.json() == {
        "server": "node_1", "interface": ALICE, "paused": True, "queues": ["support"]
    }  # fmt: skip
    assert pauses(site) == [{"Paused": "true", "Reason": "lunch"}]
    wait_until(lambda: is_paused("support"))
    assert site.post("pause", interface=ALICE, paused="false").status_code == 200
    wait_until(lambda: not is_paused("support"))


def test_an_agent_is_paused_in_one_queue(site: Site) -> None:
    assert site.post("pause", interface=ALICE, queue="support", paused="on").status_code == 200
    assert pauses(site) == [{"Queue": "support", "Paused": "true"}]
    other = site.post("pause", interface=ALICE, queue="sales", paused="on")
    assert other.status_code == 404


def test_a_visitor_of_some_queues_pauses_in_those_alone(site: Site) -> None:
    site.access = replace(EVERYTHING, queues=frozenset({"support"}))
    assert site.post("pause", interface=ALICE, paused="1").status_code == 200
    assert pauses(site) == [{"Queue": "support", "Paused": "true"}]
    hidden = site.post("pause", interface="PJSIP/103", paused="1")  # of sales
    missing = site.post("pause", interface="PJSIP/999", paused="1")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["error"].replace("103", "999") == missing.json()["error"]


def test_an_interface_is_found_as_the_visitor_sees_it(site: Site) -> None:
    site.access = replace(EVERYTHING, masks_numbers=True)
    shown = interface_for(site.access, ALICE)
    assert site.post("pause", interface=shown, paused="1").json()["interface"] == shown
    assert site.sent("QueuePause")[0].get("Interface") == ALICE


NUMBER = "0301234567"


@pytest.mark.django_db
@pytest.mark.operations
def test_an_error_tells_a_visitor_with_a_mask_no_number(settings: Any) -> None:
    interface = f"Local/{NUMBER}@agents"
    with FakeAsterisk() as server:
        server.pbx.queues["support"].members.append(Member(interface, "Amy"))
        with site_of(server.url, settings) as site:
            site.access = replace(EVERYTHING, masks_numbers=True)
            shown = interface_for(site.access, interface)
            server.on("QueuePause").fail(f"No such interface: {interface}")
            refused = site.post("pause", interface=shown, paused="1")
            grant = {"actions": {"QueuePause": {"Interface": "PJSIP/.*"}}}
            settings.AMI_PERMISSIONS = {"everybody": grant}
            forbidden = site.post("pause", interface=shown, paused="1")
    assert (refused.status_code, forbidden.status_code) == (409, 403)
    for answer in (refused, forbidden):
        assert NUMBER not in answer.json()["error"]
        assert "Local/030123" in answer.json()["error"]


@pytest.mark.parametrize(
    "words",
    [{"paused": "1"}, {"interface": ALICE}, {"interface": ALICE, "paused": "maybe"}],
)
def test_a_pause_with_words_that_are_missing_or_wrong_is_refused(
    site: Site, words: dict[str, Any]
) -> None:
    assert site.post("pause", **words).status_code == 400
    assert not pauses(site)


def test_a_reason_cannot_add_a_header(site: Site) -> None:
    reason = "lunch\r\nAction: Originate"
    response = site.post("pause", interface=ALICE, paused="1", reason=reason)
    assert response.status_code == 400
    assert not pauses(site)
