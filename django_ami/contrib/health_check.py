"""A check for django-health-check: needs the extra ``django-ami[health]`` and the operations app.

::

    from health_check.views import HealthCheckView

    path("health/", HealthCheckView.as_view(
        checks=["django_ami.contrib.health_check.AsteriskListeners"]))

django-health-check answers 500 if a check fails, and not 503.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django_ami.contrib import extra
from django_ami.operations.enquiry import ask

with extra("health"):
    from health_check.base import HealthCheck
    from health_check.exceptions import ServiceUnavailable

__all__ = ["AsteriskListeners"]


@dataclass
class AsteriskListeners(HealthCheck):  # type: ignore[misc]  # the library has no types
    """Every server of AMI_SERVERS, or of ``servers``, has a listener that delivers its events."""

    servers: tuple[str, ...] = ()
    #: Our own answer comes before that.
    timeout: ClassVar[timedelta] = timedelta(seconds=2)

    def run(self) -> None:
        """Raises ServiceUnavailable with the reason, which names no host and no account."""
        health = ask(self.servers)
        if not health.ok:
            raise ServiceUnavailable(str(health))
