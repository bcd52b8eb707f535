"""Messages of the stream: server-sent events with one line of JSON, and JSON merge patches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["message", "patch_of"]


def message(event: str, data: Mapping[str, Any], id: str = "") -> bytes:
    """A message of a stream, ready to be sent. ``id`` is what a browser says when it comes back."""
    # A name off the wire may hold half of a surrogate pair, which is no text.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    line = f"id: {id}\n" if id else ""
    return f"{line}event: {event}\ndata: {text}\n\n".encode("utf-8", "replace")


def patch_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7396) that makes ``after`` of ``before``.

    Empty if they are equal. A field of None is one that is not there.
    """
    patch: dict[str, Any] = {name: None for name in before if after.get(name) is None}
    for name, value in after.items():
        known = before.get(name)
        if value is None or known == value:
            continue
        if isinstance(known, dict) and isinstance(value, dict):
            value = patch_of(known, value)
        patch[name] = value
    return patch
