"""The admin: servers with their listeners and leases, actions to send, and those that were sent.

Rule: each page says which permission it needs, and nobody who lacks it gets more than 403. The
pages work without JavaScript; a script alone keeps them fresh.
"""

from __future__ import annotations

from django_ami.operations.admin.audit import ActionLogAdmin
from django_ami.operations.admin.listeners import ListenerAdmin
from django_ami.operations.admin.servers import ServerAdmin

__all__ = ["ActionLogAdmin", "ListenerAdmin", "ServerAdmin"]
