"""Metrics of the forwarding onto an engine, in the process of a listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.running import running

if TYPE_CHECKING:
    from django_ami.contrib.prometheus.families import Sheet

__all__ = ["fill_forwarding"]

#: By family, the attribute of the status that it shows.
_PLAIN: Final = {
    "ami_outlet_up": "up",
    "ami_forwarded_events_total": "forwarded",
    "ami_forwarded_unsafe": "unsafe",
    "ami_spool_events": "spool_events",
    "ami_spool_bytes": "spool_bytes",
    "ami_spool_limit_bytes": "spool_most_bytes",
    "ami_spool_dropped_total": "dropped",
    "ami_spool_dropped_important_total": "dropped_important",
    "ami_spool_lost_batches_total": "lost",
}


def fill_forwarding(sheet: Sheet) -> None:
    """The forwarder of this process, if it has one."""
    dispatcher = running()
    if dispatcher is None or dispatcher.forwarder is None:
        return
    status = dispatcher.forwarder.status()
    for family, attribute in _PLAIN.items():
        sheet.add(family, getattr(status, attribute))
