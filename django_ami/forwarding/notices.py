"""The signals of a server's connection, as they travel beside its events.

Rule: a consumer sends the same signal with the same arguments as a listener would.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django_ami.core import errors
from django_ami.core.arguments import shown
from django_ami.core.session import Gap, GapReason, Lost, Ready
from django_ami.signals.sending import moment

if TYPE_CHECKING:
    from django_ami.core.session import Notice

__all__ = ["decode", "encode"]

_SIGNALS: Final = ("server_ready", "server_lost", "gap")


def encode(notice: Notice) -> bytes | None:
    """The bytes of a notice; None for one that has no signal."""
    match notice:
        case Ready():
            named: dict[str, Any] = {"signal": "server_ready", "again": notice.again}
        case Lost(was_ready=True, last_event_at=last):
            named = {
                "signal": "server_lost",
                "error": [type(notice.error).__name__, notice.error.message],
                "retry_in": notice.retry_in,
                "last_event_at": None if last is None else moment(last).isoformat(),
                "missing": notice.missing,
            }
        case Gap():
            named = {
                "signal": "gap",
                "begin": moment(notice.begin).isoformat(),
                "end": moment(notice.end).isoformat(),
                "reason": notice.reason.value,
                "lost": notice.lost,
            }
        case _:
            return None
    return json.dumps(named).encode()


def decode(raw: bytes, server: str) -> tuple[str, dict[str, Any]]:
    """The name of the signal in ``django_ami.signals``, and its arguments beside the sender.

    An argument that a newer listener adds is kept. Raises ValueError for what is no notice.
    """
    named = json.loads(raw)
    name = named.pop("signal", None) if isinstance(named, dict) else None
    if name not in _SIGNALS:
        raise ValueError(f"this is no notice of a connection: {shown(name)} is no signal of one.")
    if name == "server_lost":
        kind, message = named["error"]
        found = getattr(errors, kind, None) if kind in errors.__all__ else None
        named["error"] = (found or errors.AmiError)(message, server)
    for key in {"begin", "end", "last_event_at"} & named.keys():
        if named[key] is not None:
            named[key] = datetime.fromisoformat(named[key])
    if name == "gap":
        named["reason"] = GapReason(named["reason"])
    return name, named
