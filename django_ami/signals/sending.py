"""Sends signals to their receivers, guarded and one by one.

Rule: with ``AMI_FORWARD`` receivers run where events are consumed; those ``of_listener`` run in the
listener, whose picture or connection they are about.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django_ami import signals
from django_ami.core.session import Gap, Lost, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core.client import ServerHandle
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice
    from django_ami.signals.classes import RobustSignal

__all__ = ["moment", "of_listener", "send", "send_forwarded", "send_notice"]

Receiver = TypeVar("Receiver", bound="Callable[..., Any]")
_of_listener: set[Callable[..., Any]] = set()


def of_listener(receiver: Receiver) -> Receiver:
    """Have a receiver hear of a server's connection in the listener alone. A decorator."""
    _of_listener.add(receiver)
    return receiver


def send(
    receivers: Receivers, signal: RobustSignal, sender: ServerHandle, name: str, /, **named: object
) -> None:
    """Call the receivers of a signal; ``receivers`` are the statistics of this thread."""
    _send(receivers, signal, sender, name, named)


def send_forwarded(
    receivers: Receivers, signal: RobustSignal, sender: ServerHandle, name: str, /, **named: object
) -> None:
    """Call the receivers of a signal where it was forwarded to: not those of the listener."""
    _send(receivers, signal, sender, name, named, lambda one: one not in _of_listener)


def _send(
    receivers: Receivers,
    signal: RobustSignal,
    sender: ServerHandle,
    name: str,
    named: Mapping[str, object],
    belongs: Callable[[Callable[..., Any]], bool] = lambda _: True,
) -> None:
    for call, function, _ in signal.calls(sender):
        if belongs(function):
            receivers.guard(call, sender, named, item=f"{name} of {sender.name}")


def send_notice(
    receivers: Receivers, notice: Notice, sender: ServerHandle, *, forwarded: bool = False
) -> None:
    """Send the signal of a notice, if it has one.

    If it is ``forwarded``, the receivers of the listener alone hear of it here.
    """
    match notice:
        case Ready():
            name, named = "server_ready", dict[str, object](again=notice.again)
        case Lost(was_ready=True, last_event_at=last):
            name = "server_lost"
            named = {
                "error": notice.error,
                "retry_in": notice.retry_in,
                "last_event_at": None if last is None else moment(last),
                "missing": notice.missing,
            }
        case Gap():
            name = "gap"
            end = moment(notice.end)
            named = {
                "begin": end - timedelta(seconds=notice.end - notice.begin),
                "end": end,
                "reason": notice.reason,
                "lost": notice.lost,
            }
        case _:
            return
    if forwarded:
        _send(
            receivers, getattr(signals, name), sender, name, named, lambda one: one in _of_listener
        )
    else:
        _send(receivers, getattr(signals, name), sender, name, named)


def moment(at: float) -> datetime:
    """A moment of the reactor's clock as a time that is the same everywhere."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - at)
