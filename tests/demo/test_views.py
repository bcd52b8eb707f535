"""The demo's views, as a browser sees them, with a simulated Asterisk behind; and its receivers in the database."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import AsyncClient, Client

from demo_project.calls.models import Call
from django_ami import ami
from tests.receiving import listening
from tests.running import quick_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator


@pytest.fixture
def sim(settings: Any) -> Iterator[Simulator]:
    with quick_simulator() as simulator:
        settings.AMI_SERVERS = {"node_1": {"URL": simulator.url}}
        yield simulator
        ami.close()


VALID = {"extension": "501", "number": "500"}


# --- synchronous ---


def test_ping(sim: Simulator, client: Client) -> None:
    response = client.get("/ping/")
    assert (response.status_code, response.json()["ping"]) == (200, "Pong")
    assert re.fullmatch(r"\d+\.\d{6}", response.json()["timestamp"])
    assert client.post("/ping/").status_code == 405


def test_every_view_uses_the_same_login(sim: Simulator, client: Client) -> None:
    for _ in range(5):
        assert client.get("/ping/").status_code == 200
        assert client.post("/originate/", VALID).status_code == 200
        assert asyncio.run(get_async("/queues/")).status_code == 200
    assert (sim.logins, sim.connections) == (1, 1)


def test_click_to_call(sim: Simulator, client: Client) -> None:
    response = client.post("/originate/", VALID)
    assert (response.status_code, response.json()) == (200, {"message": "Originate successfully queued"})
    (action,) = [action for action in sim.received if action.name == "Originate"]
    found = {key: action.get(key) for key in ("Channel", "Context", "Exten", "Priority", "CallerID", "Async")}
    assert found == {
        "Channel": "Local/501@default",
        "Context": "default",
        "Exten": "500",
        "Priority": "1",
        "CallerID": "500",
        "Async": "true",
    }


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "extension"),
        ({"extension": "501"}, "number"),
        ({**VALID, "extension": ""}, "extension"),
        ({**VALID, "extension": "5" * 21}, "extension"),
        ({**VALID, "number": "anna"}, "number"),
        ({**VALID, "number": "5" * 41}, "number"),
        # What would be another header, another action, another channel or another application.
        ({**VALID, "extension": "501\r\nVariable: a=b"}, "extension"),
        ({**VALID, "extension": "501\n\nAction: Command\nCommand: core stop now"}, "extension"),
        ({**VALID, "extension": "501@other/n"}, "extension"),
        ({**VALID, "extension": "501&PJSIP/trunk"}, "extension"),
        ({**VALID, "number": "500\r\nApplication: System"}, "number"),
        ({**VALID, "number": "500\0"}, "number"),
        ({**VALID, "number": "500,1"}, "number"),
    ],
)
def test_a_form_that_is_not_valid_is_refused_before_anything_is_sent(
    sim: Simulator, client: Client, form: dict[str, str], field: str
) -> None:
    response = client.post("/originate/", form)
    assert response.status_code == 400
    assert field in response.json()["error"]
    assert sim.connections == 0


def test_click_to_call_takes_a_post_with_a_token_alone(sim: Simulator) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.get("/originate/").status_code == 405
    assert strict.post("/originate/", VALID).status_code == 403
    assert sim.connections == 0


def test_a_refusal_of_the_server_is_a_502(sim: Simulator, client: Client) -> None:
    sim.on("Originate").fail("Permission denied")
    response = client.post("/originate/", VALID)
    assert response.status_code == 502
    cure = "write= of the AMI user lacks its class (the CLI's 'manager show command Originate' names it)."
    assert response.json() == {"error": f"node_1: Originate refused: Permission denied: {cure}", "sent": True}


def test_a_server_that_is_down_is_a_503_and_nothing_was_sent(sim: Simulator, client: Client) -> None:
    sim.stop()
    for response in (client.post("/originate/", VALID), client.get("/ping/"), asyncio.run(get_async("/queues/"))):
        assert response.status_code == 503
        assert response.json()["sent"] is False
        assert "connection refused: does Asterisk run" in response.json()["error"]


def test_a_connection_that_breaks_is_a_503_and_it_may_have_been_sent(sim: Simulator, client: Client) -> None:
    sim.on("Originate").raw(b"").cut()
    response = client.post("/originate/", VALID)
    assert response.status_code == 503
    assert response.json()["sent"] is True
    assert "it may have been carried out" in response.json()["error"]


def test_a_server_that_does_not_answer_is_a_504(sim: Simulator, client: Client, settings: Any) -> None:
    settings.AMI_OPTIONS = {"action_timeout": 0.2}
    client.get("/ping/")
    sim.on("*").hang()
    response = client.post("/originate/", VALID)
    assert response.status_code == 504
    assert response.json()["sent"] is True


def test_a_wrong_secret_is_a_503(sim: Simulator, client: Client, settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": f"ami://admin:hush@127.0.0.1:{sim.port}"}}
    for _ in range(3):
        response = client.get("/ping/")
        assert response.status_code == 503
        assert "Authentication failed for user 'admin'" in response.json()["error"]
        assert "hush" not in response.json()["error"]
    assert sim.login_attempts == 1


def test_status(sim: Simulator, client: Client) -> None:
    before = client.get("/status/").json()["node_1"]
    assert (before["state"], before["ready"]) == ("idle", False)
    assert sim.connections == 0
    client.get("/ping/")
    after = client.get("/status/").json()["node_1"]
    assert (after["state"], after["ready"], after["asterisk_version"]) == ("ready", True, "22.10.1")


@pytest.mark.django_db
def test_index(sim: Simulator, client: Client) -> None:
    page = client.get("/").content.decode()
    assert "None yet: does <code>manage.py ami_listen</code> run?" in page
    assert "csrfmiddlewaretoken" in page
    Call.objects.create(uniqueid="1.1", server="node_1", channel="PJSIP/<b>", exten="500")
    page = client.get("/").content.decode()
    assert "PJSIP/&lt;b&gt;" in page
    assert "None yet" not in page
    assert sim.connections == 0


# --- asynchronous ---


async def get_async(path: str) -> Any:
    return await AsyncClient().get(path)


def test_queues(sim: Simulator) -> None:
    response = asyncio.run(get_async("/queues/"))
    assert response.status_code == 200
    assert response.json() == {
        "queues": {
            "support": {"calls": 0, "members": ["Alice", "Bob"], "callers": []},
            "sales": {"calls": 0, "members": ["Zoë Müller", "Never There"], "callers": []},
        }
    }


def test_many_at_once_in_one_event_loop(sim: Simulator) -> None:
    async def main() -> list[Any]:
        return await asyncio.gather(*(get_async("/queues/") for _ in range(50)))

    responses = asyncio.run(main())
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert (sim.logins, sum(action.name == "QueueStatus" for action in sim.received)) == (1, 50)


def test_an_async_view_tells_of_a_refusal(sim: Simulator) -> None:
    sim.on("QueueStatus").fail("Permission denied")
    response = asyncio.run(get_async("/queues/"))
    assert (response.status_code, response.json()["sent"]) == (502, True)


# --- receivers ---


@pytest.mark.django_db
def test_the_receivers_keep_a_log_of_calls(sim: Simulator) -> None:
    with listening(sim.url) as listener:
        listener.make_ready()
        sim.emit(
            "Newchannel", Channel="PJSIP/101-1", Uniqueid="1.1", CallerIDNum="101", Exten="500", ChannelStateDesc="Ring"
        )
        sim.emit("Newchannel", Channel="PJSIP/102-2", Uniqueid="1.2")
        sim.emit("DialEnd", Channel="PJSIP/101-1", DestChannel="PJSIP/102-2", DialStatus="ANSWER")
        sim.emit("QueueCallerJoin", Channel="PJSIP/101-1", Queue="support")
        sim.emit("Hangup", [("Cause-txt", "Normal Clearing")], Channel="PJSIP/101-1", Uniqueid="1.1")
        listener.run_until(lambda: Call.objects.filter(ended__isnull=False).exists())
    one, two = Call.objects.order_by("uniqueid")
    assert (one.server, one.channel, one.caller, one.exten, one.cause) == (
        "node_1", "PJSIP/101-1", "101", "500", "Normal Clearing",
    )  # fmt: skip
    assert (two.channel, two.exten, two.ended, str(two)) == ("PJSIP/102-2", "", None, "PJSIP/102-2 to nowhere")
    assert one.ended >= one.started


@pytest.mark.django_db
def test_a_call_that_was_clicked_is_in_the_log(
    sim: Simulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(sim.url) as listener:
        listener.make_ready()
        assert client.post("/originate/", VALID).status_code == 200
        listener.run_until(lambda: Call.objects.exists() and not Call.objects.filter(ended=None).exists())
    assert Call.objects.filter(channel__startswith="Local/501@default").exists()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
