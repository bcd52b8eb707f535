"""``ami_prune_events``: old rows of ``once`` go, in chunks, and none that the engine may repeat."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from django_ami.forwarding import once
from django_ami.forwarding.models import ProcessedEvent
from django_ami.management.commands.ami_prune_events import Command
from django_ami.testing import events
from django_ami.tools.exits import Exit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Twelve events of ten days ago, and three of today."""
    for number in range(15):
        with once(events.hangup(server="node_1"), "key", store="model"):
            pass
        if number == 11:
            ProcessedEvent.objects.update(at=timezone.now() - timedelta(days=10))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("ami_prune_events", *arguments, stdout=out)
    return out.getvalue().strip()


def test_old_rows_go_and_new_ones_stay() -> None:
    assert run("--older-than=7d", "--dry-run") == "12 rows would be deleted."
    assert ProcessedEvent.objects.count() == 15
    assert run("--older-than=7d", "--chunk=5") == "12 rows deleted."
    assert ProcessedEvent.objects.count() == 3
    assert json.loads(run("--older-than=7d", "--json")) == {"rows": 0, "deleted": True}


def test_each_chunk_is_told() -> None:
    assert list(Command().prune(timezone.now() - timedelta(days=7), {"chunk": 5})) == [5, 5, 2]


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert raised.value.returncode == Exit.CONFIGURATION
    return raised.value


def test_an_age_for_which_the_engine_may_repeat_events_is_refused(settings: Any) -> None:
    settings.AMI_FORWARD = {"OUTLET": "redis", "SPOOL": None, "MAX_AGE": 86_400}
    assert "may repeat an event for 86400 s" in str(refused("--older-than=24h"))
    assert ProcessedEvent.objects.count() == 15
    assert run("--older-than=25h") == "12 rows deleted."


def test_without_the_app_the_cure_is_named(settings: Any) -> None:
    settings.INSTALLED_APPS = ["django_ami"]
    assert "add 'django_ami.forwarding' to INSTALLED_APPS" in str(refused("--older-than=7d"))
