"""States of devices and of hints, as DeviceStateChange and ExtensionStatus tell them.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.changes import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.lists import Lists
    from django_ami.live.parts import Handler, Shared

__all__ = ["Device", "Devices", "Hint"]

#: A device that is no more.
_INVALID: Final = "INVALID"
#: Status of ExtensionStatus (include/asterisk/pbx.h): the hint, or its extension, was removed.
_GONE: Final = frozenset({"-1", "-2"})


@dataclass(frozen=True, slots=True)
class Device:
    """A device and its state as Asterisk spells it: NOT_INUSE, INUSE, BUSY, RINGING, ….

    ``since`` is None if only a list has told of it.
    """

    name: str
    state: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint of the dialplan, the device that it watches, and its status."""

    context: str
    exten: str
    device: str
    #: The number, and its meaning: Idle, InUse, Ringing, ….
    status: int
    text: str
    since: float | None


class _Noted:
    """A device, as the log of changes wants it."""

    __slots__ = ("device",)

    def __init__(self, device: Device) -> None:
        self.device = device

    def snapshot(self) -> Device:
        return self.device


class Devices:
    """The devices and hints of a server: a part of the tracker."""

    def __init__(self, shared: Shared) -> None:
        self._changes = shared.changes
        self._devices: dict[str, Device] = {}
        self._hints: dict[tuple[str, str], Hint] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Which method hears of which event."""
        return {"DeviceStateChange": self._device, "ExtensionStatus": self._hint}

    def seed(self, lists: Lists, now: float) -> None:
        """Take over DeviceStateList: a device that it does not know is no more."""
        if lists.devices is None:
            return
        listed = {item.get("Device", "") for item in lists.devices}
        for name in self._devices.keys() - listed:
            since = self._devices[name].since
            if since is None or since < lists.asked:
                self._set(name, _INVALID, now, now)
        for item in lists.devices:
            name = item.get("Device", "")
            known = name in self._devices
            self._set(name, item.get("State", ""), now if known else None, now)

    @property
    def devices(self) -> Mapping[str, Device]:
        """Every device by its name."""
        return dict(self._devices)

    @property
    def hints(self) -> Mapping[tuple[str, str], Hint]:
        """Every hint by its context and extension, as far as events have told of it."""
        return dict(self._hints)

    def _device(self, event: Event, now: float) -> None:
        self._set(event.get("Device", ""), event.get("State", ""), now, now)

    def _set(self, name: str, state: str, since: float | None, now: float) -> None:
        known = self._devices.get(name)
        if not name or not state or (known is not None and known.state == state):
            return
        device = Device(name, state, since)
        if state != _INVALID:
            self._devices[name] = device
        elif known is not None:
            del self._devices[name]
        else:
            return
        self._changes.note(Kind.DEVICE, _Noted(device), now)

    def _hint(self, event: Event, now: float) -> None:
        key = event.get("Context", ""), event.get("Exten", "")
        status = event.get("Status", "")
        if status in _GONE:
            self._hints.pop(key, None)
            return
        number = whole_number(status)
        known = self._hints.get(key)
        if number is None or (known is not None and known.status == number):
            return
        device, text = event.get("Hint", ""), event.get("StatusText", "")
        self._hints[key] = Hint(*key, device, number, text, now)
