"""The rooms in which a client works, loaded when the first one is made.

A program that imports ``Client`` and makes none, as most processes of a project, starts in half the
time. Of one that makes a client nothing is loaded later. An import fails while no file can be
opened, and a child that is forked in the midst of one waits for it for ever.
"""

from __future__ import annotations

from django_ami.core import outcome
from django_ami.core.client import changes, originated, status
from django_ami.core.client.dialling import Dialler
from django_ami.core.client.dispatcher import Dispatcher
from django_ami.core.client.inbox import Inbox
from django_ami.core.client.subscribers import Subscribers
from django_ami.core.cluster.cluster import Cluster
from django_ami.core.delivery import Delivery
from django_ami.core.reactor import Leader, Loop, MainThread, Runner, Traffic
from django_ami.core.receivers import Receivers

__all__ = [
    "Cluster", "Delivery", "Dialler", "Dispatcher", "Inbox", "Leader", "Loop", "MainThread",
    "Receivers", "Runner", "Subscribers", "Traffic", "changes", "originated", "outcome", "status",
]  # fmt: skip
