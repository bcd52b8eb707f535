"""The answers: one handler per action, grouped by what the actions are about."""

from __future__ import annotations

from django_ami.simulator.answers import (
    channels,
    command,
    conferences,
    login,
    originate,
    queues,
    states,
    storage,
    system,
    transfers,
)
from django_ami.simulator.answers.registry import Action, available, find

__all__ = [
    "Action",
    "available",
    "channels",
    "command",
    "conferences",
    "find",
    "login",
    "originate",
    "queues",
    "states",
    "storage",
    "system",
    "transfers",
]
