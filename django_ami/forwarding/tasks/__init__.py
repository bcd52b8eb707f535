"""Forwarding onto a backend of Django's tasks: at least once if the backend is so, in no order."""

from __future__ import annotations

from django_ami.forwarding.tasks.outlet import TasksOutlet

__all__ = ["TasksOutlet"]
