"""The recorder and the keeper of this process, and the receivers that tell them of calls."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any

from django_ami.calls.keeping import Keeper
from django_ami.calls.recorder import Recorder
from django_ami.core.session import GapReason
from django_ami.signals.sending import of_listener

if TYPE_CHECKING:
    from django_ami.core.client import ServerHandle
    from django_ami.live.snapshots import Call

__all__ = ["keeper", "on_call_ended", "on_gap", "on_lost", "on_ready", "recorder"]

#: By process: that of a parent is in a forked child, too. No lock, which a fork could leave locked.
_recorders: dict[int, Recorder] = {}
_keepers: dict[int, Keeper] = {}


def recorder() -> Recorder:
    """The one recorder of this process. It is closed at the exit.

    Raises ConfigurationError if AMI_CALLS cannot be used.
    """
    process = os.getpid()
    found = _recorders.get(process)
    if found is None:
        found = _recorders.setdefault(process, Recorder())
        atexit.register(found.close)
    return found


def keeper() -> Keeper:
    """The one keeper of this process. Raises ConfigurationError if AMI_CALLS cannot be used."""
    process = os.getpid()
    found = _keepers.get(process)
    if found is None:
        found = _keepers.setdefault(process, Keeper(lambda: recorder().status))
        atexit.register(found.close)
    return found


def on_call_ended(sender: Any, call: Call, *, played: bool = False, **kwargs: Any) -> None:  # noqa: ARG001  (as Django calls)
    """A receiver: have the call written. It never waits.

    A call that a test or ``ami_replay --receivers`` has ``played`` is not kept.
    """
    if not played:
        recorder().put(call)


@of_listener
def on_ready(sender: ServerHandle, **kwargs: Any) -> None:  # noqa: ARG001  (as Django calls)
    """A receiver: from now on the server is heard."""
    keeper().hear(sender.name, sender.lease)


@of_listener
def on_lost(sender: ServerHandle, **kwargs: Any) -> None:  # noqa: ARG001  (as Django calls)
    """A receiver: the server is heard no more, or another process hears it."""
    keeper().miss(sender.name)


@of_listener
def on_gap(sender: ServerHandle, reason: GapReason, **kwargs: Any) -> None:  # noqa: ARG001
    """A receiver: events were dropped, and from now on they come again."""
    if reason is GapReason.OVERLOAD:
        keeper().hear(sender.name, sender.lease)
