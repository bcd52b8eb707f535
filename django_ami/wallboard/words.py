"""The words that the scripts of the page show, in the language of the request."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

__all__ = ["FORMULAS", "figures", "strings"]

#: Figure → its name and its formula, as docs/queues.md has them.
FORMULAS: Final = {
    "offered": (gettext_noop("Offered"), gettext_noop("joined - short abandons")),
    "answered": (gettext_noop("Answered"), gettext_noop("calls that a member took")),
    "abandoned": (
        gettext_noop("Abandoned"),
        gettext_noop("callers who hung up while they waited, without short abandons"),
    ),
    "service_level": (
        gettext_noop("Service level"),
        gettext_noop("answered within T ÷ (answered + abandoned after T)"),
    ),
    "longest_wait_now": (
        gettext_noop("Longest wait"),
        gettext_noop("now - the oldest join of those who wait"),
    ),
    "occupancy": (
        gettext_noop("Occupancy"),
        gettext_noop("(talk + wrap-up) ÷ (login - pause), of an agent"),
    ),
}


def figures() -> list[dict[str, str]]:
    """The figures of the page with their formulas, in the language of the request."""
    return [
        {"key": key, "name": _(name), "formula": _(formula)}
        for key, (name, formula) in FORMULAS.items()
    ]


def strings() -> dict[str, Any]:
    """All words of the scripts."""
    return {
        "title": _("Wallboard"),
        "today": _("today"),
        "unknown": _("unknown"),
        "place": pgettext("in a queue", "no. %(place)s"),
        "conference": {"locked": _("locked"), "recording": _("recorded")},
        "curve": _("Today: %(offered)s offered, %(answered)s answered, %(abandoned)s abandoned"),
        "breached": _("A caller has waited in %(queue)s for more than %(seconds)s seconds."),
        **_connection(),
        "levels": {
            "warning": pgettext("of a wait", "Long"),
            "critical": pgettext("of a wait", "Too long"),
        },
        "states": _call_states(),
        "outcomes": _outcomes(),
        "agent_states": _agent_states(),
        "servers": {
            "ready": _("ready"),
            "partial": _("incomplete"),
            "away": _("not connected"),
            "stale": _("stale"),
        },
    }


def _connection() -> dict[str, Any]:
    return {
        "connection": {
            "live": _("Live"),
            "stale": _("Stale"),
            "connecting": _("Connecting"),
        },
        "polling": _("updates every %(seconds)s s"),
        "shared": _("through another tab"),
        "refused": _("You are logged out, or may no longer see this page."),
        "silent": _("Nothing heard since %(time)s: what you see is old."),
        "never": _("No connection to the web server yet."),
        "again": _("Trying again."),
        "six": _("A browser opens six connections to a server: close other tabs of this page."),
        "stale": _("%(server)s: stale since %(time)s. What you see of it is old."),
    }


def _call_states() -> dict[str, str]:
    return {
        "dialing": pgettext("of a call", "dialing"),
        "ringing": pgettext("of a call", "ringing"),
        "answered": pgettext("of a call", "talking"),
        "held": pgettext("of a call", "on hold"),
        "queued": pgettext("of a call", "waiting"),
        "parked": pgettext("of a call", "parked"),
        "in conference": pgettext("of a call", "conference"),
        "application": pgettext("of a call", "IVR"),
        "ended": pgettext("of a call", "ended"),
    }


def _outcomes() -> dict[str, str]:
    return {
        "answered": pgettext("how a call ended", "talked"),
        "completed": pgettext("how a call ended", "completed"),
        "busy": pgettext("how a call ended", "busy"),
        "no_answer": pgettext("how a call ended", "no answer"),
        "cancelled": pgettext("how a call ended", "cancelled"),
        "rejected": pgettext("how a call ended", "rejected"),
        "failed": pgettext("how a call ended", "failed"),
        "abandoned": pgettext("how a call ended", "abandoned"),
        "queue_timeout": pgettext("how a call ended", "timeout"),
        "queue_left": pgettext("how a call ended", "left the queue"),
        "voicemail": pgettext("how a call ended", "voicemail"),
        "unknown": pgettext("how a call ended", "unknown"),
    }


def _agent_states() -> dict[str, str]:
    return {
        "offline": pgettext("of an agent", "offline"),
        "paused": pgettext("of an agent", "paused"),
        "available": pgettext("of an agent", "available"),
        "ringing": pgettext("of an agent", "ringing"),
        "talking": pgettext("of an agent", "talking"),
        "talking_other": pgettext("of an agent", "other call"),
        "wrap_up": pgettext("of an agent", "wrap-up"),
        "unreachable": pgettext("of an agent", "unreachable"),
    }
