"""Forwarding events onto an engine, from which consumers anywhere take them; and ``once``.

Names are loaded on first use, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.forwarding.processing import once as once

__all__ = ["once"]


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name == "once":
            from django_ami.forwarding.processing import once

            return once
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
