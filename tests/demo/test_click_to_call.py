"""The demo's own tests, as the author of such a site would write them.

No Asterisk, no socket, no waiting.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, TestCase

from demo_project.calls.models import Call
from django_ami.operations.models import ActionLog
from django_ami.testing import AmiTestMixin, events, scenarios

if TYPE_CHECKING:
    from django_ami.testing import Outbox

pytestmark = pytest.mark.operations

VALID = {"extension": "501", "number": "500"}


async def get_async(path: str) -> Any:
    return await AsyncClient().get(path)


# --- the action ---


def test_click_to_call(ami_outbox: Outbox, client: Client) -> None:
    response = client.post("/originate/", VALID)
    assert (response.status_code, response.json()["result"]) == (200, "answered")
    ami_outbox.assert_action_sent(
        "Originate",
        Channel="Local/501@default",
        Context="default",
        Exten="500",
        Priority=1,
        CallerID="500",
        Async=True,
        count=1,
    )


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "extension"),
        ({"extension": "501"}, "number"),
        ({**VALID, "extension": ""}, "extension"),
        ({**VALID, "extension": "5" * 21}, "extension"),
        ({**VALID, "number": "anna"}, "number"),
        ({**VALID, "number": "5" * 41}, "number"),
        # Text that would be another header, another action, another channel or another application.
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
    ami_outbox: Outbox, client: Client, form: dict[str, str], field: str
) -> None:
    response = client.post("/originate/", form)
    assert response.status_code == 400
    assert field in response.json()["error"]
    assert len(ami_outbox) == 0


def test_click_to_call_takes_a_post_with_a_token_alone(ami_outbox: Outbox) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.get("/originate/").status_code == 405
    assert strict.post("/originate/", VALID).status_code == 403
    ami_outbox.assert_action_not_sent("Originate")


def test_call_is_refused_without_a_login_and_recorded(ami_outbox: Outbox, db: None) -> None:
    stranger = Client()
    response = stranger.post("/originate/", VALID)
    assert (response.status_code, "log in first" in response.json()["error"]) == (403, True)
    row = ActionLog.objects.get()
    assert (row.who, row.via, row.action, row.outcome) == (
        "", "click to call", "Originate", "refused",
    )  # fmt: skip
    assert stranger.get("/")["Location"] == "/login/?next=/"
    assert "password" in stranger.get("/login/").content.decode()
    ami_outbox.assert_action_not_sent("Originate")


def test_number_that_costs_money_is_refused_with_the_cure_and_recorded(
    ami_outbox: Outbox, client: Client
) -> None:
    numbers = ("0190123456", "1", "*99")
    for number in numbers:
        response = client.post("/originate/", VALID | {"number": number})
        assert (response.status_code, "'numbers' of the grant" in response.json()["error"]) == (
            403, True,
        )  # fmt: skip
    ami_outbox.assert_action_not_sent("Originate")
    rows = ActionLog.objects.order_by("id")
    assert [(row.who, row.outcome) for row in rows] == [("ann", "refused")] * len(numbers)
    assert [dict(row.headers)["Exten"] for row in rows] == list(numbers)


def test_call_too_many_is_refused_with_the_time_to_wait(ami_outbox: Outbox, client: Client) -> None:
    codes = [client.post("/originate/", VALID).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]
    assert 0 < int(client.post("/originate/", VALID)["Retry-After"]) <= 60
    ami_outbox.assert_action_sent("Originate", count=10)


# --- its outcome ---


@pytest.mark.parametrize(
    ("second", "why"),
    [("", "busy"), ("busy", "the second party: busy (User busy, SIP 486)")],
)
def test_the_answer_tells_which_party_is_busy(
    ami_outbox: Outbox, client: Client, second: str, why: str
) -> None:
    rule = ami_outbox.on("Originate")
    rule.outcome("answered", second=second) if second else rule.outcome("busy")
    response = client.post("/originate/", VALID)
    assert response.status_code == 409
    assert {**response.json(), "call": ""} == {"call": "", "result": "busy", "why": why}


def test_a_refusal_is_a_502(ami_outbox: Outbox, client: Client) -> None:
    ami_outbox.on("Originate").fail("Extension does not exist.")
    response = client.post("/originate/", VALID)
    assert response.status_code == 502
    assert response.json() == {
        "error": "node_1: Originate refused: Extension does not exist.",
        "sent": True,
    }


def test_a_server_that_does_not_answer_is_a_504(ami_outbox: Outbox, client: Client) -> None:
    ami_outbox.on("Originate").hang()
    response = client.post("/originate/", VALID)
    assert (response.status_code, response.json()["sent"]) == (504, True)


def test_a_connection_that_breaks_is_a_503_and_the_call_may_have_been_made(
    ami_outbox: Outbox, client: Client
) -> None:
    ami_outbox.on("Originate").drop()
    response = client.post("/originate/", VALID)
    assert (response.status_code, response.json()["sent"]) == (503, True)
    assert "it may have been carried out" in response.json()["error"]


def test_a_server_that_is_down_is_a_503_and_no_call_was_made(
    ami_outbox: Outbox, client: Client
) -> None:
    ami_outbox.down()
    response = client.post("/originate/", VALID)
    assert (response.status_code, response.json()["sent"]) == (503, False)
    assert len(ami_outbox) == 0


def test_the_queues_of_an_async_view(ami_outbox: Outbox) -> None:
    ami_outbox.on("QueueStatus").items(
        events.queue_params(Queue="support", Calls=1),
        events.queue_member(Queue="support", Name="Ann"),
        events.queue_member(Queue="support", Name="Ben"),
        events.queue_entry(Queue="support", Channel="PJSIP/7-00000001"),
        events.queue_params(Queue="sales", Calls=0),
    )
    response = asyncio.run(get_async("/queues/"))
    assert response.json() == {
        "queues": {
            "support": {"calls": 1, "members": ["Ann", "Ben"], "callers": ["PJSIP/7-00000001"]},
            "sales": {"calls": 0, "members": [], "callers": []},
        }
    }


def test_an_async_view_tells_of_a_refusal(ami_outbox: Outbox) -> None:
    ami_outbox.on("QueueStatus").fail("Permission denied")
    response = asyncio.run(get_async("/queues/"))
    assert (response.status_code, response.json()["sent"]) == (502, True)


# --- events ---


@pytest.mark.django_db
def test_a_call_is_in_the_log_from_its_first_event_to_its_last(ami_outbox: Outbox) -> None:
    ami_outbox.emit(
        "Newchannel", Uniqueid="1.1", Channel="PJSIP/101-00000001", CallerIDNum="101", Exten="500"
    )
    call = Call.objects.get()
    assert (call.server, call.call_id, call.caller, call.number, call.state, call.ended) == (
        "node_1", "1.1", "101", "", "dialing", None,
    )  # fmt: skip
    ami_outbox.emit("Hangup", Uniqueid="1.1", Cause=17)
    call.refresh_from_db()
    assert (call.state, call.ended is not None) == ("ended", True)


class CallLogTest(AmiTestMixin, TestCase):
    """The tests of the call log, without pytest."""

    def test_two_calls_that_a_transfer_makes_one_are_one_row(self) -> None:
        self.play(scenarios.attended_transfer())
        (call,) = Call.objects.all()
        assert (call.caller, call.outcome, call.ended is None) == ("101", "answered", False)

    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(User.objects.create_user("ann"))

    def test_click_to_call(self) -> None:
        self.client.post("/originate/", VALID)
        self.assertActionSent("Originate", Exten="500")

    def test_the_page_shows_who_called(self) -> None:
        self.play(scenarios.abandoned_call(caller="+49301234567"))
        page: Any = self.client.get("/")
        assert "<td>+49301234567</td>" in page.content.decode()
        assert "<td>abandoned</td>" in page.content.decode()

    def test_the_page_shows_a_call_once_and_in_words(self) -> None:
        self.play(scenarios.answered_call("101", "102", talk=30))
        self.emit(
            "Newchannel", Uniqueid="9.9", Linkedid="9.9", Channel="PJSIP/7-00000009", Exten="s"
        )
        page: Any = self.client.get("/").content.decode()
        assert page.count("<td>101</td><td>102</td>") == 1
        assert re.search(r"30 s</td><td>answered</td>", page)
        assert "<td>s</td>" not in page
        assert re.search(r"<td>the dialplan</td>.*\n.*dialing", page)
