"""Metrics of calls, queues and agents: of a picture that is kept anyway, and of bounded size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from django_ami import pictures, signals
from django_ami.actions import Originate
from django_ami.contrib.prometheus.pictures import MOST_QUEUES
from django_ami.running import running
from django_ami.testing import FakeAsterisk
from tests.contrib.prometheus.scraping import Scrape, check_metrics
from tests.live.callcentre import CallCentre
from tests.receiving import fresh_registry, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator
    from tests.receiving import Listener


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def listener() -> Iterator[Listener]:
    with (
        FakeAsterisk() as sim,
        override_settings(AMI_SERVERS={"node_1": {"URL": sim.url}}),
        listening(sim.url) as listener,
    ):
        listener.sim = sim
        listener.make_ready()
        yield listener


def centre(listener: Listener) -> CallCentre:
    """The picture of the listener, which a test tells of calls."""
    picture = pictures.picture_of("node_1")
    listener.run_until(lambda: picture.complete)
    tracking = listener.dispatcher.tracking
    assert tracking is not None
    told = CallCentre()
    tracking._trackers["node_1"] = told.tracker
    return told


def test_scrape_begins_no_picture(listener: Listener) -> None:
    assert running() is listener.dispatcher
    assert not [name for name, _ in Scrape().series if name.startswith(("ami_live", "ami_queue"))]
    assert not signals.is_picture_wanted()
    assert listener.dispatcher.tracking is None


def test_calls_are_shown_while_they_live_and_counted_when_they_end(listener: Listener) -> None:
    picture = pictures.picture_of("node_1")
    listener.run_until(lambda: picture.complete)
    assert Scrape().value("ami_live_complete", server="node_1") == 1
    sim: Simulator = listener.sim
    sim.times.ring, sim.times.duration = 0.01, 0.05
    action = Originate(channel="PJSIP/101", exten="102", context="default", priority=1)
    listener.client.server("node_1").send(action)
    listener.run_until(lambda: picture.calls)
    assert Scrape().value("ami_live_calls", server="node_1") == 1
    listener.run_until(lambda: not picture.calls)
    scrape = Scrape()
    assert scrape.value("ami_live_calls", server="node_1") == 0
    assert scrape.by("ami_calls_ended_total", "outcome", server="node_1") == {"answered": 1}


def test_queues_and_agents_are_those_of_the_picture(listener: Listener) -> None:
    told = centre(listener)
    told.state("PJSIP/101")
    told.state("PJSIP/102")
    told.state("PJSIP/102", queue="sales")
    for number in range(1, 5):
        told.join(f"1.{number}", position=number)
    told.wait(30).connect("1.1")
    told.abandon("1.2")
    told.hang_up("1.2")
    scrape = Scrape()
    queue = {"server": "node_1", "queue": "support"}
    assert scrape.value("ami_queue_callers", **queue) == 2
    assert (scrape.value("ami_queue_longest_wait_seconds", **queue) or 0) > 0
    assert scrape.by("ami_agents", "state", server="node_1") == {"available": 1, "talking": 1}
    assert scrape.by("ami_queue_agents", "state", **queue) == {"available": 1, "talking": 1}
    for name, value in {"joined": 4, "answered": 1, "abandoned": 1, "short_abandons": 0}.items():
        assert scrape.value(f"ami_queue_{name}_total", **queue) == value
    waits = scrape.by("ami_queue_wait_seconds_bucket", "le", outcome="answered", **queue)
    assert waits == {"30.0": 1, "60.0": 1, "120.0": 1, "300.0": 1, "+Inf": 1}
    assert scrape.value("ami_queue_wait_seconds_sum", outcome="answered", **queue) == 30
    check_metrics(scrape.text)


def call(told: CallCentre, number: int) -> None:
    """One call, which ends as its number says."""
    caller, leg = f"{number}.1", f"{number}.2"
    told.join(caller)
    told.wait(1)
    if number % 3 == 0:
        told.abandon(caller)
    elif number % 3 == 1:
        told.connect(caller, leg=leg)
        told.complete(caller, leg=leg)
        told.hang_up(leg)
    else:
        told.leave(caller)
        told.status(caller, "TIMEOUT")
    told.hang_up(caller)
    told.wait(1)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [100_000 if "AMI_TEST_LONG" in os.environ else 500])
@pytest.mark.timeout(600)
def test_number_of_series_depends_on_no_call(listener: Listener, calls: int) -> None:
    told = centre(listener)
    told.state("PJSIP/101")
    for number in range(10):
        call(told, number)
    few = Scrape()
    for number in range(10, calls):
        call(told, number)
    many = Scrape()
    assert many.series == few.series
    assert many.value("ami_queue_joined_total", server="node_1", queue="support") == calls


def test_series_of_queues_have_a_bound(listener: Listener) -> None:
    told = centre(listener)
    for number in range(MOST_QUEUES + 3):
        told.state("PJSIP/101", queue=f"queue-{number}")
    scrape = Scrape()
    queues = {
        dict(labels)["queue"] for name, labels in scrape.series if name == "ami_queue_callers"
    }
    assert len(queues) == MOST_QUEUES
    assert scrape.value("ami_queues_omitted", server="node_1") == 3


def test_dispatcher_that_is_closed_shows_nothing(listener: Listener) -> None:
    centre(listener)
    assert Scrape().value("ami_live_complete", server="node_1") == 1
    listener.dispatcher.__exit__()
    assert Scrape().value("ami_live_complete", server="node_1") is None
    listener.dispatcher.__enter__()
