"""The job of a process of a pool; a module of its own, since such a process imports it."""

from __future__ import annotations

import os

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_ami"], AMI_SERVERS={"node_1": {"URL": os.environ["AMI_NODE1_URL"]}}
    )
    django.setup()

from django_ami import ami
from django_ami.actions import Action

pbx = ami.server("node_1")


def dial(number: int) -> bool:
    """One action, by a handle that was taken when the module was imported."""
    return pbx.send(Action("Dial", Number=str(number))).result(20).ok
