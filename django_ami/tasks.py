"""Where Celery's ``app.autodiscover_tasks()`` looks: the task of forwarded events, if any.

Without the outlet ``celery`` in ``AMI_FORWARD`` it imports nothing.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings

__all__: list[str] = []

_FORWARD: Final = getattr(settings, "AMI_FORWARD", None)

if isinstance(_FORWARD, dict) and _FORWARD.get("OUTLET") == "celery":
    from django_ami.forwarding.celery import worker  # noqa: F401
