"""Many servers in one reactor: each a ``Session`` and a ``Transport``.

And which of them an action goes to.
"""

from __future__ import annotations

from django_ami.core.cluster.admission import MAX_CONNECTING_SERVERS
from django_ami.core.cluster.cluster import Cluster
from django_ami.core.cluster.routing import Member, Routing, Strategy
from django_ami.core.cluster.server import Server

__all__ = ["MAX_CONNECTING_SERVERS", "Cluster", "Member", "Routing", "Server", "Strategy"]
