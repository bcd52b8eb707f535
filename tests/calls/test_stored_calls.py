"""Calls that are stored before they are made: once each, and found again."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from pickle import dumps, loads
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, connections, transaction
from django.db.models.signals import post_save
from django.test import override_settings
from django.utils import timezone

from django_ami import ami
from django_ami.calls.models import Call, Origination
from django_ami.calls.pruning import prune
from django_ami.calls.store import save_calls
from django_ami.errors import Backpressure, ConfigurationError, InvalidAction
from django_ami.live.snapshots import Leg, Outcome
from django_ami.testing import CallTimes, FakeAsterisk
from django_ami.testing.override import override_ami
from tests.calls.support import START, a_call
from tests.core.servers import refusing_port
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

TO: dict[str, Any] = {"to": "PJSIP/101", "context": "default", "exten": "102", "timeout": 5}
State = Origination.State


@pytest.fixture
def server() -> Iterator[FakeAsterisk]:
    """Its phones ring for a moment, and talk until somebody hangs up."""
    with (
        FakeAsterisk(times=CallTimes(ring=0.02, duration=60)) as server,
        override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}),
    ):
        yield server


def dials(server: FakeAsterisk) -> list[str]:
    return [action.get("ChannelId") for action in server.received if action.name == "Originate"]


def stored(row: Origination) -> Origination:
    return Origination.objects.get(pk=row.pk)


def aged(row: Origination) -> None:
    """Let a call have been stored long ago."""
    Origination.objects.filter(pk=row.pk).update(created=timezone.now() - timedelta(hours=1))


def an_orphan(**fields: Any) -> Origination:
    """The row of a process that was killed."""
    row = Origination.objects.create(
        **{"id": ami.new_call_id(), "server": "node_1", "destination": "PJSIP/101", **fields}
    )
    aged(row)
    return row


def test_a_call_is_stored_before_it_is_made_and_so_is_its_end(server: FakeAsterisk) -> None:
    seen: list[tuple[str, bool]] = []
    server.on("Originate").when(
        lambda action: seen.append(("dial", bool(action.get("ChannelId")))) or False
    )
    row = Origination.objects.originate(**TO, asked_by="Ann", variables={"A": 1})
    assert stored(row).state == State.UNKNOWN
    assert row.call.answered().result(DEADLINE_SECONDS)
    assert (row.outcome, stored(row).outcome) == (None, None)
    row.call.hangup()
    assert row.wait(DEADLINE_SECONDS).answered
    wait_until(lambda: stored(row).state == State.ENDED)
    told = stored(row)
    assert (told.destination, told.context, told.exten) == ("PJSIP/101", "default", "102")
    assert (told.asked_by, told.server, told.result) == ("Ann", "node_1", "answered")
    assert told.outcome == row.call.outcome
    assert told.wait() == told.outcome
    assert dials(server) == [row.pk]
    assert str(told) == "PJSIP/101 to 102"


@pytest.mark.parametrize(
    ("to", "state", "result"),
    [("PJSIP/busy", "ended", "busy"), ("PJSIP/fail", "ended", "unavailable")],
)
def test_a_call_that_nobody_answers_is_stored(
    server: FakeAsterisk, to: str, state: str, result: str
) -> None:
    row = Origination.objects.originate(**{**TO, "to": to})
    assert row.wait(DEADLINE_SECONDS).result == result
    wait_until(lambda: (stored(row).state, stored(row).result) == (state, result))


def test_an_end_with_values_that_no_column_takes_is_stored(server: FakeAsterisk) -> None:
    """PostgreSQL refuses a larger number, and a NUL."""
    row = Origination.objects.originate(
        to="PJSIP/101", application="Playback", data="x", timeout=5, asked_by="A\0nn"
    )
    assert row.call.answered().result(DEADLINE_SECONDS)
    odd = {"Cause": "9" * 18, "Cause-txt": "Normal\0 Clearing", "TechCause": "7" * 12}
    server.emit("Hangup", {"Uniqueid": row.pk, "Linkedid": row.pk, **odd})
    assert row.wait(DEADLINE_SECONDS).answered
    wait_until(lambda: stored(row).state == State.ENDED)
    told = stored(row)
    assert (told.cause, told.sip_code) == (2**31 - 1, 2**31 - 1)
    assert (told.cause_text, told.asked_by) == ("Normal Clearing", "Ann")


def test_a_server_that_is_not_reached_is_dialled_never() -> None:
    with (
        refusing_port() as port,
        override_settings(
            AMI_SERVERS={"node_1": {"URL": f"ami://me:amp111@127.0.0.1:{port}"}},
            AMI_OPTIONS={"action_timeout": 0.2},
        ),
    ):
        row = Origination.objects.originate(**TO)
        assert row.wait(DEADLINE_SECONDS).result == "failed"
        wait_until(lambda: stored(row).state == State.NEVER_MADE)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda row: loads(dumps(row))])
def test_a_copy_of_a_row_finds_the_call_by_itself(server: FakeAsterisk, copied: Any) -> None:
    """As a cache makes one, and a task that is given the row."""
    row = Origination.objects.originate(**TO)
    assert row.call.answered().result(DEADLINE_SECONDS)
    same = copied(row)
    assert same == row
    assert same.call.answered().result(DEADLINE_SECONDS)
    same.call.hangup()
    assert same.wait(DEADLINE_SECONDS).answered
    assert dials(server) == [row.pk]


def test_the_same_key_is_the_same_call(server: FakeAsterisk) -> None:
    row = Origination.objects.originate(**TO, key="order 7")
    again = Origination.objects.originate(**TO, key="order 7")
    other = Origination.objects.originate(**TO, key="order 8")
    assert again.pk == row.pk != other.pk
    assert again.call.answered().result(DEADLINE_SECONDS)
    again.call.hangup()
    assert row.wait(DEADLINE_SECONDS).answered
    wait_until(lambda: len(dials(server)) == 2)
    assert sorted(dials(server)) == sorted([row.pk, other.pk])
    wait_until(lambda: stored(row).state == State.ENDED)
    late = Origination.objects.originate(**TO, key="order 7")
    assert late.wait(0).answered  # stored: nobody is asked


def test_a_key_that_another_process_has_just_stored_is_its_call(server: FakeAsterisk) -> None:
    orphan = an_orphan()

    def store_first(sender: Any, instance: Origination, **_: Any) -> None:
        post_save.disconnect(store_first, sender=Origination)
        raise IntegrityError("as if it had been there before")

    post_save.connect(store_first, sender=Origination)
    with pytest.raises(IntegrityError):
        Origination.objects.originate(**TO)
    Origination.objects.filter(pk=orphan.pk).update(key="k")
    assert Origination.objects.originate(**TO, key="k").pk == orphan.pk
    assert dials(server) == []


@pytest.mark.parametrize("key", ["", "x" * 201, 7])
def test_a_key_is_a_text(server: FakeAsterisk, key: Any) -> None:
    with pytest.raises(InvalidAction, match="key must be a text of 1 to 200 characters"):
        Origination.objects.originate(**TO, key=key)


def test_keys_that_the_database_takes_for_one_are_two_calls_or_an_error(
    server: FakeAsterisk,
) -> None:
    row = Origination.objects.originate(**TO, key="order a")
    if connection.vendor == "mysql":
        with pytest.raises(InvalidAction, match="is too like 'order a'"):
            Origination.objects.originate(**TO, key="order A")
    else:
        assert Origination.objects.originate(**TO, key="order A").pk != row.pk


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"exten": None}, InvalidAction),
        ({"account": "a\r\nb"}, InvalidAction),
        ({"over_limit": "maybe"}, InvalidAction),
        ({"call_id": "no id"}, InvalidAction),
        ({"server": "nowhere"}, ConfigurationError),
    ],
)
def test_call_that_cannot_be_sent_leaves_no_row(
    server: FakeAsterisk, call: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Origination.objects.originate(**{**TO, **call}, key="once")
    assert not Origination.objects.exists()
    assert dials(server) == []


def test_a_call_that_a_limit_refuses_may_be_tried_again_with_its_key(server: FakeAsterisk) -> None:
    with override_settings(AMI_OPTIONS={"max_concurrent_originates": 1}):
        first = Origination.objects.originate(**TO)
        with pytest.raises(Backpressure):
            Origination.objects.originate(**TO, key="later", over_limit="raise")
        assert Origination.objects.count() == 1
        first.call.answered().result(DEADLINE_SECONDS)
        first.call.hangup()
        first.wait(DEADLINE_SECONDS)
        later = Origination.objects.originate(**TO, key="later", over_limit="raise")
        assert later.call.answered().result(DEADLINE_SECONDS)


@pytest.mark.parametrize("over_limit", ["wait", 3600])
def test_a_call_has_left_when_it_may_be_told_as_never_made_or_it_never_does(
    server: FakeAsterisk, over_limit: Any
) -> None:
    options = {"max_concurrent_originates": 1}
    with override_settings(
        AMI_SERVERS={"node_1": {"URL": server.url, "OPTIONS": options}},
        AMI_CALLS={"settle_seconds": TO["timeout"] + 10.05},  # as long as an Originate takes, and
    ):
        first = Origination.objects.originate(**TO)
        assert first.call.answered().result(DEADLINE_SECONDS)
        later = Origination.objects.originate(**TO, over_limit=over_limit)
        assert later.wait(DEADLINE_SECONDS).result == "failed"
        first.call.hangup()
        assert first.wait(DEADLINE_SECONDS).answered
        wait_until(lambda: stored(later).state == State.NEVER_MADE)
    assert dials(server) == [first.pk]


def test_a_transaction_that_is_open_is_refused(server: FakeAsterisk) -> None:
    with pytest.raises(InvalidAction, match="a transaction is open"), transaction.atomic():
        Origination.objects.originate(**TO)
    connection.set_autocommit(False)
    try:
        with pytest.raises(InvalidAction, match=r"Call it in transaction\.on_commit"):
            Origination.objects.originate(**TO)
    finally:
        connection.rollback()
        connection.set_autocommit(True)
    assert (dials(server), Origination.objects.count()) == ([], 0)
    made: list[Origination] = []
    with transaction.atomic():
        transaction.on_commit(lambda: made.append(Origination.objects.originate(**TO)))
    assert made[0].call.answered().result(DEADLINE_SECONDS)


@pytest.mark.django_db(transaction=False)
def test_the_transaction_of_a_test_case_is_no_transaction() -> None:
    with override_ami("node_1") as outbox:
        assert connection.in_atomic_block
        outbox.on("Originate").outcome("answered", "busy")
        row = Origination.objects.originate(**TO)
        assert row.wait().result == "busy"
        assert stored(row).result == "busy"
        with transaction.atomic(), pytest.raises(InvalidAction):
            Origination.objects.originate(**TO)
        outbox.assert_action_sent("Originate", ChannelId=row.pk)


def test_coroutines_have_a_form_of_their_own(server: FakeAsterisk) -> None:
    async def call() -> Origination:
        row = await Origination.objects.aoriginate(**TO)
        assert await row.call.answered()
        row.call.hangup()
        assert (await row.call).answered
        await sync_to_async(connections.close_all)()
        return row

    row = asyncio.run(call())
    wait_until(lambda: stored(row).state == State.ENDED)


def test_numbers_are_masked(server: FakeAsterisk) -> None:
    masked = {"mask": lambda number: f"...{number[-2:]}"}
    with override_settings(AMI_CALLS=masked):
        row = Origination.objects.originate(**{**TO, "to": "PJSIP/4930123456@out"})
    assert (stored(row).destination, stored(row).exten) == ("PJSIP/...56@out", "...02")
    assert row.call.answered().result(DEADLINE_SECONDS)


# --- reconcile ---


def test_a_call_of_a_process_that_is_gone_is_found_on_its_server(server: FakeAsterisk) -> None:
    row = an_orphan()
    ami.originate(**TO, call_id=row.pk).answered().result(DEADLINE_SECONDS)
    assert Origination.objects.reconcile() == {"made": 1}
    assert stored(row).asked is not None
    stored(row).call.hangup()
    wait_until(lambda: stored(row).state == State.ENDED)
    assert stored(row).result == "answered"
    assert Origination.objects.reconcile() == {}
    assert dials(server) == [row.pk]


def test_call_that_the_server_does_not_have_is_gone_once_it_is_old(server: FakeAsterisk) -> None:
    row = an_orphan()
    fresh = an_orphan()
    Origination.objects.filter(pk=fresh.pk).update(created=timezone.now())
    assert Origination.objects.filter(server="other").reconcile() == {}
    assert Origination.objects.reconcile() == {"unknown": 1, "gone": 1}
    assert stored(fresh).asked is not None
    assert (stored(row).state, stored(row).outcome) == (State.GONE, None)
    assert dials(server) == []


def test_a_server_that_says_nothing_leaves_the_row_as_it_is(server: FakeAsterisk) -> None:
    row, removed = an_orphan(), an_orphan(server="removed")
    server.on("Status").hang()
    assert Origination.objects.reconcile(timeout=0.1) == {"unknown": 2}
    server.clear_script()
    server.on("Status").fail("Permission denied")
    assert Origination.objects.reconcile() == {"unknown": 2}
    assert (stored(row).asked, stored(removed).asked) == (None, None)


def end_in_history(row: Origination, **changes: Any) -> None:
    """The listener writes the call."""
    first = Leg(
        uniqueid=row.pk,
        channel="PJSIP/101-1",
        device="PJSIP/101",
        number="101",
        by="",
        by_channel="",
        begin=START,
        outcome=Outcome.ANSWERED,
    )
    save_calls([a_call(id=row.pk, server="node_1", legs=(first,), **changes)])


def test_the_history_tells_the_end_when_it_is_written() -> None:
    row, never, busy = an_orphan(), an_orphan(state=State.NEVER_MADE), an_orphan()
    ended = an_orphan(state=State.ENDED, result="rejected")
    for one in (row, never, ended):
        end_in_history(one)
    end_in_history(busy, outcome=Outcome.BUSY, talks=(), cause=17)
    for one in (row, never):
        told = stored(one)
        assert (told.state, told.result, told.cause) == (State.ENDED, "answered", 16)
        assert (told.talk_seconds, told.picked_up) == (15.0, True)
        assert told.description == "answered, as the history tells"
    told = stored(busy)
    assert (told.result, told.picked_up, told.cause) == ("busy", True, 17)
    assert stored(ended).result == "rejected"  # the process that made it knows better


def test_a_call_that_became_part_of_another_one_has_its_end() -> None:
    row = an_orphan()
    save_calls([a_call(id=row.pk, server="node_1", merged_into="1.1")])
    save_calls([a_call(id="1.1", server="node_1")])
    assert Origination.objects.reconcile() == {"ended": 1}
    assert stored(row).result == "answered"
    assert Call.objects.count() == 1


def test_every_outcome_of_the_history_has_a_word() -> None:
    for outcome in Outcome:
        row = an_orphan()
        end_in_history(row, outcome=outcome)
        told = stored(row)
        assert (told.state, told.outcome is not None) == (State.ENDED, True)


def test_old_rows_are_deleted() -> None:
    an_orphan()
    fresh = Origination.objects.create(id="1", server="node_1")
    assert list(prune(timezone.now() - timedelta(minutes=5))) == []
    assert list(Origination.objects.values_list("pk", flat=True)) == [fresh.pk]


def test_call_with_a_wrong_argument_leaves_no_row_and_its_key_is_free(
    server: FakeAsterisk,
) -> None:
    call: Any = {"to": "PJSIP/101", "context": "default", "exten": "102", "key": "order 7"}
    with pytest.raises(TypeError, match="timout"):
        Origination.objects.originate(**call, over_limit="raise", timout=5)
    assert not Origination.objects.exists()
    Origination.objects.originate(**call)
    wait_until(lambda: sum(one.name == "Originate" for one in server.received) == 1)
