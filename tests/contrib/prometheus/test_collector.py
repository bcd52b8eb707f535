"""The collector shows the status of servers, actions and receivers, and changes nothing by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings
from prometheus_client import CollectorRegistry

from django_ami import ami, feeds
from django_ami.actions import Action, Ping
from django_ami.conf.forward import Forward
from django_ami.contrib.prometheus import AmiCollector
from django_ami.contrib.prometheus.families import FAMILIES
from django_ami.core.metering import MOST_NAMES, OTHER
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.signals import classes, events
from django_ami.testing import FakeAsterisk, Simulator
from tests.contrib.prometheus.scraping import Scrape, check_metrics
from tests.forwarding.sink import SinkOutlet, sinking
from tests.receiving import fresh_registry, listening
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOWN = {"node_1": {"URL": "ami://a:b@127.0.0.1:1"}}


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running, override_settings(AMI_SERVERS={"node_1": {"URL": running.url}}):
        yield running


def test_figures_are_those_of_the_status(sim: Simulator) -> None:
    ami.send(Ping()).result(timeout=10)
    scrape = Scrape()
    status = ami.status()["node_1"]
    assert scrape.value("ami_ready", server="node_1") == 1
    assert scrape.by("ami_state", "state") == {"ready": 1}
    assert scrape.by("ami_server_info", "asterisk_version") == {status.asterisk_version: 1}
    for name in ("received", "ignored", "delivered", "failed"):
        value = scrape.value(f"ami_events_{name}_total", server="node_1")
        assert value == getattr(status, name)
    assert scrape.value("ami_lease_held", server="node_1") is None, "it is no standby"
    check_metrics(scrape.text)


def test_forwarding_is_shown_in_the_process_that_forwards(sim: Simulator, tmp_path: Path) -> None:
    assert Scrape().value("ami_outlet_up") is None
    events["UserEvent"].connect(lambda **_: None, weak=False)
    path = f"{SinkOutlet.__module__}.{SinkOutlet.__qualname__}"
    with sinking() as sink:
        forward = Forward(path, spool=tmp_path / "spool", options={"port": sink.port})
        with listening(sim.url, forward=forward) as listener:
            listener.make_ready()
            listener.run_until(lambda: sink.batches)
            listener.run_until(lambda: Scrape().value("ami_outlet_up") == 1)
            sink.kill()
            sim.emit("UserEvent", UserEvent="Test", Number=1)
            listener.run_until(lambda: Scrape().value("ami_spool_events") == 1)
            scrape = Scrape()
            assert scrape.value("ami_outlet_up") == 0
            assert scrape.value("ami_forwarded_events_total") == 1
            assert scrape.value("ami_forwarded_unsafe") == 0
            assert scrape.value("ami_spool_limit_bytes") == 2**32
            check_metrics(scrape.text)


def test_every_count_of_the_status_is_shown() -> None:
    with override_settings(AMI_SERVERS=DOWN):
        shown = {name.removeprefix("ami_") for name, _ in Scrape().series}
        status = ami.status()["node_1"].as_dict()
    counts = {name for name, value in status.items() if type(value) is int}
    renamed = {"failures": "failed_attempts", "queued": "events_queued"}
    missing = {
        count
        for count in counts
        if not shown & {renamed.get(count, count), f"{count}_total", f"events_{count}_total"}
    }
    assert missing == set()


def test_names_of_samples_are_in_the_table() -> None:
    with override_settings(AMI_SERVERS=DOWN):
        collector = AmiCollector()
        shown = {family.name for family in collector.collect()}
    described = {family.name for family in collector.describe()}
    assert shown < described
    assert described == {family.name.removesuffix("_total") for family in FAMILIES}
    assert len(FAMILIES) == len({family.name for family in FAMILIES})


def test_registering_looks_at_nothing() -> None:
    """Apps register when they are ready, and the settings may ask a database."""

    def ask() -> dict[str, object]:
        raise AssertionError("the settings were read")

    with override_settings(AMI_SERVERS=ask):
        CollectorRegistry(auto_describe=True).register(AmiCollector())


@pytest.mark.parametrize("routing", [None, "failover"])
def test_collecting_opens_no_connection(routing: str | None, sim: Simulator) -> None:
    with override_settings(AMI_ROUTING=routing):
        assert Scrape().value("ami_ready", server="node_1") == 0.0
        time.sleep(0.2)  # nothing is to happen
        assert ami.status()["node_1"].state == "idle"
        assert sim.connections == 0


def test_actions_have_the_names_of_the_catalogue(sim: Simulator) -> None:
    for name in ("Ping", "ping", "Ping2000", "Colleague"):
        ami.send(Action(name)).exception(timeout=10)

    wait_until(lambda: sum(Scrape().by("ami_actions_total", "action").values()) == 4)
    answered = Scrape().by("ami_actions_total", "action", outcome="success", server="node_1")
    refused = Scrape().by("ami_actions_total", "action", outcome="refused", server="node_1")
    assert (answered, refused) == ({"Ping": 2}, {OTHER: 2})
    timed = Scrape().by("ami_action_duration_seconds_count", "action", server="node_1")
    assert timed == {"Ping": 2, OTHER: 2}


def test_names_of_actions_that_a_program_makes_up_add_no_series(sim: Simulator) -> None:
    def send(begin: int, end: int) -> set[Any]:
        pending = [ami.send(Action(f"Made{number}")) for number in range(begin, end)]
        for one in pending:
            one.exception(timeout=10)
        wait_until(lambda: sum(Scrape().by("ami_actions_total", "action").values()) == end)
        return Scrape().series

    assert send(0, 10) == send(10, 2 * MOST_NAMES)


def test_receivers_are_timed_and_their_failures_counted(sim: Simulator) -> None:
    def on_hangup(sender: Any, event: Any, **_: Any) -> None:
        raise ValueError(event["Number"])

    def on_user_event(sender: Any, event: Any, **_: Any) -> None:
        time.sleep(0.02)

    events["Hangup"].connect(on_hangup)
    events["UserEvent"].connect(on_user_event)
    AmiCollector()
    with listening(sim.url, receivers=classes.receivers) as listener:
        listener.make_ready()
        for number in range(3):
            sim.emit("Hangup", Number=number)
            sim.emit("UserEvent", Number=number)
        listener.run_until(lambda: listener.dispatcher.delivered >= 3)
        listener.run_until(lambda: listener.dispatcher.failed == 3)
    scrape = Scrape()
    where = f"{__name__}.{test_receivers_are_timed_and_their_failures_counted.__name__}.<locals>"
    assert scrape.value("ami_receiver_failures_total", receiver=f"{where}.on_user_event") == 0
    calls = scrape.by("ami_receiver_duration_seconds_count", "receiver")
    assert (calls[f"{where}.on_hangup"], calls[f"{where}.on_user_event"]) == (3, 3)
    assert scrape.by("ami_receiver_failures_total", "receiver") == {f"{where}.on_hangup": 3}
    seconds = scrape.value("ami_receiver_duration_seconds_sum", receiver=f"{where}.on_user_event")
    assert 0.06 <= (seconds or 0.0) < 10


def test_receivers_are_not_timed_unless_there_is_a_collector(sim: Simulator) -> None:
    assert classes.receivers.times.durations is None
    AmiCollector()
    assert classes.receivers.times.durations == {}


def test_names_of_receivers_have_a_bound() -> None:
    for number in range(MOST_NAMES + 20):
        classes.receivers.failures[f"made.up.{number}"] += 1
    with override_settings(AMI_SERVERS=DOWN):
        failures = Scrape().by("ami_receiver_failures_total", "receiver")
    assert len(failures) == MOST_NAMES + 1
    assert (failures["made.up.0"], failures[OTHER]) == (1, 20)


def test_writes_that_the_store_of_the_feed_refuses_are_counted() -> None:
    feed = {"BACKEND": "redis", "URL": "redis://127.0.0.1:1/0"}
    with override_settings(AMI_FEED=feed, AMI_SERVERS=DOWN):
        assert Scrape().value("ami_feed_failures_total") == 0
        store = feeds.backend()
        assert store is not None
        publisher = Publisher(store)
        publisher.note("node_1", [("server:", Heading("node_1"))])
        wait_until(lambda: Scrape().value("ami_feed_failures_total"))
        publisher.close()
