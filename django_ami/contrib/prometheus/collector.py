"""The collector: every metric of this process, at the moment of the scrape.

Rule: collecting opens no connection, begins no live picture and asks no database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from django_ami.accessor import ami
from django_ami.contrib.prometheus.actions import fill_actions
from django_ami.contrib.prometheus.consumers import fill_consumer
from django_ami.contrib.prometheus.families import FAMILIES, Sheet
from django_ami.contrib.prometheus.forwarding import fill_forwarding
from django_ami.contrib.prometheus.pictures import fill_picture
from django_ami.contrib.prometheus.servers import fill_process, fill_receivers, fill_server
from django_ami.signals import classes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

__all__ = ["ACTION_FAMILIES", "AmiCollector"]

#: The families that one worker of several counts in another way: see ``register``.
ACTION_FAMILIES = frozenset({"ami_actions_total", "ami_action_duration_seconds"})


class AmiCollector(Collector):
    """All servers of this process, its receivers, and its live pictures.

    Register it in a registry. From then on the calls of receivers are timed. ``actions`` is False
    where the actions are counted in another way. A scrape raises ConfigurationError if the settings
    are wrong.
    """

    def __init__(self, *, actions: bool = True) -> None:
        self._actions = actions
        classes.receivers.times.measure()

    def describe(self) -> Iterable[Metric]:
        """The families, without a look at anything: a registry asks when it is given this."""
        return [
            family.empty()
            for family in FAMILIES
            if self._actions or family.name not in ACTION_FAMILIES
        ]

    def collect(self) -> Iterable[Metric]:
        """The families that have samples now."""
        sheet = Sheet()
        servers, meters = ami.status(), ami.meters
        fill_process(sheet, servers.values())
        for name, status in servers.items():
            fill_server(sheet, status)
            fill_picture(sheet, name)
            if self._actions and name in meters:
                fill_actions(sheet, name, meters[name])
        fill_receivers(sheet)
        fill_forwarding(sheet)
        fill_consumer(sheet)
        return list(sheet.filled())
