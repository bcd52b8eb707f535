"""Sends signals to their receivers, guarded and one by one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django_ami import signals
from django_ami.core.session import Gap, Lost, Ready

if TYPE_CHECKING:
    from django_ami.core.client import ServerHandle
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice
    from django_ami.signals.classes import RobustSignal

__all__ = ["send", "send_notice"]


def send(
    receivers: Receivers, signal: RobustSignal, sender: ServerHandle, name: str, /, **named: object
) -> None:
    """Call the receivers of a signal; ``receivers`` are the statistics of this thread."""
    for call, _, _ in signal.calls(sender):
        receivers.guard(call, sender, named, item=f"{name} of {sender.name}")


def send_notice(receivers: Receivers, notice: Notice, sender: ServerHandle) -> None:
    """Send the signal of a notice, if it has one."""
    match notice:
        case Ready():
            send(receivers, signals.server_ready, sender, "server_ready", again=notice.again)
        case Lost(was_ready=True, last_event_at=last):
            send(
                receivers,
                signals.server_lost,
                sender,
                "server_lost",
                error=notice.error,
                retry_in=notice.retry_in,
                last_event_at=None if last is None else _moment(last),
                missing=notice.missing,
            )
        case Gap():
            end = _moment(notice.end)
            send(
                receivers,
                signals.gap,
                sender,
                "gap",
                begin=end - timedelta(seconds=notice.end - notice.begin),
                end=end,
                reason=notice.reason,
                lost=notice.lost,
            )


def _moment(at: float) -> datetime:
    """A moment of the reactor's clock as a time that is the same everywhere."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - at)
