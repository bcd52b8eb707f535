"""Many servers in one reactor: each a ``Session`` and a ``Transport``.

And which of them an action goes to.
"""

from __future__ import annotations

from django_ami.core.cluster.routing import Member, Routing, Strategy

__all__ = ["Member", "Routing", "Strategy"]
