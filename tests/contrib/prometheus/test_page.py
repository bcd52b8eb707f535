"""docs/metrics.md lists every metric, and those of Asterisk beside them."""

from __future__ import annotations

import re

from django_ami.contrib.prometheus.families import FAMILIES
from django_ami.core.overflow import DropReason
from django_ami.core.request import OUTCOMES
from django_ami.core.session import GapReason, State
from django_ami.core.session.connections import EndReason
from tests.running import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text()
#: All of res_prometheus.
ASTERISK = """
asterisk_core_scrape_time_ms asterisk_core_properties asterisk_core_uptime_seconds
asterisk_core_last_reload_seconds asterisk_channels_count asterisk_channels_state
asterisk_channels_duration_seconds asterisk_calls_sum asterisk_calls_count asterisk_bridges_count
asterisk_bridges_channels_count asterisk_endpoints_count asterisk_endpoints_state
asterisk_endpoints_channels_count asterisk_pjsip_outbound_registration_status
"""


def test_page_lists_every_metric_with_its_type_and_labels() -> None:
    rows = re.findall(r"^\| `(ami_\w+)` \| (\w+) \| ([\w, -]+) \| ", PAGE, re.MULTILINE)
    assert rows == [
        (family.name, family.kind, ", ".join(family.labels) or "-") for family in FAMILIES
    ]


def test_page_lists_the_values_of_labels() -> None:
    values = [*State, *EndReason, *DropReason, *OUTCOMES.values()]
    values += [reason.replace(" ", "_") for reason in GapReason]
    assert [value for value in values if f"`{value}`" not in PAGE] == []


def test_page_lists_those_of_asterisk() -> None:
    assert [name for name in ASTERISK.split() if f"`{name}`" not in PAGE] == []
