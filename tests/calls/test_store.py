"""Calls are stored whole, and once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from django_ami.calls.models import PARTS, Call, CallNumber, MergedCall, QueueVisit, TalkSegment
from django_ami.calls.store import save_calls
from django_ami.live.snapshots import Direction, Outcome, Transfer
from django_ami.live.tracker import Tracker
from tests.calls.support import START, a_call, a_queue_call
from tests.recordings import scenarios, timed

pytestmark = pytest.mark.django_db


def counts() -> list[int]:
    return [model.objects.count() for model in (Call, *PARTS)]


def test_the_models_and_the_migrations_are_one() -> None:
    call_command("makemigrations", "--check", "--dry-run", "ami_calls", verbosity=0)


def test_a_call_is_stored_whole() -> None:
    save_calls([a_call()])
    call = Call.objects.get()
    begin = datetime(2026, 11, 28, 12, 0, 1, tzinfo=UTC)
    assert (call.server, call.call_id) == ("pbx", f"{START + 1:.0f}.1")
    assert (call.direction, call.outcome) == ("internal", "answered")
    assert (call.started, call.answered) == (begin, begin + timedelta(seconds=3))
    assert call.ended == begin + timedelta(seconds=20.5)
    assert (call.seconds, call.talk_seconds) == (20.5, 15.0)
    assert (call.caller_number, call.caller_name, call.caller_device) == (
        "6001", "Alice", "PJSIP/alice",
    )  # fmt: skip
    assert (call.requested, call.destination, call.answered_by) == ("6002", "6002", "PJSIP/bob")
    assert (call.cause, call.hung_up_by, call.inferred) == (16, "PJSIP/bob", False)
    assert sorted(CallNumber.objects.values_list("number", flat=True)) == ["6001", "6002"]
    (leg,) = call.legs.all()
    assert (leg.device, leg.number, leg.by, leg.outcome) == (
        "PJSIP/bob", "6002", "PJSIP/alice", "answered",
    )  # fmt: skip
    assert leg.ringing == begin + timedelta(seconds=1.5)
    assert [(talk.a, talk.b, talk.begin) for talk in call.talks.all()] == [
        ("PJSIP/alice", "PJSIP/bob", begin + timedelta(seconds=3)),
        ("PJSIP/alice", "PJSIP/bob", begin + timedelta(seconds=12)),
    ]
    (hold,) = call.episodes["holds"]
    assert hold == {
        "by": "PJSIP/bob", "channel": f"{START + 1:.0f}.2", "begin": START + 11, "end": START + 13,
    }  # fmt: skip
    assert [party["number"] for party in call.episodes["parties"]] == ["6001", "6002"]


def test_a_visit_has_its_wait_and_its_talk_over_a_hold() -> None:
    save_calls([a_queue_call()])
    visit = QueueVisit.objects.get()
    assert (visit.server, visit.queue, visit.result, visit.agent) == (
        "pbx", "sales", "answered", "PJSIP/bob",
    )  # fmt: skip
    assert (visit.wait_seconds, visit.talk_seconds, visit.ring_seconds) == (2.0, 17.0, 1.5)


def test_the_talk_of_a_visit_ends_where_the_caller_is_sent_on() -> None:
    call = a_queue_call()
    first = replace(call.talks[0], end=START + 8)
    other = replace(call.talks[1], b="PJSIP/charlie", b_channel="3", begin=START + 9)
    back = replace(call.talks[0], begin=START + 15, end=START + 21)
    save_calls([replace(call, talks=(first, other, back), holds=())])
    assert QueueVisit.objects.get().talk_seconds == 4.0


def test_a_call_that_is_written_again_changes_nothing() -> None:
    calls = [a_queue_call(number) for number in range(20)]
    save_calls(calls[:10])
    before = list(Call.objects.order_by("pk").values())
    save_calls(calls)
    save_calls([*calls, *calls])
    assert counts() == [20, 60, 20, 40, 20]
    assert list(Call.objects.order_by("pk").values()[:10]) == before


def test_observed_call_replaces_an_inferred_one_but_not_the_reverse() -> None:
    seen = a_call()
    poor = replace(seen, inferred=True, outcome=Outcome.UNKNOWN, talks=(), requested="", legs=())
    save_calls([poor])
    assert counts() == [1, 2, 0, 0, 0]
    save_calls([seen])
    assert counts() == [1, 2, 1, 2, 0]
    save_calls([poor])
    assert counts() == [1, 2, 1, 2, 0]
    call = Call.objects.get()
    assert (call.outcome, call.inferred, call.requested) == ("answered", False, "6002")
    Call.objects.all().delete()
    save_calls([poor, seen, poor])
    assert Call.objects.get().outcome == "answered"


@pytest.mark.parametrize("inferred", [True, False], ids=["concluded", "seen"])
def test_holder_whose_lease_is_over_changes_no_row_of_the_next_one(inferred: bool) -> None:
    """It wakes up, and writes what it had seen: so a row needs no token."""
    save_calls([a_call(requested="1")])
    before = list(Call.objects.values()), counts()
    save_calls([a_call(requested="2", inferred=inferred, legs=(), talks=())])
    assert (list(Call.objects.values()), counts()) == before


def test_two_servers_may_have_the_same_id() -> None:
    save_calls([a_call(), a_call(server="other")])
    assert sorted(Call.objects.values_list("server", flat=True)) == ["other", "pbx"]
    assert counts() == [2, 4, 2, 4, 0]


def test_a_merged_call_is_no_call_and_its_id_leads_to_the_other() -> None:
    older, younger = a_call(1), a_call(2)
    youngest = a_call(3, merged_into=younger.id, outcome=None)
    save_calls([replace(younger, merged_into=older.id, outcome=None), youngest])
    assert Call.objects.find("pbx", youngest.id) is None
    save_calls([older, youngest])
    call = Call.objects.get()
    for one in (older, younger, youngest):
        assert Call.objects.find("pbx", one.id) == call
    assert Call.objects.find("other", older.id) is None
    assert MergedCall.objects.count() == 2


def test_a_circle_of_merges_ends() -> None:
    save_calls([a_call(1, merged_into="b", id="a"), a_call(2, merged_into="a", id="b")])
    assert Call.objects.find("pbx", "a") is None


def test_texts_that_no_column_takes_are_cut_and_cleaned() -> None:
    odd = "a\0b \N{GRINNING FACE} \ud800" + "x" * 300
    call = a_call(application_data=odd, requested="9" * 200, variables={"ODD": odd})
    save_calls([replace(call, parties=(replace(call.parties[0], name=odd),))])
    call_row = Call.objects.get()
    assert call_row.application_data == ("ab \N{GRINNING FACE} ?" + "x" * 300)[:255]
    assert call_row.caller_name == ("ab \N{GRINNING FACE} ?" + "x" * 300)[:80]
    assert call_row.requested == "9" * 80
    assert call_row.variables == {"ODD": "ab \N{GRINNING FACE} ?" + "x" * 300}
    assert call_row.episodes["parties"][0]["name"].startswith("ab \N{GRINNING FACE}")


def test_numbers_of_all_who_had_to_do_with_it_are_found() -> None:
    transfer = Transfer("blind", START, "PJSIP/bob", "PJSIP/alice", "+4930123456", "Success")
    save_calls([a_call(1, transfers=(transfer,)), a_call(2, requested="60023")])
    found = Call.objects.with_number
    assert [call.started.second for call in found("+49 30/123-4")] == [1]
    assert found("6002").count() == 2
    assert found("60023").count() == 1
    assert found(" 6003 ").count() == 0
    assert found("%").count() == 0


def test_a_search_by_number_uses_its_index() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite uses no index for LIKE with an escape")
    save_calls([a_call(number, requested=f"7{number:05}") for number in range(300)])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "ami_calls_number" in Call.objects.with_number("70012").explain()


def test_a_batch_takes_the_same_number_of_queries_whatever_its_size() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes few values in one query")
    sizes = []
    for begin, end in ((0, 5), (5, 55)):
        with CaptureQueriesContext(connection) as queries:
            save_calls([a_queue_call(number) for number in range(begin, end)])
        sizes.append(len(queries))
    assert sizes[0] == sizes[1] <= 10
    assert Call.objects.count() == 55


def save_again_and_again(calls: list[Any]) -> None:
    """As the recorder does: MariaDB ends one of two transactions that wait for each other."""
    for _ in range(50):
        try:
            return save_calls(calls)
        except OperationalError as error:
            if "Deadlock" not in str(error):
                raise
    raise AssertionError("one deadlock after another")


@pytest.mark.django_db(transaction=True)
def test_listeners_that_write_the_same_calls_at_once_write_each_once() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    calls = [a_queue_call(number) for number in range(40)]
    failures: list[BaseException] = []

    def write(some: list[Any]) -> None:
        try:
            for begin in range(0, 40, 5):
                save_again_and_again(some[begin : begin + 5])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=write, args=(some,))
        for some in (calls, [replace(call, inferred=True) for call in calls], calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert counts() == [40, 120, 40, 80, 40]
    assert not Call.objects.filter(inferred=True).exists()


def test_store_keeps_the_calls_that_the_tracker_made_of_recordings() -> None:
    wanted, talks, visits = 0, 0.0, 0
    for name, version in scenarios():
        tracker = Tracker(f"{version} {name}")
        for at, event in timed(name, version):
            tracker.feed(event, START + at)
        ended = list(tracker.ended.values())
        save_calls(ended)
        whole = [call for call in ended if not call.merged_into]
        wanted += len(whole)
        talks += sum(call.talk_seconds(call.ended or 0.0) for call in whole)
        visits += sum(len(call.queues) for call in whole)
    assert wanted >= 30
    assert Call.objects.count() == wanted
    assert QueueVisit.objects.count() == visits > 0
    assert sum(Call.objects.values_list("talk_seconds", flat=True)) == pytest.approx(talks)
    rows = TalkSegment.objects.values_list("begin", "end")
    assert sum((end - begin).total_seconds() for begin, end in rows) >= talks - 0.01
    assert set(Call.objects.values_list("direction", flat=True)) <= {*Direction}


@pytest.mark.parametrize("merge_first", [True, False])
def test_call_that_one_listener_saw_merge_is_no_call_of_another(merge_first: bool) -> None:
    older = a_queue_call()
    part = replace(a_queue_call(), id="9999.1", inferred=True)
    batches = [[replace(part, merged_into=older.id, inferred=False), older], [part]]
    for batch in batches if merge_first else reversed(batches):
        save_calls(batch)
    assert [call.call_id for call in Call.objects.all()] == [older.id]
    assert QueueVisit.objects.count() == 1
