"""Which answer belongs to which action: the ActionIDs, and the registry of unsettled actions."""

from __future__ import annotations

from django_ami.core.correlation.action_ids import ActionIds
from django_ami.core.correlation.registry import PendingActions

__all__ = ["ActionIds", "PendingActions"]
