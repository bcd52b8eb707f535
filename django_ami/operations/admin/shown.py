"""The servers in the words of the page: it is drawn from them, and kept fresh with them.

Rule: all words come from here, so that the script puts them in their places and knows no format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_ami.operations.admin.words import COUNTERS, role, state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django_ami.core.client import ServerStatus
    from django_ami.listeners import ListenerStatus
    from django_ami.operations.models import Listener
    from django_ami.operations.overview import LeaseStatus, ServerOverview

__all__ = ["moment", "shown", "summary", "where"]


def shown(servers: Sequence[ServerOverview]) -> list[dict[str, Any]]:
    """Each server, for the template and for JSON: all values are words."""
    return [_server(server) for server in servers]


def summary(servers: Sequence[ServerOverview]) -> str:
    """One line on all of them."""
    silent = [server.name for server in servers if not server.delivering]
    if silent:
        return _("No events are delivered of: %(names)s") % {"names": ", ".join(silent)}
    return ngettext(
        "The events of %(count)d server are delivered.",
        "The events of all %(count)d servers are delivered.",
        len(servers),
    ) % {"count": len(servers)}


def moment(when: datetime | None) -> str:
    """A time of today, or a date with it, in the time zone of the visitor."""
    if when is None:
        return ""
    local = _local(when)
    time = formats.date_format(local, "H:i:s")
    if local.date() == _local(timezone.now()).date():
        return time
    return f"{formats.date_format(local.date(), 'SHORT_DATE_FORMAT')} {time}"


def _local(when: datetime) -> datetime:
    return timezone.localtime(when) if timezone.is_aware(when) else when  # without USE_TZ


def where(one: ListenerStatus | Listener) -> str:
    """The machine and the process of a listener."""
    return _("%(host)s, process %(pid)d") % {"host": one.host, "pid": one.pid}


def _server(server: ServerOverview) -> dict[str, Any]:
    health, text = _state(server)
    lease = server.lease
    return {
        "name": server.name,
        "health": health,
        "token": lease.token if lease is not None and lease.is_held else None,
        "cells": {
            "state": text,
            "address": _address(server.here),
            "asterisk": server.told("asterisk_version") or _told_here(server, "asterisk_version"),
            "ami": server.told("ami_version") or _told_here(server, "ami_version"),
            "latency": _latency(server.told("ping_round_trip")),
            "lease": _lease(lease),
            "handover": _handover(lease),
            "here": _here(server.here),
        },
        "listeners": [_listener(one) for one in server.listeners],
    }


def _state(server: ServerOverview) -> tuple[str, str]:
    """``good``, ``bad`` or ``odd``, and the words for it."""
    delivering = server.delivering
    if len(delivering) > 1:
        return "odd", _("several listeners deliver: every event comes more than once")
    if delivering:
        return "good", _("delivers")
    if not server.listeners:
        return "bad", _("no listener runs")
    if all(one.stale for one in server.listeners):
        return "bad", _("no listener is heard of")
    return "bad", _("no listener delivers")


def _address(here: ServerStatus | None) -> str:
    if here is None:
        return _("not in the settings of this site")
    return f"{here.address} (TLS)" if here.tls else here.address


def _told_here(server: ServerOverview, field: str) -> str:
    return "" if server.here is None else str(getattr(server.here, field))


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return _("%(milliseconds)s ms") % {
        "milliseconds": formats.number_format(seconds * 1000, decimal_pos=1)
    }


def _lease(lease: LeaseStatus | None) -> str:
    if lease is None:
        return _("none: no listener was started with --standby")
    if not lease.is_held:
        return _("nobody has it")
    return _("%(holder)s, token %(token)d, since %(since)s") % {
        "holder": lease.holder_name,
        "token": lease.token,
        "since": moment(lease.acquired),
    }


def _handover(lease: LeaseStatus | None) -> str:
    if lease is None or not lease.is_held or lease.requested is None:
        return ""
    return _("%(user)s has asked for it at %(time)s: the holder sees that within seconds") % {
        "user": lease.requested_by,
        "time": moment(lease.requested),
    }


def _here(here: ServerStatus | None) -> str:
    if here is None:
        return ""
    words = state(here.state)
    if here.pending_actions:
        words += ", " + ngettext(
            "%(count)d action under way", "%(count)d actions under way", here.pending_actions
        ) % {"count": here.pending_actions}
    return words


def _listener(one: ListenerStatus) -> dict[str, Any]:
    if one.stale:
        said = _("not heard of since %(time)s") % {"time": moment(one.seen)}
    else:
        said = _("%(state)s since %(time)s") % {
            "state": state(one.state),
            "time": moment(one.since),
        }
    counts = {
        name: formats.number_format(one.counters.get(name, 0), use_l10n=True, force_grouping=True)
        for name in COUNTERS
    }
    return {
        # In a container each is process 1: one that was killed has left its row.
        "key": f"{one.host} {one.pid} {one.started.timestamp():.3f}",
        "health": "bad" if one.stale else "good" if one.state == "ready" else "odd",
        "cells": {
            "where": where(one),
            "role": role(one.role, stale=one.stale),
            "state": said,
            **counts,
            "version": one.version,
            "error": one.last_error,
        },
    }
