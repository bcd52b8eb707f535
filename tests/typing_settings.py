"""The settings that mypy reads: those of the demo, and every app of the product."""

from __future__ import annotations

from demo_project.settings import *  # noqa: F403  (all of them)
from demo_project.settings import INSTALLED_APPS as _OF_THE_DEMO

INSTALLED_APPS = [
    *_OF_THE_DEMO,
    "django.contrib.admin",
    "django.contrib.messages",
    "django_ami.calls",
    "django_ami.forwarding",
]
