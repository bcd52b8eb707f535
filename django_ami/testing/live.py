"""The live pictures of the servers whose events a test delivers, as ``ami_listen`` has them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django_ami import conf, pictures, signals
from django_ami.live.picture import Picture
from django_ami.live.tracker import Tracker

if TYPE_CHECKING:
    from django_ami.core.messages import Event
    from django_ami.live.changes import Change

__all__ = ["Pictures"]

#: How far time may go on before a picture is told, as in ``ami_listen``.
_TICK_SECONDS: Final = 1.0


class Pictures:
    """One picture for each server, fed by the events that are delivered.

    Time in them is that of the events: a scenario of a minute takes a minute, however fast it is
    played. Raises ConfigurationError if the setting AMI_LIVE is wrong.
    """

    def __init__(self) -> None:
        self._options = conf.read_live()
        self._trackers: dict[str, Tracker] = {}
        self._inferred: dict[str, list[Change]] = {}
        self._now = self._ticked = 0.0

    @property
    def now(self) -> float:
        """The Unix time in the pictures; later than the clock's behind a scenario."""
        self._now = max(self._now, time.time())
        return self._now

    def picture(self, name: str) -> Picture:
        """The picture of a server, for receivers to look at."""
        published = partial(pictures.published_picture, name)
        return Picture(lambda: self._tracker(name), lambda: self._now, lambda: True, published)

    def note(self, event: Event, at: float) -> None:
        """An event has come at that Unix time; at the last one, if that is later."""
        self._now = max(self._now, at)
        if self._now >= self._ticked + _TICK_SECONDS:
            self._ticked = self._now
            for name, tracker in self._trackers.items():
                self._inferred.setdefault(name, []).extend(tracker.tick(self._now))
        self._tracker(event.server).note(event, self._now)

    def changes(self, server: str) -> list[tuple[signals.LiveSignal, dict[str, Any]]]:
        """Give the changes: each signal that has receivers, and their arguments."""
        kinds = {kind for kind, signal in signals.LIVE.items() if signal.receivers}
        changes = (*self._inferred.pop(server, ()), *self._tracker(server).take(kinds))
        found = ((signals.LIVE[change.kind], change) for change in changes if change.kind in kinds)
        return [
            (signal, {signal.argument: change.subject, "inferred": change.inferred})
            for signal, change in found
        ]

    def _tracker(self, name: str) -> Tracker:
        return self._trackers.setdefault(name, Tracker(name, self._options))
