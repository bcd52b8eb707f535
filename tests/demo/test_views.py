"""The demo's views and receivers over real connections.

One login, and every way in which a link can fail.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import AsyncClient, Client

from demo_project.calls.models import Call
from tests.receiving import listening

if TYPE_CHECKING:
    from django_ami.testing import FakeAsterisk


pytestmark = pytest.mark.operations


@pytest.fixture
def sim(ami_server: FakeAsterisk) -> FakeAsterisk:
    """Views talk to this one."""
    return ami_server


VALID = {"extension": "501", "number": "500"}


# --- synchronous ---


def test_ping(sim: FakeAsterisk, client: Client) -> None:
    response = client.get("/ping/")
    assert (response.status_code, response.json()["ping"]) == (200, "Pong")
    assert re.fullmatch(r"\d+\.\d{6}", response.json()["timestamp"])
    assert client.post("/ping/").status_code == 405


def test_every_view_uses_the_same_login(sim: FakeAsterisk, client: Client) -> None:
    for _ in range(5):
        assert client.get("/ping/").status_code == 200
        assert client.post("/originate/", VALID).status_code == 200
        assert asyncio.run(get_async("/queues/")).status_code == 200
    assert (sim.logins, sim.connections) == (1, 1)


@pytest.mark.slow
def test_a_server_that_is_down_is_a_503_and_nothing_was_sent(
    sim: FakeAsterisk, client: Client
) -> None:
    sim.stop()
    for response in (
        client.post("/originate/", VALID),
        client.get("/ping/"),
        asyncio.run(get_async("/queues/")),
    ):
        assert response.status_code == 503
        assert response.json()["sent"] is False
        assert "connection refused: does Asterisk run" in response.json()["error"]


@pytest.mark.slow
def test_a_connection_that_breaks_is_a_503_and_it_may_have_been_sent(
    sim: FakeAsterisk, client: Client
) -> None:
    sim.on("Originate").raw(b"").cut()
    response = client.post("/originate/", VALID)
    assert response.status_code == 503
    assert response.json()["sent"] is True
    assert "it may have been carried out" in response.json()["error"]


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_a_504(
    sim: FakeAsterisk, client: Client, settings: Any
) -> None:
    settings.AMI_OPTIONS = {"action_timeout": 1.5}
    assert client.get("/ping/").status_code == 200  # so it is connected
    sim.on("*").hang()
    response = client.get("/ping/")
    assert response.status_code == 504
    assert response.json()["sent"] is True


def test_a_wrong_secret_is_a_503(sim: FakeAsterisk, client: Client, settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": f"ami://admin:hush@127.0.0.1:{sim.port}"}}
    for _ in range(3):
        response = client.get("/ping/")
        assert response.status_code == 503
        assert "Authentication failed for user 'admin'" in response.json()["error"]
        assert "hush" not in response.json()["error"]
    assert sim.login_attempts == 1


def test_status(sim: FakeAsterisk, client: Client) -> None:
    before = client.get("/status/").json()["node_1"]
    assert (before["state"], before["ready"]) == ("idle", False)
    assert sim.connections == 0
    client.get("/ping/")
    after = client.get("/status/").json()["node_1"]
    assert (after["state"], after["ready"], after["asterisk_version"]) == ("ready", True, "22.10.1")


@pytest.mark.django_db
def test_index(sim: FakeAsterisk, client: Client) -> None:
    page = client.get("/").content.decode()
    assert "None yet: does <code>manage.py ami_listen</code> run?" in page
    assert "csrfmiddlewaretoken" in page
    Call.objects.create(call_id="1.1", server="node_1", caller="PJSIP/<b>", number="500")
    page = client.get("/").content.decode()
    assert "PJSIP/&lt;b&gt;" in page
    assert "None yet" not in page
    assert sim.connections == 0


# --- asynchronous ---


async def get_async(path: str) -> Any:
    return await AsyncClient().get(path)


def test_queues(sim: FakeAsterisk) -> None:
    response = asyncio.run(get_async("/queues/"))
    assert response.status_code == 200
    assert response.json() == {
        "queues": {
            "support": {"calls": 0, "members": ["Alice", "Bob"], "callers": []},
            "sales": {"calls": 0, "members": ["Zoë Müller", "Never There"], "callers": []},
        }
    }


@pytest.mark.slow
def test_many_at_once_in_one_event_loop(sim: FakeAsterisk) -> None:
    async def main() -> list[Any]:
        return await asyncio.gather(*(get_async("/queues/") for _ in range(50)))

    responses = asyncio.run(main())
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert (sim.logins, sum(action.name == "QueueStatus" for action in sim.received)) == (1, 50)


# --- receivers ---


@pytest.mark.django_db
def test_a_call_that_was_clicked_is_in_the_log(
    sim: FakeAsterisk, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(sim.url) as listener:
        listener.make_ready()
        call_id = client.post("/originate/", VALID).json()["call"]
        listener.run_until(lambda: Call.objects.exclude(ended=None).exists())
    assert Call.objects.get().call_id == call_id
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
