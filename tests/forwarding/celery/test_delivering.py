"""Workers of Celery run the receivers: some raise, some die, and batches are set apart."""

from __future__ import annotations

import re
import signal
import time

import pytest

from django_ami.core.reports import MOST_LINES
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.outlet import Batch
from tests.forwarding.celery.project import batch, batches
from tests.forwarding.celery.test_outlet import messages
from tests.running import wait_until
from tests.servers.rabbitmq import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KINDS = ["redis", "classic", "quorum"]


@pytest.mark.parametrize("kind", KINDS)
def test_event_that_a_receiver_never_takes_is_set_apart_and_the_next_go_on(project, kind):
    here = project(kind, ATTEMPTS=2)
    with here.outlet() as outlet, here.worker() as worker:
        outlet.open()
        poison, well = batch(0, 0, 1, Poison=1), batch(0, 1, 2)
        outlet.publish([poison, well])
        here.wait_for(1, worker)
        assert here.ended() == {well.first}
        ((args, headers),) = messages(here, "dead", 1)
        begins = [line for line in here.lines() if line.id == poison.first]
        line = worker.wait_for_err("is set apart")
    assert [line.what for line in begins] == ["begin", "begin"]
    assert decode(args[0].encode("latin-1")) == decode(poison.data)
    assert str(poison.first) in headers["id"]
    assert "ValueError: it cannot be taken" in headers["ami_reason"]
    assert str(poison.first) in line
    assert here.queue("dead") in line


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_log_counts_events_that_are_set_apart_when_they_are_very_many(project, pool):
    here = project("redis", ATTEMPTS=1)
    with here.outlet() as outlet, here.worker("-P", pool) as worker:
        outlet.open()
        outlet.publish(batches(1, 60, Poison=1))
        messages(here, "dead", 60)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        said = list(worker.err)
    lines = [line for line in said if " is set apart in the queue " in line]
    counts = [int(found[1]) for line in said if (found := re.search(r"(\d+) events more", line))]
    assert len(lines) + sum(counts) == 60, str(worker)
    assert counts
    # Those of two intervals at most, in which a slow machine takes them.
    assert len(lines) <= 2 * (1 + MOST_LINES)


@pytest.mark.parametrize("kind", ["redis", "quorum"])
def test_event_that_fails_again_out_of_the_queue_of_failed_ones_is_not_tried_without_a_pause(
    project, kind
):
    here = project(kind, ATTEMPTS=1)
    with here.outlet() as outlet:
        outlet.open()
        with here.worker() as worker:
            outlet.publish([batch(0, 0, 1, Poison=1)])
            worker.wait_for_err("is set apart")
            worker.process.send_signal(signal.SIGTERM)
            assert worker.wait() == 0, str(worker)
        for number in range(2):
            with here.worker(queues=here.queue("dead")) as worker:
                worker.wait_for_err("is tried once in 30 s")
                worker.process.send_signal(signal.SIGTERM)
                assert worker.wait() == 0, str(worker)
            assert len(here.lines()) == 2 + number  # one attempt of each worker


def test_batch_that_nobody_can_read_is_set_apart(project):
    here = project("redis")
    event_id = batch(0, 0, 1).first
    unreadable = Batch(0, b'{"schema": 99}\n\xff\x00', event_id, event_id, "source", 1)
    with here.outlet() as outlet, here.worker() as worker:
        outlet.open()
        outlet.publish([unreadable])
        ((args, headers),) = messages(here, "dead", 1)
        worker.wait_for_err("update the consumers before the listeners")
    assert args[0].encode("latin-1") == unreadable.data
    assert "schema 99" in headers["ami_reason"]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_batch_of_a_killed_worker_is_delivered_by_the_next_and_known_by_its_id(project, kind, pool):
    here = project(kind)
    given = [batch(0, 0, 1), batch(0, 1, 2, Kill=1), *(batch(0, n, n + 1) for n in range(2, 12))]
    with here.outlet() as outlet, here.worker("-P", pool) as first:
        first.wait_for_err(" ready.")
        with here.worker("-P", pool) as second:
            second.wait_for_err(" ready.")
            outlet.open()
            outlet.publish(given)
            here.wait_for(len(given), first, second)
    assert here.disorder() == []
    begins = [line.id for line in here.lines() if line.what == "begin"]
    assert len(begins) == len(given) + 1
    assert sorted(set(begins)) == [one.first for one in given]


def test_batch_of_a_killed_worker_comes_back_from_redis_and_is_known_by_its_id(project):
    here = project("redis")
    soon = {"PROJECT_TRANSPORT": '{"visibility_timeout": 2}'}
    given = [batch(0, 0, 1, Kill=1), *(batch(0, n, n + 1) for n in range(1, 6))]
    with here.outlet() as outlet, here.worker(**soon) as first:
        outlet.open()
        outlet.publish(given)
        assert first.wait() == -signal.SIGKILL
        # A worker looks for such batches at its start, and then every hundred seconds (kombu).
        visible_at = time.monotonic() + 2.5
        wait_until(lambda: time.monotonic() >= visible_at)
        with here.worker(**soon) as second:
            here.wait_for(len(given), second)
    begins = [line.id for line in here.lines() if line.what == "begin"]
    assert sorted(begins) == sorted([given[0].first, *(one.first for one in given)])


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_workers_go_on_when_their_broker_was_away(project, rabbitmq, kind):
    here = project(kind)
    given = batches(2, 40, Seconds=0.02)
    with here.outlet() as outlet, here.worker() as worker:
        worker.wait_for_err(" ready.")
        outlet.open()
        outlet.publish(given)
        here.wait_for(1 + 10)
        rabbitmq.stop()
        rabbitmq.start()
        here.wait_for(len(given), worker)
        said = "\n".join([*worker.out, *worker.err])
    assert here.disorder() == []
    assert SECRET not in said
    assert SECRET.replace("%2F", "/") not in said


def test_worker_takes_one_task_at_a_time_whatever_it_was_told(project):
    here = project("redis")
    with here.outlet() as outlet, here.worker("-P", "threads", "-c", "4") as worker:
        worker.wait_for_err("takes one task at a time, not 4: start it with -c 1")
        outlet.open()
        given = batches(2, 20, Seconds=0.01)
        outlet.publish(given)
        here.wait_for(len(given))
    assert here.disorder() == []
    lines = here.lines()
    assert [line.what for line in lines] == ["begin", "end"] * len(given)


def test_worker_that_may_grow_is_refused(project):
    here = project("redis")
    with here.worker("--autoscale=4,1") as worker:
        assert worker.wait() != 0
        assert "start it without --autoscale" in str(worker)


def test_worker_that_would_throw_every_batch_away_is_refused(project):
    here = project("redis")
    with here.outlet() as outlet:
        outlet.open()
        outlet.publish([batch(0, 0, 1)])
        with here.worker(PROJECT_ACCEPT='["yaml"]') as worker:
            assert worker.wait() != 0
            assert "add 'json' to accept_content" in str(worker)
        with here.worker() as worker:
            here.wait_for(1, worker)


def test_worker_of_other_queues_is_left_alone(project):
    here = project("redis")
    with here.worker("-P", "threads", "-c", "3", queues="others") as worker:
        worker.wait_for_err(" ready.")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert "one task at a time" not in str(worker)
