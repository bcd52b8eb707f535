"""A handover between real listeners: the holder gives its lease back, and the standby takes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.operations.support import TIMEOUT_SECONDS, Counter, Site

if TYPE_CHECKING:
    from django_ami.testing import Simulator

pytestmark = pytest.mark.long
ASK = """
import time
from django_ami.operations import handover
from django_ami.operations.audit import Author
from django_ami.operations.models import Lease
end = time.monotonic() + 20
while not handover.successors("node_1") and time.monotonic() < end:
    time.sleep(0.05)
handover.request("node_1", Lease.objects.get().token, Author("user", "root"))
"""
#: As if the standby had ended in this moment.
ASK_ANYHOW = """
from django_ami.operations.clock import now
from django_ami.operations.models import Lease
Lease.objects.update(handover_requested_at=now(), handover_requested_by="root")
"""


def test_holder_delivers_what_it_has_and_hands_over_and_may_get_it_back(
    site: Site, sim: Simulator
) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(20, Seconds=0.1)
    site.wait_for("event", 2)
    site.shell(ASK)
    asked_at = time.monotonic()
    site.wait_for("ready", pid=second.process.pid)
    assert time.monotonic() - asked_at < 3 * TIMEOUT_SECONDS
    assert site.numbers(pid=first.process.pid) == list(range(20)), "it has delivered all of them"
    site.wait_for("lease_lost", pid=first.process.pid)
    assert "root has asked for a handover" in first.wait_for_err("handover")
    first.wait_for_err("is given back")
    counter.emit(5)
    site.wait_for("event", 25)
    assert site.numbers(pid=second.process.pid) == list(range(20, 25))
    (gap,) = site.told("gap")
    assert (gap["reason"], gap["pid"]) == ("takeover", second.process.pid)
    assert gap["end"] - gap["begin"] < 3 * TIMEOUT_SECONDS
    site.shell(ASK)
    site.wait_for("ready", 2, pid=first.process.pid)
    counter.emit(5)
    site.wait_for("event", 30)
    assert site.numbers() == list(range(30))
    assert len({note["token"] for note in site.told("event")}) == 3


def test_holder_takes_its_lease_again_when_there_is_no_standby(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first = site.active()
    site.shell(ASK_ANYHOW)
    first.wait_for_err("is given back")
    site.wait_for("ready", 2, pid=first.process.pid)
    counter.emit(5)
    site.wait_for("event", 5)
