"""The doors of the commands: CSRF, login, permission, method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse

from django_ami import ami
from django_ami.operations import audit
from django_ami.operations.models import ActionLog
from django_ami.testing import CallTimes, FakeAsterisk
from django_ami.wallboard.access import DEEDS, Access
from tests.wallboard.commands.visiting import site_of

if TYPE_CHECKING:
    from tests.wallboard.commands.visiting import Site

#: Each command, and the deeds of which it needs one.
COMMANDS = {
    "place": {"call"},
    "hangup": {"hangup", "call", "listen"},
    "transfer": {"transfer"},
    "listen": {"listen"},
    "pause": {"pause"},
}


def address(name: str) -> str:
    return reverse(
        f"ami_wallboard:{name}", kwargs={} if name in {"place", "pause"} else {"call": "1.1"}
    )


@pytest.fixture
def locked(settings: Any) -> None:
    """A site whose visitors have what the permissions of the app say."""
    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.AMI_WALLBOARD = {}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_visitor_without_the_deed_gets_403(site: Site, name: str) -> None:
    site.access = Access(may=frozenset(DEEDS) - COMMANDS[name])
    response = site.browser.post(address(name), {"number": "102", "to": "102"})
    assert response.status_code == 403
    assert "permission" in response.json()["error"]
    site.access = None
    assert site.browser.post(address(name)).status_code == 403
    assert not {action.name for action in site.server.received} & {
        "Originate", "Hangup", "Redirect", "QueuePause"
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_get_carries_nothing_out(site: Site, name: str) -> None:
    response = site.browser.get(address(name))
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_request_without_a_token_gets_403_whatever_the_middleware(
    site: Site, settings: Any, name: str
) -> None:
    settings.MIDDLEWARE = []
    browser = Browser(enforce_csrf_checks=True)
    response = browser.post(address(name), {"number": "102", "to": "102"})
    assert response.status_code == 403
    assert b"CSRF" in response.content
    assert not site.sent("Originate")


@pytest.mark.django_db
@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("name", COMMANDS)
def test_anonymous_visitors_and_users_without_permission_get_403(name: str) -> None:
    browser = Browser()
    assert browser.post(address(name)).status_code == 403
    user = User.objects.create_user("ann")
    browser.force_login(user)
    assert browser.post(address(name)).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_wallboard"))
    refused = browser.post(address(name))
    assert refused.status_code == 403
    assert refused.json()["error"] == "You may not do this: ask for the permission."


@pytest.mark.django_db
@pytest.mark.usefixtures("locked")
def test_a_user_with_the_permission_comes_in() -> None:
    user = User.objects.create_user("ann")
    names = ["view_wallboard", "place_calls"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    browser = Browser()
    browser.force_login(user)
    response = browser.post(address("place"))
    assert (response.status_code, "number" in response.json()["error"]) == (400, True)


# --- with an app that knows what users may send ---


@pytest.mark.operations
@pytest.mark.parametrize("name", ["place", "listen"])
def test_a_visitor_without_an_account_places_no_call(site: Site, name: str) -> None:
    site.browser.logout()
    words = {"number": "102"}
    response = site.browser.post(address(name), words)
    assert response.status_code in {403, 404}
    if name == "place":
        assert "Log in first" in response.json()["error"]
    assert not site.sent("Originate")


@pytest.mark.operations
def test_a_grant_decides_beside_the_access_of_the_wallboard(site: Site, settings: Any) -> None:
    settings.AMI_PERMISSIONS = {}
    response = site.post("place", number="102")
    assert response.status_code == 403
    assert "AMI_PERMISSIONS gives this user anything" in response.json()["error"]
    settings.AMI_PERMISSIONS = {
        "users": {"visitor": {"actions": ["Originate"], "contexts": ["default"]}}
    }
    assert site.post("place", number="102").status_code == 201
    assert len(site.sent("Originate")) == 1


@pytest.mark.operations
def test_a_user_who_calls_too_often_gets_429_with_the_cure(site: Site, settings: Any) -> None:
    grant = {"actions": ["Originate"], "contexts": ["default"], "calls_per_minute": 2}
    settings.AMI_PERMISSIONS = {"everybody": grant}
    answers = [site.post("place", number="102") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert "calls_per_minute" in answers[2].json()["error"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert len(site.sent("Originate")) == 2


@pytest.mark.operations
def test_two_clicks_are_one_call_and_one_entry_and_a_refusal_is_one_too(
    transactional_db: None, settings: Any
) -> None:
    times = CallTimes(ring=0.1, duration=60)
    with FakeAsterisk(times=times) as server, site_of(server.url, settings) as site:
        site.server = server
        audit.close()
        ActionLog.objects.all().delete()
        first, second = (site.post("place", number="102", click="c1") for _ in range(2))
        assert first.json()["call"] == second.json()["call"]
        assert site.post("place", number="0190").status_code == 201  # this site allows all
        site.post("hangup", first.json()["call"])
        site.access = Access()
        assert site.post("pause", interface="PJSIP/101", paused="1").status_code == 403
        ami.close()
        audit.close()
    rows = list(ActionLog.objects.order_by("at"))
    calls = [row for row in rows if row.action == "Originate"]
    assert len(calls) == 2
    assert {(row.who, row.via) for row in calls} == {("visitor", "ami_wallboard:place")}
    assert [row.outcome for row in rows if row.action == "pause"] == ["refused"]
    assert [row.via for row in rows if row.action == "Hangup"][:1] == ["ami_wallboard:hangup"]
