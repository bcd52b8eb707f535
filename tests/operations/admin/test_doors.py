"""Each door of the admin needs its permission: anonymous visitors log in, others get 403."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from django_ami.operations.models import ActionLog
from tests.operations.admin.rows import entry, lease, listener

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db
ROOT = "/admin/ami_operations/"
#: The address of each page, and the permissions that it needs.
DOORS = {
    "lease/": ("view_lease",),
    "lease/status/": ("view_lease",),
    "lease/node_1/change/": ("view_lease",),
    "lease/node_1/history/": ("view_lease",),
    "lease/node_1/hand-over/": ("view_lease", "hand_over_lease"),
    "lease/send/": ("send_actions",),
    "lease/send/?action=Ping": ("send_actions",),
    "listener/": ("view_listener",),
    "listener/1/change/": ("view_listener",),
    "actionlog/": ("view_actionlog",),
    "actionlog/1/change/": ("view_actionlog",),
}
#: Doors that are closed for everybody: only listeners write here.
WALLS = (
    "lease/add/",
    "lease/node_1/delete/",
    "listener/add/",
    "listener/1/delete/",
    "actionlog/add/",
    "actionlog/1/delete/",
)


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    lease()
    listener(pk=1)
    listener("standby")
    entry(pk=1)


@pytest.mark.parametrize("door", DOORS)
def test_door_is_open_with_its_permissions_alone(door: str, log_in: Callable[..., Client]) -> None:
    needed = DOORS[door]
    assert log_in(*needed).get(ROOT + door).status_code == 200
    for missing in needed:
        others = {one for those in DOORS.values() for one in those} - {missing}
        visitor = log_in(*others, name=f"without {missing}")
        assert visitor.get(ROOT + door).status_code == 403, missing
        assert visitor.post(ROOT + door, {"token": "1800000000"}).status_code == 403, missing


@pytest.mark.parametrize("door", [*DOORS, *WALLS])
def test_door_is_closed_to_staff_without_permissions(
    door: str, log_in: Callable[..., Client]
) -> None:
    assert log_in().get(ROOT + door).status_code == 403


@pytest.mark.parametrize("door", DOORS)
def test_door_leads_others_to_the_login(door: str, log_in: Callable[..., Client]) -> None:
    """Also those who have every permission, and may not enter the admin."""
    needed = DOORS[door]
    for visitor in (
        Client(),
        log_in(*needed, name="no staff", is_staff=False),
        log_in(*needed, name="gone", is_active=False),
    ):
        answer = visitor.get(ROOT + door)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize(
    ("permissions", "door", "action"),
    [
        ((), "lease/send/?action=Command", "Command"),
        (("send_actions",), "lease/send/?action=command", "Command"),  # no grant has it
        (("view_lease",), "lease/node_1/hand-over/", "Handover"),
    ],
)
def test_form_that_is_sent_without_the_right_is_recorded_and_a_look_is_not(
    permissions: tuple[str, ...], door: str, action: str, log_in: Callable[..., Client]
) -> None:
    ActionLog.objects.all().delete()
    visitor = log_in(*permissions)
    assert visitor.get(ROOT + door).status_code == 403
    assert ActionLog.objects.count() == 0
    assert visitor.post(ROOT + door, {"Command": "core stop now"}).status_code == 403
    row = ActionLog.objects.get()
    assert (row.who, row.via, row.action, row.outcome) == ("operator", "admin", action, "refused")


@pytest.mark.parametrize("wall", WALLS)
def test_wall_has_no_door_even_for_a_superuser(wall: str, log_in: Callable[..., Client]) -> None:
    assert log_in(is_superuser=True).get(ROOT + wall).status_code == 403


def test_index_shows_staff_without_permissions_no_word_of_it(log_in: Callable[..., Client]) -> None:
    assert "ami_operations" not in log_in().get("/admin/").content.decode()
    text = log_in("view_lease", name="viewer").get("/admin/").content.decode()
    assert "/admin/ami_operations/lease/" in text
    assert "/admin/ami_operations/listener/" not in text


def test_buttons_are_for_those_who_may_use_them(log_in: Callable[..., Client]) -> None:
    some = log_in("view_lease", "view_listener")
    all_of_them = log_in(
        "view_lease", "view_listener", "hand_over_lease", "send_actions", name="chief"
    )
    for address, button in (
        ("lease/", "hand-over/"), ("lease/", "lease/send/"), ("listener/", "hand-over/"),
    ):  # fmt: skip
        assert button not in some.get(ROOT + address).content.decode()
        assert button in all_of_them.get(ROOT + address).content.decode()
