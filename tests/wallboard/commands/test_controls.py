"""Live calls are ended, transferred and listened to by those who may."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from django_ami import ami
from django_ami.wallboard.access import Access
from tests.running import wait_until
from tests.wallboard.commands.visiting import EVERYTHING

if TYPE_CHECKING:
    from tests.wallboard.commands.visiting import Site


@pytest.fixture
def call(site: Site) -> str:
    """The id of a live call that somebody else has placed."""
    made = ami.originate(to="PJSIP/101", context="default", exten="102")
    site.seen(made.id, "answered")
    return made.id


def test_a_live_call_is_hung_up(site: Site, call: str) -> None:
    response = site.post("hangup", call)
    assert (response.status_code, response.json()["call"]) == (200, call)
    site.seen(call, "ended")
    assert {action.get("Channel") for action in site.sent("Hangup")} >= {call}
    again = site.post("hangup", call)
    assert (again.status_code, again.json()["error"]) == (409, "The call has ended already.")


def test_a_visitor_ends_his_own_call_without_the_permission_for_others(
    site: Site, call: str
) -> None:
    site.access = Access(may=frozenset({"call"}))
    own = site.talking()
    assert site.post("hangup", own).status_code == 202
    site.seen(own, "ended")
    refused = site.post("hangup", call)
    assert refused.status_code == 403
    assert "calls of others" in refused.json()["error"]


def test_a_visitor_who_may_only_listen_ends_that(site: Site, call: str) -> None:
    site.access = Access(may=frozenset({"listen"}))
    site.telephone = "PJSIP/103"
    told = site.post("listen", call).json()
    assert site.post("hangup", told["call"]).status_code == 202
    wait_until(lambda: site.get(told["url"]).json()["ended"])
    assert site.post("hangup", call).status_code == 403


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_a_party_of_a_live_call_is_sent_to_a_number(site: Site, call: str, role: str) -> None:
    live = site.seen(call, "answered")
    response = site.post("transfer", call, to="103", party=role)
    assert (response.status_code, response.json()["to"]) == (200, "103")
    (action,) = site.sent("Redirect")
    party = next(party for party in live.parties if party.role == role)
    assert action.get("Channel") == party.channels[0]
    assert (action.get("Context"), action.get("Exten")) == ("default", "103")
    picture = ami.live("node_1")
    wait_until(lambda: any(one.transfers for one in [*picture.calls.values()]))


def test_a_transfer_to_a_number_that_may_not_be_dialled_is_refused(site: Site, call: str) -> None:
    response = site.post("transfer", call, to="0190@trunk")
    assert response.status_code == 403
    assert not site.sent("Redirect")


@pytest.mark.parametrize(
    ("mode", "options"), [("spy", "quE"), ("whisper", "quEw"), ("barge", "quEB")]
)
def test_the_telephone_of_the_visitor_rings_to_listen(
    site: Site, call: str, mode: str, options: str
) -> None:
    live = site.seen(call, "answered")
    site.telephone = "PJSIP/103"
    response = site.post("listen", call, mode=mode)
    assert response.status_code == 201
    action = site.sent("Originate")[-1]
    callee = next(party for party in live.parties if party.role == "callee")
    assert (action.get("Channel"), action.get("Application")) == ("PJSIP/103", "ChanSpy")
    assert action.get("Data") == f"{callee.channels[0]},{options}"
    told = response.json()
    wait_until(lambda: site.get(told["url"]).json()["state"] == "picked up")
    assert site.post("hangup", told["call"]).status_code == 202


def test_a_word_that_is_none_is_refused(site: Site, call: str) -> None:
    for response in (
        site.post("listen", call, mode="record"),
        site.post("transfer", call, to="103", party="both"),
    ):
        assert response.status_code == 400
        assert "must be one of" in response.json()["error"]


@pytest.mark.parametrize("name", ["hangup", "transfer", "listen"])
def test_a_call_that_the_visitor_does_not_see_is_not_found(
    site: Site, call: str, name: str
) -> None:
    site.access = replace(EVERYTHING, queues=frozenset({"sales"}))
    unseen = site.post(name, call, to="103")
    assert unseen.status_code == 404
    missing = site.post(name, "1.1", to="103")
    assert (missing.status_code, missing.json()) == (404, unseen.json())
    site.access = replace(EVERYTHING, servers=frozenset())
    assert site.post(name, call, "?server=node_1", to="103").status_code == 404
    assert not site.sent("Hangup")
    assert not site.sent("Redirect")


def test_an_answer_that_says_no_is_told(site: Site, call: str) -> None:
    site.server.on("Redirect").fail("Channel does not exist: x")
    response = site.post("transfer", call, to="103")
    assert response.status_code == 409
    assert "Channel does not exist" in response.json()["error"]
