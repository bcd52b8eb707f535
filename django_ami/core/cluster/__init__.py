"""Many servers in one reactor: each a ``Session`` and a ``Transport``; and which of them an action goes to."""

from django_ami.core.cluster.admission import MAX_CONNECTING
from django_ami.core.cluster.cluster import Cluster
from django_ami.core.cluster.routing import Member, Routing, Strategy
from django_ami.core.cluster.server import Server

__all__ = ["MAX_CONNECTING", "Cluster", "Member", "Routing", "Server", "Strategy"]
