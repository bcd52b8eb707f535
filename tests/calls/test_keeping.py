"""A listener asks for stored calls. "Never made" takes a listener that has heard everything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import override_settings

from django_ami import ami, signals
from django_ami.calls import listening
from django_ami.calls.conf import CallsOptions
from django_ami.calls.keeping import Keeper
from django_ami.calls.models import Origination
from django_ami.calls.recorder import RecorderStatus
from django_ami.calls.store import save_calls
from django_ami.core.lease import Lease, boottime
from django_ami.core.session import GapReason
from django_ami.testing import CallTimes, FakeAsterisk
from tests.calls.support import a_call
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it asks every database alike"),
]

QUICK = {"reconcile_seconds": 0.05, "settle_seconds": 0.0}
State = Origination.State


class Listener:
    """A keeper, and the status of the recorder that it is told."""

    def __init__(self) -> None:
        self.lost, self.broken = 0, 0
        self.keeper = Keeper(self.status, CallsOptions(**QUICK))

    def status(self) -> RecorderStatus:
        if self.broken:
            self.broken -= 1
            raise OSError("no route to the database")
        return RecorderStatus(written=0, waiting=0, lost=self.lost, failed=0, away=False)


@pytest.fixture
def server() -> Iterator[FakeAsterisk]:
    with (
        FakeAsterisk(times=CallTimes(ring=0.02, duration=60)) as server,
        override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}, AMI_CALLS=QUICK),
    ):
        yield server


@pytest.fixture
def listener(server: FakeAsterisk) -> Iterator[Listener]:
    listener = Listener()
    yield listener
    thread = listener.keeper._thread
    listener.keeper.close()
    if thread is not None:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def a_row(**fields: Any) -> Origination:
    """The row of a process that was killed before it sent anything."""
    return Origination.objects.create(
        **{"id": ami.new_call_id(), "server": "node_1", "destination": "PJSIP/101", **fields}
    )


def state(row: Origination) -> str:
    return Origination.objects.get(pk=row.pk).state


def begin(listener: Listener) -> None:
    """Hear, until a row of before says that the keeper has looked."""
    early = a_row()
    listener.keeper.hear("node_1")
    wait_until(lambda: state(early) == State.GONE, what="the row of before")


def test_a_call_that_was_stored_while_all_was_heard_was_never_made(listener: Listener) -> None:
    save_calls([a_call(server="node_1")])  # this account does hear of calls
    begin(listener)
    late = a_row()
    wait_until(lambda: state(late) == State.NEVER_MADE)


def test_a_listener_whose_lease_is_over_says_of_no_call_that_it_was_never_made(
    listener: Listener,
) -> None:
    """Another one may hear the server by now, and the call."""
    lease = Lease("node_1", 7, boottime() + 3600)
    save_calls([a_call(server="node_1")])
    early = a_row()
    listener.keeper.hear("node_1", lease)
    wait_until(lambda: state(early) == State.GONE, what="the row of before")
    lease.end()
    late = a_row()
    wait_until(lambda: Origination.objects.get(pk=late.pk).asked is not None)
    looked_at = Origination.objects.get(pk=late.pk).asked
    wait_until(lambda: Origination.objects.get(pk=late.pk).asked != looked_at)
    assert state(late) == State.UNKNOWN
    lease.renew(boottime() + 3600)
    wait_until(lambda: state(late) == State.NEVER_MADE)


def test_an_account_that_hears_of_no_call_says_nothing(listener: Listener) -> None:
    begin(listener)
    late, other = a_row(), a_row(server="other")
    save_calls([a_call(server="other")])
    wait_until(lambda: Origination.objects.get(pk=late.pk).asked is not None)
    assert (state(late), state(other)) == (State.UNKNOWN, State.UNKNOWN)
    listener.keeper.miss("node_1")
    listener.keeper.hear("node_1")  # now it is a call of before
    wait_until(lambda: state(late) == State.GONE)


def test_where_calls_were_lost_nothing_is_certain(listener: Listener) -> None:
    save_calls([a_call(server="node_1")])
    begin(listener)
    listener.lost, late = 1, a_row()
    wait_until(lambda: state(late) == State.GONE)


def test_a_call_that_goes_on_is_looked_for_once(listener: Listener) -> None:
    row = a_row()
    ami.originate(to="PJSIP/101", context="default", exten="102", call_id=row.pk).answered().result(
        DEADLINE_SECONDS
    )
    listener.keeper.hear("node_1")
    wait_until(lambda: row.pk in listener.keeper._followed)
    followed = listener.keeper._followed[row.pk]
    begin(listener)
    assert (state(row), listener.keeper._followed[row.pk]) == (State.MADE, followed)
    row.call.hangup()
    wait_until(lambda: state(row) == State.ENDED)


def test_an_error_stops_it_for_a_moment(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.broken = 1
    begin(listener)
    wait_until(lambda: "Stored calls cannot be asked for (OSError: no route" in caplog.text)


def test_an_error_at_the_start_is_one_line(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.broken = 10
    listener.keeper = Keeper(listener.status, CallsOptions(reconcile_seconds=60.0))
    listener.keeper.hear("node_1")
    wait_until(lambda: "Stored calls cannot be asked for" in caplog.text)
    time.sleep(0.2)
    assert caplog.text.count("Stored calls cannot be asked for") == 1


def test_the_signals_of_a_listener_reach_its_keeper(server: FakeAsterisk) -> None:
    handle, keeper = ami.server("node_1"), listening.keeper()
    assert keeper is listening.keeper()
    try:
        listening.on_ready(sender=handle, again=False)
        first = keeper._heard["node_1"]
        listening.on_gap(sender=handle, reason=GapReason.CONNECTION_LOST)
        assert keeper._heard["node_1"] is first
        listening.on_gap(sender=handle, reason=GapReason.OVERLOAD)
        assert keeper._heard["node_1"] is not first
        listening.on_lost(sender=handle)
        assert keeper._heard == {}
        listening.on_ready(sender=handle, again=True)
        signals.lease_lost.send_robust(sender=handle, token=1)  # another process hears it
        assert keeper._heard == {}
    finally:
        keeper.close()
        thread = keeper._thread
        assert thread is not None
        thread.join(DEADLINE_SECONDS)
        listening._keepers.clear()
        listening._recorders.clear()


def test_a_call_that_became_part_of_one_that_goes_on_was_made(listener: Listener) -> None:
    save_calls([a_call(1, server="node_1")])  # this account hears of calls
    older, mine = a_call(50, server="node_1"), ami.new_call_id()
    save_calls([a_call(60, server="node_1", id=mine, merged_into=older.id)])
    row = Origination.objects.create(id=mine, server="node_1", destination="PJSIP/101")
    listener.keeper.hear("node_1")
    wait_until(lambda: Origination.objects.get(pk=row.pk).state == State.MADE)
    save_calls([older])
    wait_until(lambda: Origination.objects.get(pk=row.pk).state == State.ENDED)
