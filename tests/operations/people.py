"""Users with grants, in front of a simulated Asterisk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, User

from django_ami.operations import audit
from django_ami.operations.models import ActionLog
from tests.running import wait_until

if TYPE_CHECKING:
    from django_ami.testing import FakeAsterisk, ReceivedAction


def user(name: str, *groups: str, **more: Any) -> User:
    """A user in these groups, which are made if they are not there."""
    made = User.objects.create_user(name, **more)
    made.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return made


def rows(count: int) -> list[ActionLog]:
    """The action log, once this process has written so many rows since it was asked last."""
    # SQLite in memory lets nobody read while somebody writes.
    wait_until(lambda: audit.status().written >= count, what=f"{count} rows")
    audit.close()
    found = list(ActionLog.objects.order_by("id"))
    assert len(found) == count, [(row.action, row.outcome, row.reason) for row in found]
    return found


def received(server: FakeAsterisk, name: str) -> list[ReceivedAction]:
    return [action for action in server.received if action.name.lower() == name.lower()]
