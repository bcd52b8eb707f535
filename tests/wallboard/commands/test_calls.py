"""Click to call: placed once, with its state as it goes on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from django_ami import ami
from django_ami.wallboard.access import Access
from django_ami.wallboard.commands import placed, waiting
from django_ami.wallboard.options import options
from tests.running import wait_until
from tests.wallboard.commands.visiting import EVERYTHING

if TYPE_CHECKING:
    from tests.wallboard.commands.visiting import Site


def ended(site: Site, url: str) -> dict[str, Any]:
    """The state of a call once it has ended."""
    wait_until(lambda: site.get(url).json()["ended"])
    told: dict[str, Any] = site.get(url).json()
    return told


def test_a_click_rings_the_telephone_of_the_visitor_and_then_the_number(site: Site) -> None:
    response = site.post("place", number="1 0-2")
    assert response.status_code == 201
    (action,) = site.sent("Originate")
    named = {name: action.get(name) for name in ("Channel", "Context", "Exten", "Priority")}
    assert named == {
        "Channel": "PJSIP/101", "Context": "default", "Exten": "102", "Priority": "1"
    }  # fmt: skip
    told = response.json()
    assert told["call"] == action.get("ChannelId")
    assert told["server"] == "node_1"
    assert not told["ended"]
    site.seen(told["call"], "answered")
    wait_until(lambda: site.get(told["url"]).json()["state"] == "answered")
    assert site.post("hangup", told["call"]).status_code == 202
    last = ended(site, told["url"])
    assert last["outcome"] == "answered"
    assert last["answered"]
    assert last["talk_seconds"] >= 0


@pytest.mark.parametrize(
    ("telephone", "number", "outcome"),
    [
        ("PJSIP/busy", "102", "busy"),
        ("PJSIP/reject", "102", "rejected"),
        ("PJSIP/101", "busy", "busy"),
    ],
)
def test_a_call_that_is_not_answered_tells_why(
    site: Site, telephone: str, number: str, outcome: str
) -> None:
    site.telephone = telephone
    told = ended(site, site.post("place", number=number).json()["url"])
    assert (told["outcome"], told["answered"]) == (outcome, False)
    assert told["description"]


def test_a_click_is_carried_out_where_too_many_requests_wait(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_MOST_WAITS", 0)
    assert site.post("place", number="102").status_code == 201


def test_a_click_that_comes_twice_is_one_call(site: Site) -> None:
    first = site.post("place", number="102", click="a").json()
    second = site.post("place", number="102", click="a").json()
    assert second["call"] == first["call"]
    assert len(site.sent("Originate")) == 1
    third = site.post("place", number="102", click="b").json()
    assert third["call"] != first["call"]
    assert len(site.sent("Originate")) == 2


def test_a_click_of_another_process_is_the_same_call(site: Site) -> None:
    first = site.post("place", number="102", click="a").json()
    placed._calls.clear()  # as another process has none
    site.seen(first["call"], "answered")
    second = site.post("place", number="102", click="a").json()
    assert second["call"] == first["call"]
    assert len(site.sent("Originate")) == 1
    wait_until(lambda: site.get(first["url"]).json()["state"] == "answered")


def test_a_request_waits_until_the_call_has_changed(site: Site) -> None:
    site.server.times.ring = 0.6
    told = site.post("place", number="102").json()

    async def wait() -> tuple[float, dict[str, Any]]:
        begun = time.monotonic()
        state = (await AsyncClient().get(told["url"])).json()["state"]
        response = await AsyncClient().get(told["url"], {"known": state})
        return time.monotonic() - begun, {"before": state, **response.json()}

    seconds, after = async_to_sync(wait)()
    assert after["state"] != after["before"]
    assert seconds < 15  # a wait without a change takes 20
    site.post("hangup", told["call"])


def test_a_change_of_no_news_is_not_waited_for(site: Site) -> None:
    told = site.post("place", number="102").json()
    begun = time.monotonic()
    assert site.get(told["url"], known="nothing").status_code == 200
    assert time.monotonic() - begun < 10


def test_a_refused_originate_is_an_error_and_may_be_repeated(site: Site) -> None:
    site.server.on("Originate").fail("Extension does not exist.")
    response = site.post("place", number="102", click="a")
    assert response.status_code == 409
    assert "Extension does not exist." in response.json()["error"]


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ({}, 400, "number is missing"),
        ({"number": "+1 900 555"}, 403, "may not be called from here"),
        ({"number": "102@other,n"}, 403, "may not be called from here"),
        ({"number": "1" * 300}, 400, "at most 200 characters"),
        ({"number": "102", "server": "node_9"}, 404, "no server"),
    ],
)
def test_a_call_that_may_not_be_is_refused_with_a_line(
    site: Site, words: dict[str, str], status: int, line: str
) -> None:
    response = site.post("place", **words)
    assert response.status_code == status
    assert line in response.json()["error"]
    assert not site.sent("Originate")


def test_a_visitor_without_a_telephone_places_no_call(site: Site) -> None:
    site.telephone = None
    response = site.post("place", number="102")
    assert response.status_code == 409
    assert "CHANNEL" in response.json()["error"]


def test_a_telephone_that_is_no_channel_is_named_with_the_setting(site: Site) -> None:
    site.telephone = "102"
    response = site.post("place", number="102")
    assert response.status_code == 503
    assert "must return a channel such as 'PJSIP/101', not '102'." in response.json()["error"]
    assert not site.sent("Originate")


def test_calls_beyond_the_limit_of_an_hour_are_refused(site: Site, settings: Any) -> None:
    click = {**settings.AMI_WALLBOARD["CLICK_TO_CALL"], "CALLS_PER_HOUR": 1}
    settings.AMI_WALLBOARD = {**settings.AMI_WALLBOARD, "CLICK_TO_CALL": click}
    assert site.post("place", number="102").status_code == 201
    response = site.post("place", number="102")
    assert response.status_code == 429
    assert response.headers["Retry-After"]
    assert len(site.sent("Originate")) == 1


def test_a_server_that_is_away_is_named(site: Site) -> None:
    site.server.stop()
    response = site.post("place", number="102", click="a")
    assert response.status_code == 503
    assert response.json()["error"].startswith("node_1: ")
    again = site.post("place", number="102", click="a")  # the same click may be tried again
    assert again.status_code == 503


def test_json_is_taken_as_a_form_is(site: Site) -> None:
    answer = site.browser.post(
        "/wallboard/calls/", json.dumps({"number": 102}), content_type="application/json"
    )
    assert answer.status_code == 201
    wrong = site.browser.post("/wallboard/calls/", "[1]", content_type="application/json")
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"number":"102","click":"\\ud800"}', '{"number":"\\ud800"}']
)
def test_json_that_says_nothing_is_refused_with_a_line(site: Site, body: str) -> None:
    url = "/wallboard/calls/"
    response = site.browser.post(url, body, content_type="application/json")
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert not site.sent("Originate")


@pytest.mark.parametrize("click_to_call", [{}, {"SERVER": "node_1"}])
def test_the_name_of_a_server_that_the_visitor_may_not_see_is_not_told(
    site: Site, settings: Any, click_to_call: dict[str, str]
) -> None:
    settings.AMI_WALLBOARD["CLICK_TO_CALL"].update(click_to_call)
    options.cache_clear()
    site.access = Access(servers={"node_2"}, may={"call"})
    response = site.post("place", number="102")
    assert response.status_code == 400
    assert "node_1" not in response.json()["error"]


def test_a_browser_without_scripts_gets_a_page_of_the_call(site: Site) -> None:
    site.browser.defaults["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
    response = site.post("place", number="102")
    assert response.status_code == 303
    page = site.browser.get(response.headers["Location"])
    assert page.headers["Content-Type"].startswith("text/html")
    call_id = site.sent("Originate")[0].get("ChannelId")
    assert f'call="{call_id}"' in page.content.decode()


def test_the_state_of_a_call_of_somebody_else_is_not_told(site: Site) -> None:
    told = ami.originate(to="PJSIP/101", context="default", exten="102")
    site.seen(told.id, "answered")
    site.access = EVERYTHING
    url = f"/wallboard/calls/{told.id}/"
    wait_until(lambda: site.get(url).json()["state"] == "answered")
    site.access = type(EVERYTHING)(queues=frozenset({"sales"}), may=EVERYTHING.may)
    assert site.get(url).status_code == 404
    told.hangup()
