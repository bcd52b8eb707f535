"""The types for annotations: of events, actions, answers and settings.

::

    from django_ami.types import Event, ServerHandle

    @receiver(events["Hangup"])
    def on_hangup(sender: ServerHandle, event: Event, **kwargs: object) -> None: ...

Importing it opens nothing and imports no Django. The classes of actions are in
``django_ami.actions``, those of errors in ``django_ami.errors``.
"""

from __future__ import annotations

from django_ami.core.call_outcome import CallOutcome
from django_ami.core.client import Changes, OriginatedCall, ServerHandle, ServerStatus
from django_ami.core.config import Options, ServerConfig, TLSConfig
from django_ami.core.event_id import EventId
from django_ami.core.lease import Lease
from django_ami.core.messages import Event, Message, Response
from django_ami.core.outcome import CallResult, OriginateOutcome
from django_ami.core.pending import PendingAction
from django_ami.core.progress import OriginateState
from django_ami.core.session import GapReason, Role

__all__ = [
    "CallOutcome",
    "CallResult",
    "Changes",
    "Event",
    "EventId",
    "GapReason",
    "Lease",
    "Message",
    "Options",
    "OriginateOutcome",
    "OriginateState",
    "OriginatedCall",
    "PendingAction",
    "Response",
    "Role",
    "ServerConfig",
    "ServerHandle",
    "ServerStatus",
    "TLSConfig",
]
