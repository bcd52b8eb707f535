"""Metrics of actions: by the names of the catalogue, and all others as one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django_ami import catalog
from django_ami.core.metering import ACTION_BOUNDS_SECONDS, OTHER, Durations

if TYPE_CHECKING:
    from django_ami.contrib.prometheus.families import Sheet
    from django_ami.core.metering import ActionMeter

__all__ = ["fill_actions", "known_name"]


@lru_cache(1024)
def known_name(action: str) -> str:
    """The name of an action as Asterisk spells it; "other" if it has none of that name."""
    info = catalog.action(action)
    return OTHER if info is None else info.name


def fill_actions(sheet: Sheet, server: str, meter: ActionMeter) -> None:
    """The actions to one server."""
    outcomes: dict[tuple[str, str], int] = {}
    for (action, outcome), count in list(meter.outcomes.items()):
        key = known_name(action), outcome
        outcomes[key] = outcomes.get(key, 0) + count
    for (action, outcome), count in outcomes.items():
        sheet.add("ami_actions_total", count, server, action, outcome)
    durations = Durations(ACTION_BOUNDS_SECONDS)
    for action, histogram in list(meter.durations.items()):
        durations[known_name(action)].add(histogram)
    for action, histogram in durations.items():
        sheet.add_histogram("ami_action_duration_seconds", histogram, server, action)
