"""The answers of a server without a script: yes, in the words of a real one.

And no list has items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core import catalog
from django_ami.simulator.frames import render
from django_ami.simulator.outcomes import tell_outcome
from django_ami.simulator.requests import echo_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.simulator.requests import ReceivedAction

__all__ = ["BANNER", "answer"]

BANNER: Final = b"Asterisk Call Manager/11.0.0\r\n"

Headers = list[tuple[str, str]]

#: The Message of success, as Asterisk 22 words it.
_MESSAGES: Final = {
    "absolutetimeout": "Timeout Set",
    "atxfer": "Atxfer successfully queued",
    "blindtransfer": "Transfer succeeded",
    "bridge": "Channels have been bridged",
    "command": "Command output follows",
    "dbdel": "Key deleted successfully",
    "dbput": "Updated database successfully",
    "filter": "Success",
    "hangup": "Channel Hungup",
    "login": "Authentication accepted",
    "originate": "Originate successfully queued",
    "park": "Park successful",
    "playdtmf": "DTMF successfully queued",
    "queueadd": "Added interface to queue",
    "queuepause": "Interface paused successfully",
    "queueremove": "Removed interface from queue",
    "redirect": "Redirect successful",
    "reload": "Module Reloaded",
    "setvar": "Variable Set",
    "userevent": "Event Sent",
}

#: Further headers of an answer that its caller looks at.
_HEADERS: Final[dict[str, Callable[[ReceivedAction], Headers]]] = {
    "challenge": lambda _: [("Challenge", "123456789")],
    "coresettings": lambda _: [
        ("AMIversion", "11.0.0"),
        ("AsteriskVersion", "22.10.1"),
        ("SystemName", ""),
        ("CoreMaxCalls", "0"),
    ],
    "events": lambda action: [("Events", "Off" if action.get("EventMask") == "off" else "On")],
    "getvar": lambda action: [("Variable", action.get("Variable")), ("Value", "")],
    "ping": lambda _: [("Ping", "Pong"), ("Timestamp", "1795459569.000000")],
}

_FULLY_BOOTED: Final = render(
    [
        ("Event", "FullyBooted"),
        ("Privilege", "system,all"),
        ("Uptime", "1"),
        ("Status", "Fully Booted"),
    ]
)


def answer(action: ReceivedAction, final_event: str | None = None) -> bytes:
    """The answer, and the event that completes the action if the answer does not complete it."""
    name = action.name.lower()
    info = catalog.action(name)
    # Hangup is a list when the channel is a regular expression.
    is_list = (
        info is not None
        and bool(info.items)
        and (name != "hangup" or action.get("Channel").startswith("/"))
    )
    said = render(
        [
            ("Response", "Goodbye" if name == "logoff" else "Success"),
            *echo_of(action),
            *([("EventList", "start")] if is_list else []),
            *([("Message", _MESSAGES[name])] if name in _MESSAGES and not is_list else []),
            *(_HEADERS[name](action) if name in _HEADERS else []),
        ]
    )
    if name == "login":
        return said + _FULLY_BOOTED
    if final_event == "OriginateResponse":
        return said + tell_outcome(action)
    if is_list and info is not None:
        end = info.final_event or f"{info.name}Complete"
        return said + render(
            [("Event", end), *echo_of(action), ("EventList", "Complete"), ("ListItems", "0")]
        )
    return said + (render([("Event", final_event), *echo_of(action)]) if final_event else b"")
