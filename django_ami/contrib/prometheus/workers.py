"""Registering the metrics of a process; where a web server has several, they count together.

A collector is asked in the one process that happens to answer. prometheus_client's multiprocess
mode adds up what each process writes to a file, which a collector cannot. So there the actions,
which are what web processes do, are counted by metrics of prometheus_client's own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from django_ami.contrib.prometheus.actions import known_name
from django_ami.contrib.prometheus.collector import ACTION_FAMILIES, AmiCollector
from django_ami.contrib.prometheus.families import FAMILIES
from django_ami.core.log import get_logger
from django_ami.core.metering import ACTION_BOUNDS_SECONDS, ActionMeter

__all__ = ["register"]

logger = get_logger(__name__)

_MODE: Final = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")


class _Shared:
    """The metrics of actions that several processes count together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        count, time = (one for one in FAMILIES if one.name in ACTION_FAMILIES)
        self._count = Counter(count.name, count.text, count.labels, registry=registry)
        self._time = Histogram(
            time.name, time.text, time.labels, buckets=ACTION_BOUNDS_SECONDS, registry=registry
        )
        #: True once the log says that its directory cannot be written.
        self._told = False
        ActionMeter.watch = self._settled

    def _settled(self, server: str, action: str, outcome: str, seconds: float | None) -> None:
        try:
            self._counted(server, known_name(action), outcome, seconds)
        except OSError as error:  # the connection on whose thread this is matters more
            if not self._told:
                self._told = True
                logger.warning(
                    "Actions are not counted: the directory PROMETHEUS_MULTIPROC_DIR cannot be "
                    "written (%s). Make it, empty, before the web server starts; ami_listen needs "
                    "no such variable.",
                    error,
                )

    def _counted(self, server: str, action: str, outcome: str, seconds: float | None) -> None:
        self._count.labels(server, action, outcome).inc()
        if seconds is not None:
            self._time.labels(server, action).observe(seconds)


_registered: dict[CollectorRegistry, AmiCollector] = {}


def register(registry: CollectorRegistry = REGISTRY) -> AmiCollector:
    """Register the metrics of this process, once for each registry; call it in ``AppConfig.ready``.

    In multiprocess mode (the environment has PROMETHEUS_MULTIPROC_DIR) actions are counted in the
    files of all processes, and ``MultiProcessCollector`` adds them up.
    """
    known = _registered.get(registry)
    if known is None:
        together = any(name in os.environ for name in _MODE)
        known = AmiCollector(actions=not together)
        with suppress(ValueError):  # the project has registered a collector of ours itself
            registry.register(known)
        _registered[registry] = known
        if together:
            _Shared(registry)
    return known
