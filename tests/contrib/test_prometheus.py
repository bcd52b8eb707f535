"""The metrics are the status."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from django.test import override_settings
from prometheus_client import CollectorRegistry

from django_ami import ami, feeds
from django_ami.actions import Ping
from django_ami.contrib.prometheus import AmiCollector
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.testing import Simulator
from tests.running import wait_until


def test_the_figures_are_those_of_the_status() -> None:
    with Simulator() as server, override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}):
        ami.send(Ping()).result(timeout=10)
        registry = CollectorRegistry()
        registry.register(AmiCollector())
        figures = {
            sample.name: sample.value for family in registry.collect() for sample in family.samples
        }
        status = ami.status()["node_1"]
    assert figures["ami_ready"] == 1
    for name in ("received", "ignored", "delivered", "failed", "dropped"):
        assert figures[f"ami_events_{name}_total"] == getattr(status, name)
    assert figures["ami_events_queued"] == status.queued


def test_every_figure_of_the_status_is_a_metric() -> None:
    with override_settings(AMI_SERVERS={"node_1": {"URL": "ami://a:b@127.0.0.1:1"}}):
        names = {family.name for family in AmiCollector().collect()}
        counts = {
            name for name, value in ami.status()["node_1"].as_dict().items() if type(value) is int
        }
    assert {name.removeprefix("ami_").removeprefix("events_") for name in names} == counts - {
        "failures"
    } | {"ready", "feed_failures"}


@pytest.mark.parametrize("routing", [None, "failover"])
def test_collecting_opens_no_connection(routing: str | None) -> None:
    with (
        Simulator() as server,
        override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}, AMI_ROUTING=routing),
    ):
        registry = CollectorRegistry()
        registry.register(AmiCollector())
        (ready,) = (family for family in registry.collect() if family.name == "ami_ready")
        assert [(sample.labels, sample.value) for sample in ready.samples] == [
            ({"server": "node_1"}, 0.0)
        ]
        time.sleep(0.2)  # nothing is to happen
        assert ami.status()["node_1"].state == "idle"
        assert server.connections == 0


def test_the_documents_name_every_metric_as_prometheus_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "listening.md").read_text(encoding="utf-8")
    with override_settings(AMI_SERVERS={"node_1": {"URL": "ami://a:b@127.0.0.1:1"}}):
        names = {sample.name for family in AmiCollector().collect() for sample in family.samples}
    assert set(re.findall(r"^\| `(ami_\w+)` \|", page, re.MULTILINE)) == names


def test_writes_that_the_store_of_the_feed_refuses_are_counted() -> None:
    feed = {"BACKEND": "redis", "URL": "redis://127.0.0.1:1/0"}
    servers = {"node_1": {"URL": "ami://a:b@127.0.0.1:1"}}
    with override_settings(AMI_FEED=feed, AMI_SERVERS=servers):
        registry = CollectorRegistry()
        registry.register(AmiCollector())
        assert registry.get_sample_value("ami_feed_failures_total") == 0
        store = feeds.backend()
        assert store is not None
        publisher = Publisher(store)
        publisher.note("node_1", [("server:", Heading("node_1"))])
        wait_until(lambda: registry.get_sample_value("ami_feed_failures_total"))
        publisher.close()
