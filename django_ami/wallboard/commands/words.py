"""The words that the scripts of calls and commands show, in the language of the request."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

__all__ = ["outcomes", "states", "strings", "text_of"]


def states() -> dict[str, str]:
    """How far a call is that a visitor has placed."""
    return {
        "waiting": pgettext("of a placed call", "waits for its turn"),
        "dialing": pgettext("of a placed call", "calling you"),
        "ringing": pgettext("of a placed call", "your telephone rings"),
        "picked up": pgettext("of a placed call", "calling"),
        "ringing second": pgettext("of a placed call", "it rings"),
        "answered": pgettext("of a placed call", "talking"),
        "ended": pgettext("of a placed call", "ended"),
        "unknown": pgettext("of a placed call", "asking the server"),
    }


def outcomes() -> dict[str, str]:
    """How a call ended that a visitor has placed."""
    return {
        "answered": pgettext("how a call ended", "talked"),
        "busy": pgettext("how a call ended", "busy"),
        "rejected": pgettext("how a call ended", "rejected"),
        "no answer": pgettext("how a call ended", "no answer"),
        "unavailable": pgettext("how a call ended", "not available"),
        "not found": pgettext("how a call ended", "no such number"),
        "cancelled": pgettext("how a call ended", "cancelled"),
        "failed": pgettext("how a call ended", "failed"),
        "unknown": pgettext("how a call ended", "unknown"),
    }


def text_of(call: dict[str, Any]) -> str:
    """The state or the outcome of a call, as ``placed.as_json`` made it, for people."""
    words, word = (outcomes(), call["outcome"]) if call["ended"] else (states(), call["state"])
    return words.get(word, str(word))


def strings() -> dict[str, Any]:
    """All words of the scripts."""
    return {
        "states": states(),
        "outcomes": outcomes(),
        "talked": _("%(outcome)s, %(time)s"),
        "unreachable": _("The web server does not answer. Try again."),
        "reload": _("You are logged out, or this page is old: load it again."),
        "failed": _("The web server could not do it (%(status)s). Try again."),
        "call": _("Call"),
        "cancel": _("Cancel"),
        "close": _("Close"),
        "ok": _("OK"),
        "hang_up": _("Hang up"),
        **_of_rows(),
        **_of_dialogs(),
    }


def _of_rows() -> dict[str, Any]:
    return {
        "number": _("Number"),
        "actions": {
            "listen": _("Listen to %(name)s"),
            "transfer": _("Transfer %(name)s"),
            "hangup": _("Hang up %(name)s"),
            "pause": _("Pause %(name)s, or let go on"),
        },
        "caller": _("the caller: %(name)s"),
        "callee": _("who was called: %(name)s"),
    }


def _of_dialogs() -> dict[str, Any]:
    return {
        "call_title": _("Call %(number)s"),
        "call_text": _("Your telephone rings first."),
        "hang_up_text": _("End this call for all: %(name)s?"),
        "hung_up": _("Hung up: %(name)s"),
        "transfer": _("Transfer"),
        "transfer_text": _(
            "Send one party of %(name)s to another number. The other one is hung up."
        ),
        "party": _("Send"),
        "to": _("To the number"),
        "transferred": _("Sent to %(number)s"),
        "listen": _("Listen"),
        "listen_text": _("Your telephone rings, and then you hear %(name)s."),
        "listening": _("You hear the call."),
        "mode": _("How"),
        "modes": {
            "spy": _("listen, and nobody hears you"),
            "whisper": _("listen, and speak to one of them"),
            "barge": _("listen, and speak to both"),
        },
        "heard": _("On the side of"),
        "agent_side": _("the agent"),
        "pause": _("Pause"),
        "pause_title": _("Pause %(name)s"),
        "go_on": _("Go on"),
        "go_on_title": _("Let %(name)s go on"),
        "queue": _("Queue"),
        "all_queues": _("all queues"),
        "what": _("What"),
        "reason": _("Reason"),
        "is_paused": _("%(name)s is paused"),
        "goes_on": _("%(name)s takes calls again"),
    }
