"""The words of the pages for what the code says in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import Promise

__all__ = ["COUNTERS", "role", "state"]

#: Of a connection, as ``ServerStatus.state`` says.
_STATES: Final[Mapping[str, Promise]] = {
    "idle": _("not connected"),
    "waiting": _("waits to try again"),
    "connecting": _("connecting"),
    "greeting": _("connecting"),
    "login": _("logging in"),
    "booting": _("Asterisk is starting"),
    "ready": _("ready"),
    "closing": _("logging off"),
    "refused": _("login refused"),
}
_ROLES: Final[Mapping[str, Promise]] = {
    "active": _("delivers"),
    "standby": _("standby"),
    "alone": _("delivers, without a lease"),
}
#: Of a listener that is not heard of any more: another one may deliver by now.
_STALE_ROLES: Final[Mapping[str, Promise]] = {
    "active": _("delivered"),
    "alone": _("delivered, without a lease"),
}
#: The counters of a listener that the pages show, in their order.
COUNTERS: Final[Mapping[str, Promise]] = {
    "received": _("Received"),
    "delivered": _("Delivered"),
    "ignored": _("Ignored"),
    "failed": _("Failed"),
    "dropped": _("Dropped"),
    "queued": _("Waiting"),
    "gaps": _("Gaps"),
    "reconnects": _("Reconnects"),
}


def state(word: str) -> str:
    """The state of a connection."""
    return str(_STATES.get(word, word))


def role(word: str, *, stale: bool) -> str:
    """The part of a listener; that of a stale one is past."""
    words = {**_ROLES, **_STALE_ROLES} if stale else _ROLES
    return str(words.get(word, word))
