"""A handover: asked for in the admin, refused where nobody could take over, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from django_ami.operations.clock import ago
from django_ami.operations.leases import LeaseTable
from django_ami.operations.models import ActionLog, Lease
from tests.operations.admin.rows import lease, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.test import Client

pytestmark = pytest.mark.django_db
SERVERS = "admin:ami_operations_lease_changelist"
ADDRESS = "/admin/ami_operations/lease/node_1/hand-over/"


@pytest.fixture
def operator(log_in: Callable[..., Client]) -> Client:
    return log_in("view_lease", "view_listener", "hand_over_lease")


@pytest.fixture
def pair(db: None) -> Lease:
    """A holder and a standby."""
    listener()
    listener("standby")
    return lease()


def ask(visitor: Client, token: object) -> Any:
    return visitor.post(ADDRESS, {"token": token}, follow=True)


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_page_asks_and_names_the_standby(operator: Client, pair: Lease) -> None:
    text = text_of(operator.get(ADDRESS))
    assert "pbx-a, process 4711" in text
    assert "<li>pbx-s, process 4711</li>" in text
    assert 'value="1800000000"' in text
    assert Lease.objects.get().handover_requested_at is None


def test_holder_sees_who_has_asked_and_the_pages_tell(operator: Client, pair: Lease) -> None:
    text = text_of(ask(operator, pair.token))
    assert "Handover requested: the holder of node_1 gives" in text
    assert "operator has asked for it at" in text
    table = LeaseTable("default", "a" * 32, "host a")
    assert table.handover_requested_by("node_1", pair.token) == "operator"
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.user.username) == ("node_1", "operator")
    assert "Handover requested" in entry.get_change_message()
    row = ActionLog.objects.get()
    assert (row.who, row.action, row.server, row.outcome) == (
        "operator", "Handover", "node_1", "success",
    )  # fmt: skip
    history = reverse("admin:ami_operations_lease_history", args=["node_1"])
    assert "Handover requested" in text_of(operator.get(history))


def test_next_holder_is_not_asked(operator: Client, pair: Lease) -> None:
    ask(operator, pair.token)
    Lease.objects.update(expires_at=ago(1))
    table = LeaseTable("default", "b" * 32, "host b")
    assert table.acquire("node_1", pair.token, 60)
    assert table.handover_requested_by("node_1", pair.token + 1) is None
    assert "has asked for it" not in text_of(operator.get(reverse(SERVERS)))


@pytest.mark.parametrize(
    "standby",
    [None, {"seen_at": ago(3600)}, {"state": "waiting"}],
    ids=["none", "stale", "not logged in"],
)
def test_handover_is_refused_where_no_standby_could_take_over(
    standby: dict[str, Any] | None, operator: Client
) -> None:
    held = lease()
    listener()
    if standby is not None:
        listener("standby", **standby)
    text = text_of(operator.get(ADDRESS))
    assert "There is no standby that could take over" in text
    assert 'type="hidden" name="token"' not in text
    assert "no standby is ready to take over" in text_of(ask(operator, held.token))
    assert Lease.objects.get().handover_requested_at is None
    assert not LogEntry.objects.exists()
    assert "no standby" in ActionLog.objects.get().reason


def test_standby_that_logs_in_late_may_take_over(
    operator: Client, settings: Any, pair: Lease
) -> None:
    settings.AMI_OPERATIONS = {"standby_login": False}
    pair.delete()
    held = lease("node_1")
    assert "Handover requested" in text_of(ask(operator, held.token))


@pytest.mark.parametrize("token", ["1799999999", "", "x"])
def test_handover_is_refused_to_a_form_that_is_out_of_date(
    token: str, operator: Client, pair: Lease
) -> None:
    answer = ask(operator, token)
    assert "Handover requested" not in text_of(answer)
    assert 'class="error"' in text_of(answer)
    assert Lease.objects.get().handover_requested_at is None


def test_lease_that_nobody_has_cannot_be_handed_over(operator: Client, pair: Lease) -> None:
    Lease.objects.update(expires_at=ago(1))
    assert "there is nothing to hand over" in text_of(operator.get(ADDRESS))
    assert "is over, or has changed hands" in text_of(ask(operator, pair.token))


def test_server_without_a_lease_has_no_page(operator: Client) -> None:
    listener("alone")
    assert operator.get(ADDRESS).status_code == 404


def test_button_is_for_the_holder_alone(operator: Client, pair: Lease) -> None:
    button = 'aria-label="Hand over the lease of node_1"'
    listeners = reverse("admin:ami_operations_listener_changelist")
    for address in (reverse(SERVERS), listeners):
        assert text_of(operator.get(address)).count(button) == 1, address
