"""One server's conversation, above the sans-IO line: bytes and times in, bytes and notices out."""

from __future__ import annotations

from django_ami.core.session.state import (
    CLOSE_TIMEOUT_SECONDS,
    LOGGED_IN,
    READY,
    Gap,
    GapReason,
    Lost,
    Notice,
    Ready,
    Role,
    State,
    TookOver,
)

__all__ = [
    "CLOSE_TIMEOUT_SECONDS",
    "LOGGED_IN",
    "READY",
    "Gap",
    "GapReason",
    "Lost",
    "Notice",
    "Ready",
    "Role",
    "State",
    "TookOver",
]
