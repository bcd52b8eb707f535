"""The AMI client without Django: usable alone, selector-based, with a sans-IO core.

The rooms and which may know of which are drawn in ``docs/design.md``; import-linter holds them to
it. Names are loaded on first use, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.core.actions import Action as Action
    from django_ami.core.client import Client as Client
    from django_ami.core.config import Options as Options
    from django_ami.core.config import ServerConfig as ServerConfig
    from django_ami.core.messages import Event as Event
    from django_ami.core.messages import Response as Response

_HOMES = {
    "Action": "actions",
    "Client": "client",
    "Event": "messages",
    "Options": "config",
    "Response": "messages",
    "ServerConfig": "config",
}
__all__ = ["Action", "Client", "Event", "Options", "Response", "ServerConfig"]


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(f"django_ami.core.{_HOMES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
