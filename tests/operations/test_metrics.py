"""A pair of listeners, as Prometheus sees it: the lease, a takeover and its gap."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.contrib.prometheus.scraping import check_metrics
from tests.contrib.prometheus.test_serving import scrape
from tests.running import wait_until

if TYPE_CHECKING:
    from django_ami.testing import Simulator
    from tests.operations.support import Site


def test_metrics_of_a_pair_tell_who_has_the_lease(site: Site, sim: Simulator) -> None:
    first, second = site.active("--metrics-port=0"), site.standby("--metrics-port=0")
    assert scrape(first).value("ami_lease_held", server="node_1") == 1
    assert scrape(second).value("ami_lease_held", server="node_1") == 0
    assert scrape(second).value("ami_takeovers_total", server="node_1") == 0
    check_metrics(scrape(second).text)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    wait_until(lambda: scrape(second).value("ami_lease_held", server="node_1") == 1)
    seen = scrape(second)
    assert seen.value("ami_takeovers_total", server="node_1") == 1
    assert seen.by("ami_gaps_total", "reason", server="node_1") == {"takeover": 1}
    assert 0 < seen.by("ami_gap_seconds_total", "reason", server="node_1")["takeover"] < 30
