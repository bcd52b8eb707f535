"""Forwarding onto the broker of a Celery app, whose workers run the receivers."""

from __future__ import annotations

from django_ami.forwarding.celery.outlet import CeleryOutlet

__all__ = ["CeleryOutlet"]
