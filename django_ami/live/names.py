"""The names of channels: ``PJSIP/bob-0000002a`` is a channel of the device ``PJSIP/bob``.

A channel that Asterisk makes for itself, such as a half of a Local channel or the announcer of a
conference, is nobody's telephone.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "NOT_PICKED_UP",
    "device_of",
    "is_dialled",
    "is_hidden",
    "is_internal",
    "known",
    "name_of_caller",
    "other_half",
]

#: States of a telephone that was called and not picked up (main/channel.c, ast_state2str).
NOT_PICKED_UP: Final = frozenset({"Down", "Ringing"})
#: Channel types without a person behind them (apps/confbridge, main/channel.c, main/bridge.c).
_INTERNAL: Final = (
    "CBAnn/", "CBRec/", "Surrogate/", "Announcer/", "Recorder/", "Message/", "UnicastRTP/",
    "MulticastRTP/", "Snoop/", "AsyncGoto/", "Parked/", "Bridge/", "Phase2/",
)  # fmt: skip
#: "Applications" of a channel that is in no dialplan (apps/app_dial.c, apps/app_queue.c,
#: main/dial.c).
_DIALLED: Final = frozenset({"AppDial", "AppQueue", "AppDial2"})
#: A channel in the middle of a masquerade (main/channel.c, channel_do_masquerade).
_SWAPPED: Final = ("<ZOMBIE>", "<MASQ>")
#: The escapes of ast_escape_c (main/utils.c), which the names of callers have.
_ESCAPE: Final = re.compile(r"""\\(["'?\\abfnrtv])""")


def device_of(name: str) -> str:
    """The device of a channel; the two halves of a Local channel share one name."""
    if name.startswith("Local/"):
        return name.rpartition(";")[0] or name
    head, dash, _ = name.rpartition("-")
    return head if dash else name


def is_internal(name: str) -> bool:
    """Whether Asterisk made a channel of this name for itself: it is no call to anybody."""
    return name.startswith(_INTERNAL) or name.endswith(_SWAPPED)


def is_hidden(name: str) -> bool:
    """Whether no person is behind a channel of this name."""
    return name.startswith("Local/") or is_internal(name)


def other_half(name: str) -> str:
    """The name of the other half of a Local channel; empty for every other channel."""
    if not name.startswith("Local/"):
        return ""
    head, semicolon, half = name.rpartition(";")
    other = {"1": "2", "2": "1"}.get(half)
    return f"{head};{other}" if semicolon and other else ""


def is_dialled(application: str) -> bool:
    """Whether a channel was dialled, by what Asterisk says in the place of an application."""
    return application in _DIALLED


def known(value: str | None) -> str:
    """A value of a header; ``<unknown>`` is Asterisk's word for none."""
    return "" if value is None or value == "<unknown>" else value


def name_of_caller(value: str | None) -> str:
    """The name of a caller, as it is written; a control character in it is a blank."""
    name = known(value)
    return _ESCAPE.sub(_unescaped, name) if "\\" in name else name


def _unescaped(escape: re.Match[str]) -> str:
    return " " if escape[1].isalpha() else escape[1]
