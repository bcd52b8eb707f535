"""The doors of the commands: CSRF, login, permission, method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse

from django_ami.wallboard.access import DEEDS, Access

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
