"""The admin: filters, a search by number, a story that needs no script, and nothing to change."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from django_ami.calls.models import Call, Origination
from django_ami.calls.store import save_calls
from django_ami.live.snapshots import Outcome, Party
from django_ami.testing.override import override_ami
from tests.calls.support import a_call, a_queue_call

pytestmark = pytest.mark.django_db
LIST = "admin:ami_calls_call_changelist"


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "", "secret"))
    return client


@pytest.fixture
def calls() -> list[Call]:
    evil = Party("PJSIP/eve", "6666", "<script>alert(1)</script>", "caller", ("1",), 1.0)
    save_calls(
        [
            a_call(1),
            a_queue_call(2),
            a_call(3, outcome=Outcome.BUSY, server="other", requested="+4930123456"),
            replace(a_call(4), parties=(evil,)),
        ]
    )
    return list(Call.objects.order_by("started"))


def shown(browser: Client, **query: str) -> list[int]:
    page = browser.get(reverse(LIST), query)
    assert page.status_code == 200
    return sorted(call.started.second for call in page.context["cl"].result_list)


@pytest.mark.usefixtures("calls")
def test_the_list_can_be_filtered_and_searched(browser: Client) -> None:
    assert shown(browser) == [1, 2, 3, 4]
    assert shown(browser, outcome="busy") == [3]
    assert shown(browser, server="pbx") == [1, 2, 4]
    assert shown(browser, queue="sales") == [2]
    assert shown(browser, direction="internal") == [1, 2, 3, 4]
    assert shown(browser, started__gte="2027-01-01 00:00:00+00:00") == []
    assert shown(browser, q="+49 30 123") == [3]
    assert shown(browser, q="6666") == [4]
    assert shown(browser, q="60", outcome="busy") == [3]
    assert shown(browser, q=" ") == [1, 2, 3, 4]
    page = browser.get(reverse(LIST)).content.decode()
    for choice in ("?outcome=no_answer", "?direction=inbound", "?queue=sales", "?server=node_1"):
        assert f'href="{choice}"' in page
    assert "answered_elsewhere" not in page


def test_the_lists_say_nothing_of_servers_that_cannot_be_read(
    browser: Client, settings: Any
) -> None:
    settings.AMI_SERVERS = None
    assert shown(browser) == []


@pytest.mark.usefixtures("calls")
def test_the_list_takes_few_queries(browser: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(6):
        browser.get(reverse(LIST))


def test_the_page_of_a_call_tells_its_story(browser: Client, calls: list[Call]) -> None:
    page = browser.get(reverse("admin:ami_calls_call_change", args=[calls[1].pk]))
    text = page.content.decode()
    story = text[
        text.index('<ol class="ami-story" role="list">') : text.index(
            "</ol>", text.index("ami-story")
        )
    ]
    lines = [re.sub(r"<[^>]+>", "", line).strip() for line in story.split("<li")[1:]]
    assert len(lines) == 8
    assert lines[0].endswith("13:00:02 Alice 6001 PJSIP/alice called 500.")
    assert "13:00:03 Joined the queue sales at position 1." in lines[1]
    assert '<time datetime="2026-11-28T13:00:02+01:00">13:00:02</time>' in story
    assert "ami_calls/story.css" in text
    assert 'name="_save"' not in text


def test_story_is_no_markup_and_needs_no_script(browser: Client, calls: list[Call]) -> None:
    page = browser.get(reverse("admin:ami_calls_call_change", args=[calls[3].pk]))
    text = page.content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 6666 PJSIP/eve called 6002." in text
    story = text[
        text.index('<ol class="ami-story" role="list">') : text.index(
            "</ol>", text.index("ami-story")
        )
    ]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", story)


def test_page_of_a_call_without_a_talk_has_a_dash_there(browser: Client, calls: list[Call]) -> None:
    Call.objects.filter(pk=calls[2].pk).update(talk_seconds=0)
    page = browser.get(reverse("admin:ami_calls_call_change", args=[calls[2].pk]))
    assert ">None<" not in page.content.decode()


def test_calls_cannot_be_changed_or_added(browser: Client, calls: list[Call]) -> None:
    assert browser.get(reverse("admin:ami_calls_call_add")).status_code == 403
    change = reverse("admin:ami_calls_call_change", args=[calls[0].pk])
    assert browser.post(change, {"requested": "1"}).status_code == 403
    assert browser.post(reverse("admin:ami_calls_call_delete", args=[calls[0].pk]), {"post": "yes"})
    assert Call.objects.count() == 3


@pytest.mark.usefixtures("calls")
def test_the_list_of_visits(browser: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        page = browser.get(
            reverse("admin:ami_calls_queuevisit_changelist"),
            {"queue": "sales", "result": "answered"},
        )
    text = page.content.decode()
    assert "2.0\N{NO-BREAK SPACE}s" in text
    assert "17.0\N{NO-BREAK SPACE}s" in text
    assert "6001 to 500" in text


def test_history_is_forbidden_without_the_permission(calls: list[Call]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:ami_calls_call_change", args=[calls[0].pk])).status_code == 403


def test_calls_that_were_asked_for_are_shown_and_asked_for(browser: Client) -> None:
    Origination.objects.create(id="a-1", server="node_1", destination="PJSIP/101", exten="102")
    Origination.objects.create(
        id="a-2", server="node_1", destination="PJSIP/7", application="Echo", talk_seconds=61,
        state="ended", result="answered", key="order 7", asked_by="Ann",
    )  # fmt: skip
    listing = reverse("admin:ami_calls_origination_changelist")
    for query, found in (({}, 2), ({"state": "ended"}, 1), ({"q": "order 7"}, 1), ({"q": "9"}, 0)):
        page = browser.get(listing, query)
        assert len(page.context["cl"].result_list) == found, query
    page = browser.get(reverse("admin:ami_calls_origination_change", args=["a-2"]))
    assert page.status_code == 200
    assert "1\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}01\N{NO-BREAK SPACE}s" in page.content.decode()
    with override_ami("node_1") as outbox:
        outbox.on("Status").fail("No such channel").when(lambda action: "Channel" in action)
        chosen = {"action": "ask", "_selected_action": ["a-1", "a-2"]}
        page = browser.post(listing, chosen, follow=True)
    assert "1 unknown: ask" in page.content.decode()
    assert Origination.objects.get(pk="a-1").asked is not None
    page = browser.post(listing, {"action": "ask", "_selected_action": ["a-2"]}, follow=True)
    assert "The end of all of them is known." in page.content.decode()
