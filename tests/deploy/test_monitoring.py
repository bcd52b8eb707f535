"""The dashboard and the alerts: each metric and label of theirs exists; promtool is content."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.test import override_settings

from django_ami import ami, pictures
from django_ami.actions import Ping
from django_ami.contrib.prometheus.families import FAMILIES
from django_ami.operations.audit.writer import Writer
from django_ami.operations.conf import OperationsOptions
from django_ami.signals import classes, events
from django_ami.testing import FakeAsterisk
from tests.contrib.prometheus.scraping import Scrape, names, promtool
from tests.deploy.supervisord import ROOT
from tests.live.callcentre import CallCentre
from tests.receiving import fresh_registry, listening

if TYPE_CHECKING:
    from pathlib import Path

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "alerts.yml"
BOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
#: The beginnings of the metrics of listeners that forward, and of consumers.
FORWARDING = ("ami_forwarded_", "ami_outlet_", "ami_spool_", "ami_consume")
#: Labels that Prometheus adds to each series.
ADDED = {"job", "instance"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def board_queries() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]


QUERIES = {
    "alerts": [rule["expr"] for rule in rules()],
    "dashboard": [
        *board_queries(),
        *(one["query"]["query"] for one in BOARD["templating"]["list"][1:]),
    ],
}


def families() -> dict[str, set[str]]:
    """The names of samples that the table promises, and their labels."""
    made: dict[str, set[str]] = {"up": set()}
    for family in FAMILIES:
        labels = set(family.labels)
        if family.kind == "histogram":
            made |= {f"{family.name}_sum": labels, f"{family.name}_count": labels}
            made[f"{family.name}_bucket"] = labels | {"le"}
        else:
            made[family.name] = labels
    return made


def used(queries: list[str]) -> set[str]:
    """The names of series in some queries: words that no label, function or grouping is."""
    return {name for query in queries for name in re.findall(r"\b(?:ami_\w+|up)\b", query)} - {
        "ami_listen"  # the value of the label job
    }


@pytest.mark.parametrize("file", QUERIES)
def test_labels_of_queries_are_those_of_their_metrics(file: str) -> None:
    known = families()
    for query in QUERIES[file]:
        for name, matchers in re.findall(r"\b(ami_\w+|up)\{([^}]*)\}", query):
            labels = set(re.findall(r"(\w+)(?:=|!)", matchers))
            assert labels <= known[name] | ADDED, (query, name)
        grouped = {
            label.strip()
            for group in re.findall(r"\bby \(([^)]*)\)", query)
            for label in group.split(",")
        }
        assert grouped <= set().union(*(known[name] for name in used([query]))) | ADDED, query


@pytest.mark.parametrize("file", QUERIES)
def test_metrics_of_queries_are_in_the_real_output(file: str, django_db_blocker: Any) -> None:
    with (
        fresh_registry(),
        django_db_blocker.unblock(),
        FakeAsterisk() as sim,
        override_settings(AMI_SERVERS={"node_1": {"URL": sim.url}}),
    ):
        events["Hangup"].connect(_fail)
        Scrape()  # receivers are timed from now on
        Writer(OperationsOptions())  # of the action log
        with listening(sim.url, receivers=classes.receivers, heartbeat_interval=0.05) as listener:
            ami._adopt(listener.client, default="node_1")
            listener.make_ready()
            picture = pictures.picture_of("node_1")
            listener.run_until(lambda: picture.complete)
            told = CallCentre()
            listener.dispatcher.tracking._trackers["node_1"] = told.tracker
            told.state()
            told.join("1.1")
            sim.emit("Hangup")
            listener.run_until(lambda: classes.receivers.failures)
            listener.run_until(lambda: listener.status.ping_round_trip)
            ami.send(Ping()).result(20)
            listener.run_until(lambda: Scrape().by("ami_actions_total", "action"))
            shown = names(Scrape().series)
    # That of a lease is in the output of a standby: tests/operations/test_metrics.py. Those of
    # forwarding are in that of its listener, and of a consumer: tests/forwarding.
    elsewhere = {name for name in used(QUERIES[file]) if name.startswith(FORWARDING)}
    assert used(QUERIES[file]) - shown - elsewhere - {"up", "ami_lease_held"} == set()
    assert used(QUERIES[file]) <= families().keys()


def _fail(sender: Any, event: Any, **_: Any) -> None:
    raise ValueError("this one fails")


def test_rules_are_those_that_promtool_takes() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))


def test_alerts_fire_as_their_tests_say() -> None:
    said = promtool("test", "rules", str(PROMETHEUS / "alerts_test.yml"))
    assert "SUCCESS" in said


def test_each_alert_is_tested_and_explained() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    tested = {
        one["alertname"]
        for test in tests
        for one in test["alert_rule_test"]
        if one.get("exp_alerts")
    }
    assert tested == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description"}, rule
        assert rule["labels"]["severity"] in {"warning", "critical"}, rule


def test_queries_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    recorded = [
        {
            "record": f"query:{number}",
            "expr": query.replace("$server", ".*").replace("$queue", ".*"),
        }
        for number, query in enumerate(board_queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", str(file))


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    idents = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(idents)) == len(idents)
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
