"""The state of the servers, for pages that ask again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import Client

from django_ami.wallboard.access import Access
from tests.running import wait_until
from tests.wallboard.publishing import caller, gone

if TYPE_CHECKING:
    from django.http import HttpRequest
    from pytest_django.fixtures import SettingsWrapper

    from django_ami.live.feed.publisher import Publisher

STATE = "/wallboard/state/"


def ask(since: str = "", **headers: str) -> Any:
    response = Client().get(STATE, {"since": since} if since else {}, headers=headers)
    assert response.status_code == 200, response.content
    return response.json()


def ask_until_shown(key: str, since: str = "") -> Any:
    """The first answer that shows the object."""
    answers: list[Any] = []

    def is_shown() -> bool:
        answers.append(ask(since))
        return key in answers[-1]["servers"]["node_1"]["objects"]

    wait_until(is_shown)
    return answers[-1]


def test_first_answer_has_all(listener: Publisher) -> None:
    listener.note("node_1", [caller("eve")])
    answer = ask_until_shown("caller:eve")
    assert answer.keys() == {"id", "now", "retry_seconds", "servers"}
    server = answer["servers"]["node_1"]
    assert (server["whole"], server["fresh"]) == (True, True)
    assert server["heard"] <= answer["now"]
    assert server["objects"]["server:"]["ready"] is True


def test_later_answer_has_the_changes_alone(listener: Publisher) -> None:
    listener.note("node_1", [caller("eve"), caller("bob"), caller("amy")])
    first = ask_until_shown("caller:amy")
    listener.note("node_1", [caller("eve", 7), gone("bob")])
    server = ask_until_shown("caller:eve", first["id"])["servers"]["node_1"]
    assert server["whole"] is False
    assert server["objects"]["caller:eve"]["position"] == 7
    assert server["objects"]["caller:bob"] is None
    assert "caller:amy" not in server["objects"]


def test_answer_to_an_id_of_nobody_has_all(listener: Publisher) -> None:
    ask_until_shown("server:")
    assert ask("node_1=ab.5")["servers"]["node_1"]["whole"] is True


def test_visitor_gets_what_it_may_see(site: SettingsWrapper, listener: Publisher) -> None:
    def by_header(request: HttpRequest) -> Access:
        queues = request.headers.get("X-Queues")
        return Access(queues=None if queues is None else frozenset(queues.split()))

    site.AMI_WALLBOARD = {"ACCESS": by_header}
    listener.note("node_1", [caller("eve", queue="billing"), caller("bob")])
    first = ask_until_shown("caller:bob")
    seen = ask(**{"X-Queues": "sales"})
    assert "caller:bob" in seen["servers"]["node_1"]["objects"]
    assert "caller:eve" not in seen["servers"]["node_1"]["objects"]
    listener.note("node_1", [caller("eve", 2, queue="billing"), gone("bob")])
    ask_until_shown("caller:eve", first["id"])
    again = ask(seen["id"], **{"X-Queues": "sales"})["servers"]["node_1"]
    assert again["whole"] is False
    assert again["objects"]["caller:bob"] is None
    assert "caller:eve" not in again["objects"]
    assert ask(first["id"], **{"X-Queues": "sales"})["servers"]["node_1"]["whole"] is True


def test_visitor_without_access_is_refused(site: SettingsWrapper) -> None:
    site.AMI_WALLBOARD = {"ACCESS": lambda request: None}
    response = Client().get(STATE)
    assert response.status_code == 403
    assert "permission" in response.json()["error"]


def test_project_that_publishes_nothing_is_told_so(site: SettingsWrapper) -> None:
    site.AMI_FEED = None
    response = Client().get(STATE)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert "AMI_FEED" in response.json()["error"]


def test_stream_under_wsgi_names_the_state(site: SettingsWrapper) -> None:
    response = Client().get("/wallboard/stream/")
    assert response.status_code == 501
    assert response.json()["state"] == STATE
    assert "ASGI" in response.json()["error"]
