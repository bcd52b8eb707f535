"""The people at the telephones of the simulated Asterisk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.actions import BlindTransfer, Hangup, Originate, QueuePause
from django_ami.core import Client, ServerConfig

if TYPE_CHECKING:
    from django_ami.actions import Action
    from django_ami.core.messages import Response
    from django_ami.testing import FakeAsterisk, Recording

__all__ = ["Phones", "Story"]

_PATIENCE_SECONDS = 10.0


class Story:
    """A recorded call that goes on as the test tells it to."""

    def __init__(self, server: FakeAsterisk, recording: Recording) -> None:
        self._server = server
        self._moments = iter(recording)

    def until(self, name: str, **headers: str) -> None:
        """Send its events up to the next one of this name with these headers."""
        for moment in self._moments:
            self._server.emit(moment.event)
            wanted = moment.event.name == name
            if wanted and all(moment.event.get(key) == value for key, value in headers.items()):
                return
        raise AssertionError(f"the call has no more {name} with {headers}")

    def to_the_end(self) -> None:
        """Send the rest."""
        for moment in self._moments:
            self._server.emit(moment.event)


class Phones:
    """Calls that the server really has: they are in its lists, and end when they are hung up."""

    def __init__(self, server: FakeAsterisk) -> None:
        self._client = Client([ServerConfig.from_url("phones", server.url)], role="caller")
        self._client.start()

    def close(self) -> None:
        """Hang up nothing; log off."""
        self._client.close()

    def call(self, caller: str, exten: str, device: str = "PJSIP/trunk") -> None:
        """Somebody with this number calls an extension, which may be the name of a queue."""
        self._send(
            Originate(
                channel=device,
                context="default",
                exten=exten,
                priority=1,
                caller_id=caller,
            )
        )

    def confer(self, caller: str, conference: str, device: str = "PJSIP/trunk") -> None:
        """Somebody with this number goes into a conference."""
        self._send(
            Originate(channel=device, application="ConfBridge", data=conference, caller_id=caller)
        )

    def pause(self, interface: str, queue: str, *, paused: bool = True) -> None:
        """A member of a queue goes for a while, or comes back."""
        self._send(QueuePause(interface=interface, queue=queue, paused=paused))

    def hang_up(self, channels: str) -> None:
        """All people whose channel this regular expression finds hang up."""
        self._send(Hangup(channel=f"/{channels}/"))

    def transfer(self, channel: str, exten: str) -> None:
        """The one with this channel sends the other one on."""
        self._send(BlindTransfer(channel=channel, context="default", exten=exten))

    def _send(self, action: Action) -> Response:
        return self._client.send(action).result(_PATIENCE_SECONDS)
