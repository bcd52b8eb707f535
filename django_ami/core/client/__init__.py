"""The public face of the core: ``Client``: send, subscribe, status, start, close.

Names are loaded on first use: most programs need no more of them than ``Client``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.core.client.changes import Changes as Changes
    from django_ami.core.client.client import Client as Client
    from django_ami.core.client.handle import ServerHandle as ServerHandle
    from django_ami.core.client.originated import OriginatedCall as OriginatedCall
    from django_ami.core.client.status import ServerStatus as ServerStatus

_HOMES = {
    "Changes": "changes",
    "Client": "client",
    "OriginatedCall": "originated",
    "ServerHandle": "handle",
    "ServerStatus": "status",
}
__all__ = ["Changes", "Client", "OriginatedCall", "ServerHandle", "ServerStatus"]


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(f"django_ami.core.client.{_HOMES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
