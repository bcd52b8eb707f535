"""Every test here begins with good settings and without receivers."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami import conf, signals
from tests.checks.support import KEYS


@pytest.fixture(autouse=True)
def _good_settings(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in conf.NAMES:
        if hasattr(settings, name):
            delattr(settings, name)
    settings.AMI_SERVERS = {"node_1": KEYS}
    # Of another app, which the settings of these tests do not set up.
    settings.SILENCED_SYSTEM_CHECKS = [f"ami_wallboard.W00{number}" for number in range(1, 7)]
    monkeypatch.setattr(signals, "events", signals.EventSignals())
    monkeypatch.setattr(signals, "ami_event", signals.EventSignal())
