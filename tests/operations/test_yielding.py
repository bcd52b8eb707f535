"""A holder that does not reach the server asks for a handover, if a standby reaches it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.listeners import ListenerRole
from django_ami.operations.clock import from_now, now
from django_ami.operations.conf import options_of
from django_ami.operations.models import Lease, Listener
from django_ami.operations.yielding import Yielding
from tests.running import wait_until

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db

TOKEN = 7


@pytest.fixture
def yielding() -> Yielding:
    Lease.objects.create(server="node_1", token=TOKEN, holder="me", expires_at=from_now(60))
    return Yielding(options_of({"lease_timeout": 0.5, "heartbeat_interval": 0.2}))


def standby(state: str) -> None:
    Listener.objects.create(
        process="other", server="node_1", account="", host="pbx-b", pid=812, version="0",
        role=ListenerRole.STANDBY.value, state=state, started_at=now(), state_since=now(),
        seen_at=from_now(60),
    )  # fmt: skip


def asked() -> bool:
    return Lease.objects.filter(handover_requested_at__isnull=False).exists()


def keep_looking(yielding: Yielding, state: str = "waiting") -> None:
    """Look for longer than its patience."""
    for _ in range(8):
        yielding.look("node_1", state, TOKEN)
        threading.Event().wait(0.1)


def test_handover_is_asked_for_if_the_server_stays_away_and_a_standby_is_ready(
    yielding: Yielding, caplog: pytest.LogCaptureFixture
) -> None:
    standby("ready")
    yielding.look("node_1", "waiting", TOKEN)
    assert not asked(), "not at once"
    wait_until(lambda: yielding.look("node_1", "waiting", TOKEN) or asked())
    assert Lease.objects.get().handover_requested_by == "this process"
    assert "node_1: this process has not reached the server" in caplog.text


def test_handover_is_not_asked_for_if_no_standby_reaches_the_server(yielding: Yielding) -> None:
    standby("waiting")
    keep_looking(yielding)
    assert not asked()


def test_handover_is_not_asked_for_while_the_server_is_reached(yielding: Yielding) -> None:
    standby("ready")
    keep_looking(yielding, "ready")
    assert not asked()


def test_standby_without_a_login_reaches_nobody_yet(
    yielding: Yielding, settings: SettingsWrapper
) -> None:
    settings.AMI_OPERATIONS = {"standby_login": False}
    standby("off")
    keep_looking(yielding)
    assert not asked()


def test_server_that_comes_back_is_given_its_time_anew(yielding: Yielding) -> None:
    standby("ready")
    for _ in range(4):
        yielding.look("node_1", "waiting", TOKEN)
        threading.Event().wait(0.2)
        yielding.look("node_1", "ready", TOKEN)
    assert not asked()


def test_lease_that_has_changed_hands_is_left_alone(yielding: Yielding) -> None:
    standby("ready")
    Lease.objects.update(token=TOKEN + 1)
    keep_looking(yielding)
    assert not asked()
