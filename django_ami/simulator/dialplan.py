"""The dialplan: which applications an extension runs, one for each priority."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.simulator.queues import Queue

__all__ = ["PARK_EXTEN", "Dialplan", "Plan"]

#: Applications with their arguments.
Plan = Sequence[tuple[str, str]]

PARK_EXTEN = "700"


class Dialplan:
    """The context ``default``: the name of a queue enters it, 700 parks, all else is dialled."""

    def plan(self, exten: str, queues: Mapping[str, Queue]) -> Plan:
        """The applications of an extension."""
        if exten in queues:
            return [("Queue", exten)]
        return [("Park", "default")] if exten == PARK_EXTEN else [("Dial", f"PJSIP/{exten},20")]
