"""The recorder: batches, the database away, calls that no database takes, and the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from django_ami import batches as module
from django_ami.calls.conf import CallsOptions
from django_ami.calls.models import Call, MergedCall
from django_ami.calls.recorder import Recorder
from django_ami.live.changes import Change, Kind
from tests.calls.support import a_call, a_queue_call
from tests.running import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make() -> Iterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def one(**options: Any) -> Recorder:
        made.append(Recorder(CallsOptions(**{"flush_seconds": 0.01, **options})))
        return made[-1]

    yield one
    for recorder in made:
        recorder.close(0.0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(module, "LONGEST_RETRY_SECONDS", 0.05)


@contextmanager
def away() -> Iterator[None]:
    """The database does not take any: its table is not there."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ami_calls_call RENAME TO elsewhere")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_calls_call")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_recorder_writes_calls_as_they_come_and_the_rest_on_close(
    make: Callable[..., Recorder],
) -> None:
    recorder = make()
    assert recorder.put(a_call(1))
    wait_for(lambda: recorder.status.written == 1)
    for number in range(2, 50):
        recorder.put(a_queue_call(number))
    assert recorder.close()
    assert Call.objects.count() == 49
    status = recorder.status
    assert (status.written, status.waiting, status.lost, status.failed) == (49, 0, 0, 0)
    assert not recorder.put(a_call(50))
    assert Call.objects.count() == 49


def test_of_the_changes_it_takes_the_ends_of_calls(make: Callable[..., Recorder]) -> None:
    recorder, call = make(), a_call(1)
    merged = a_call(2, merged_into=call.id, outcome=None)
    recorder.take(
        [
            Change(Kind.STARTED, a_call(3), 1.0),
            Change(Kind.QUEUE, object(), 1.0),
            Change(Kind.ENDED, merged, 1.0),
            Change(Kind.ENDED, call, 1.0),
        ]
    )
    assert recorder.close()
    assert list(Call.objects.values_list("call_id", flat=True)) == [call.id]
    assert MergedCall.objects.get().into == call.id


def test_calls_that_come_together_are_written_together(make: Callable[..., Recorder]) -> None:
    recorder = make(flush_seconds=0.3, batch_calls=10)
    with CaptureQueriesContext(connection):
        for number in range(25):
            recorder.put(a_call(number))
        recorder.close()
    batches = Call.objects.values_list("batch", flat=True)
    assert sorted(list(batches).count(one) for one in set(batches)) == [5, 10, 10]


def test_one_that_never_was_used_has_no_thread(make: Callable[..., Recorder]) -> None:
    recorder = make()
    assert recorder.close()
    assert recorder._spool._thread is None


def test_while_the_database_is_away_calls_wait_and_putting_does_not(
    make: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(batch_calls=4, buffer_calls=1000)
    with away():
        recorder.put(a_call(0))
        wait_for(lambda: recorder.status.away)
        begin = time.monotonic()
        for number in range(1, 30):
            recorder.put(a_call(number))
        assert time.monotonic() - begin < DEADLINE_SECONDS / 10
        wait_for(lambda: recorder.status.waiting == 30)
    wait_for(lambda: recorder.status.written == 30)
    assert Call.objects.count() == 30
    status = recorder.status
    assert (status.away, status.lost, status.failed, status.waiting) == (False, 0, 0, 0)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, told
    assert "The history of calls cannot be written (" in told[0]
    assert "manage.py migrate" in told[0]
    assert "The history of calls is written again, after 0." in told[1]


def test_one_refusal_alone_is_no_outage(
    make: Callable[..., Recorder],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from django_ami.calls.store import save_calls

    refusals = [OperationalError("Deadlock found when trying to get lock")]

    def save(calls: list[Any], **named: Any) -> None:
        if refusals:
            raise refusals.pop()
        save_calls(calls, **named)

    monkeypatch.setattr("django_ami.calls.recorder.save_calls", save)
    recorder = make()
    recorder.put(a_call(0))
    wait_for(lambda: recorder.status.written == 1)
    assert (recorder.status.away, caplog.records) == (False, [])


def test_more_calls_than_wait_are_lost_and_counted(
    make: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(batch_calls=2, buffer_calls=5)
    with away():
        recorder.put(a_call(0))
        recorder.put(a_call(1))
        wait_for(lambda: recorder.status.away and not recorder._spool.waiting)
        for number in range(2, 10):
            recorder.put(a_call(number))
        assert recorder.status.lost == 3
        wait_for(lambda: "there is no room for more" in caplog.text)
    wait_for(lambda: recorder.status.written == 7)
    wait_for(lambda: any("3 calls were lost" in record.getMessage() for record in caplog.records))
    recorder.put(a_call(10))
    assert recorder.close()
    assert Call.objects.count() == 8
    assert recorder.status.lost == 3


def test_a_call_that_cannot_be_stored_is_left_out_and_no_other(
    make: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(flush_seconds=0.1)
    calls = [a_call(number) for number in range(20)]
    calls[7] = replace(calls[7], started=1e300)
    for call in calls:
        recorder.put(call)
    wait_for(lambda: recorder.status.failed == 1)
    assert recorder.close()
    assert Call.objects.count() == 19
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"call {calls[7].id} of pbx cannot be stored (" in record.getMessage()


def test_one_that_the_database_refuses_is_left_out_if_others_are_taken(
    make: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_ami.calls.store import save_calls

    def save(calls: list[Any], **named: Any) -> None:
        save_calls(calls, **named)
        if any(call.id == "bad" for call in calls):
            with connection.cursor() as cursor:
                cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr("django_ami.calls.recorder.save_calls", save)
    recorder = make(flush_seconds=0.05, batch_calls=8)
    recorder.put(a_call(0, id="bad"))
    wait_for(lambda: recorder.status.away)
    time.sleep(0.2)
    assert recorder.status.failed == 0, "nothing tells whether it is the call or the database"
    for number in range(1, 9):
        recorder.put(a_call(number))
        wait_for(lambda number=number: recorder.status.written >= number)  # type: ignore[misc]
    wait_for(lambda: recorder.status.failed == 1)
    assert recorder.status.lost == 0


def test_the_end_waits_for_the_database_no_longer_than_it_may(
    make: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = make(batch_calls=3)
    with away():
        for number in range(8):
            recorder.put(a_call(number))
        begin = time.monotonic()
        assert not recorder.close(0.3)
        assert 0.2 < time.monotonic() - begin < 0.5 + DEADLINE_SECONDS / 10
    assert Call.objects.count() == 0
    assert "8 calls are lost" in caplog.records[-1].getMessage()
    assert recorder.status.lost == 8


def test_the_end_writes_what_waits_if_the_database_comes_back_in_time(
    make: Callable[..., Recorder],
) -> None:
    recorder = make(batch_calls=3)
    with away():
        for number in range(8):
            recorder.put(a_call(number))
        wait_for(lambda: recorder.status.away)
        recorder._ending.set()
    assert recorder.close(DEADLINE_SECONDS)
    assert Call.objects.count() == 8
