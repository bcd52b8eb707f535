"""The web side: PrometheusDjangoView, and the multiprocess mode of prometheus_client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.contrib.prometheus.scraping import Scrape, check_metrics
from tests.running import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.testing import Simulator

pytestmark = pytest.mark.slow

PROJECT = """
import sys
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django_ami"], AMI_SERVERS={"node_1": {"URL": sys.argv[1]}}, USE_TZ=True,
    SECRET_KEY="only-for-tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF="urls",
)
django.setup()
from django_ami.contrib import prometheus
from django_ami import ami
from django_ami.actions import Action, Ping
prometheus.register()
prometheus.register()  # a second call does nothing
"""
SENDING = """
for _ in range(int(sys.argv[2])):
    ami.send(Ping()).result(20)
ami.send(Action("NoSuchAction")).exception(20)
"""
SHOWING = """
import types
from django.urls import path
from prometheus_client.django import PrometheusDjangoView
urls = types.ModuleType("urls")
urls.urlpatterns = [path("metrics", PrometheusDjangoView.as_view())]
sys.modules["urls"] = urls
from django.test import Client
answer = Client().get("/metrics")
assert answer.status_code == 200, answer
print(answer.content.decode())
"""


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        yield running


def test_web_process_shows_its_metrics_by_the_view_of_prometheus_client(sim: Simulator) -> None:
    seen = Scrape(run_python(PROJECT + SENDING + SHOWING, sim.url, "3"))
    assert seen.value("ami_ready", server="node_1") == 1
    assert seen.by("ami_actions_total", "action", outcome="success") == {"Ping": 3}
    check_metrics(seen.text)


def test_processes_of_a_web_server_count_their_actions_together(
    sim: Simulator, tmp_path: Path
) -> None:
    env = {"PROMETHEUS_MULTIPROC_DIR": tmp_path}
    for number in ("2", "3"):
        run_python(PROJECT + SENDING, sim.url, number, **env)
    assert list(tmp_path.glob("*.db")), "each process has written its files"
    seen = Scrape(run_python(PROJECT + SENDING + SHOWING, sim.url, "1", **env))
    assert seen.by("ami_actions_total", "action", outcome="success") == {"Ping": 6}
    assert seen.by("ami_actions_total", "action", outcome="refused") == {"other": 3}
    timed = seen.by("ami_action_duration_seconds_count", "action", server="node_1")
    assert timed == {"Ping": 6, "other": 3}
    assert seen.value("ami_ready", server="node_1") is None, "a gauge of one process of many"
    check_metrics(seen.text)


def test_listener_in_that_mode_still_shows_all_of_its_own(sim: Simulator, tmp_path: Path) -> None:
    show = "\nfrom prometheus_client import REGISTRY, generate_latest\n"
    show += "print(generate_latest(REGISTRY).decode())\n"
    env = {"PROMETHEUS_MULTIPROC_DIR": tmp_path}
    seen = Scrape(run_python(PROJECT + SENDING + show, sim.url, "2", **env))
    assert seen.value("ami_ready", server="node_1") == 1
    assert seen.by("ami_actions_total", "action", outcome="success") == {"Ping": 2}
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_directory_that_is_not_there_costs_no_connection_and_is_told_once(
    sim: Simulator, tmp_path: Path
) -> None:
    told = "\nimport logging\nlogging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
    env = {"PROMETHEUS_MULTIPROC_DIR": tmp_path / "none"}
    said = run_python(PROJECT + told + SENDING, sim.url, "3", **env)
    assert said.count("the directory PROMETHEUS_MULTIPROC_DIR cannot be written") == 1
    assert "connection lost" not in said


def test_project_that_has_registered_a_collector_itself_is_left_alone(sim: Simulator) -> None:
    source = PROJECT.replace(
        "prometheus.register()\n",
        "import prometheus_client\n"
        "prometheus_client.REGISTRY.register(prometheus.AmiCollector())\n"
        "prometheus.register()\n",
        1,
    )
    seen = Scrape(run_python(source + SENDING + SHOWING, sim.url, "1"))
    assert seen.text.count("# TYPE ami_ready gauge") == 1
