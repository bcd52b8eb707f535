"""The actions that were sent, and the rules for their answers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, overload

from django_ami.simulator.script import Rule, Script
from django_ami.testing.assertions import Sent

if TYPE_CHECKING:
    from django_ami.core.messages import Event
    from django_ami.simulator.requests import ReceivedAction
    from django_ami.testing.events.factory import HeaderValue
    from django_ami.testing.live import Pictures
    from django_ami.testing.recording import Recording

__all__ = ["Outbox", "outbox"]

#: A site that runs with this backend for long keeps so many actions.
_MOST_ACTIONS: Final = 10_000
_REFUSED: Final = (
    "connection refused: does Asterisk run, with enabled = yes and this port in manager.conf?"
)


@dataclass
class _Content:
    sent: deque[ReceivedAction] = field(default_factory=lambda: deque(maxlen=_MOST_ACTIONS))
    script: Script = field(default_factory=Script)
    down: dict[str | None, str] = field(default_factory=dict)
    #: The live pictures of the events that were delivered; None before the first one.
    pictures: Pictures | None = None


class Outbox(Sequence["ReceivedAction"], Sent):
    """The actions that were sent, in their order, each as it would have gone over the wire.

    The newest 10,000 of them.

    ::

        action = ami_outbox.assert_action_sent("Originate", Channel="PJSIP/101")
        ami_outbox.on("Originate").fail("Permission denied").once()
        ami_outbox.down("node_1")                       # ConnectionFailed; nothing is sent
        ami_outbox.emit("Hangup", Channel="PJSIP/101-00000001")
    """

    def __init__(self) -> None:
        self._content = _Content()

    # --- the actions ---

    @overload
    def __getitem__(self, index: int) -> ReceivedAction: ...
    @overload
    def __getitem__(self, index: slice) -> list[ReceivedAction]: ...
    def __getitem__(self, index: int | slice) -> ReceivedAction | list[ReceivedAction]:
        return list(self._content.sent)[index]

    def __len__(self) -> int:
        return len(self._content.sent)

    def __repr__(self) -> str:
        return f"<Outbox of {', '.join(action.name for action in self) or 'nothing'}>"

    def _actions(self) -> Iterable[ReceivedAction]:
        return tuple(self._content.sent)

    def clear(self) -> None:
        """Forget the actions, the scripted answers, and the servers that are down."""
        self._content = _Content()

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Begin with an empty one; in the end all is as it was before."""
        before, self._content = self._content, _Content()
        try:
            yield
        finally:
            self._content = before

    # --- the answers ---

    def on(self, action: str, *, server: str | None = None) -> Rule:
        """Script the answers to an action (``*``: to every action), of one server or of all.

        The newest rule answers.

        The same rules as those of FakeAsterisk: ``.reply(...)``, ``.fail("Permission denied")``,
        ``.items(...)``, ``.outcome("busy")``, ``.hang()`` (ActionTimeout), ``.drop()``
        (ConnectionLost), ``.after(seconds)``, ``.once()`` and so on.
        """
        rule = self._content.script.on(action)
        return rule if server is None else rule.when(lambda sent: sent.server == server)

    def down(self, server: str | None = None, why: str = _REFUSED) -> None:
        """A server, or every one, cannot be reached from the next connection on.

        Links that are up end.
        """
        self._content.down[server] = why

    def up(self, server: str | None = None) -> None:
        """The server, or every one, can be reached again."""
        self._content.down.pop(server, None)
        if server is None:
            self._content.down.clear()

    # --- events ---

    def emit(
        self,
        event: str | Event,
        headers: Mapping[str, HeaderValue] | None = None,
        /,
        *,
        server: str | None = None,
        **more: HeaderValue,
    ) -> None:
        """Deliver an event to the receivers of django_ami.signals, now and in this thread.

        The receivers of ``call_ended`` and the other signals of the live picture are called, too.
        Either an event of :mod:`django_ami.testing.events`, or a name and some headers, from which
        one is made. ``server`` is whose event it is: by default the one that it names itself, or
        the default server. An exception of a receiver is raised here. Needs Django.
        """
        from django_ami.testing.receivers import deliver

        deliver(self._pictures(), event, headers, server=server, **more)

    def play(
        self, recording: Recording, *, server: str | None = None, speed: float = math.inf
    ) -> None:
        """Deliver all events of a scenario or a recording so.

        ``speed`` 1: in the time that they took.
        """
        from django_ami.testing.receivers import play

        play(recording, pictures=self._pictures(), server=server, speed=speed)

    async def aemit(
        self,
        event: str | Event,
        headers: Mapping[str, HeaderValue] | None = None,
        /,
        *,
        server: str | None = None,
        **more: HeaderValue,
    ) -> None:
        """``emit`` for asynchronous tests: asynchronous receivers run in the running event loop."""
        from django_ami.testing.receivers import adeliver

        await adeliver(self._pictures(), event, headers, server=server, **more)

    async def aplay(
        self, recording: Recording, *, server: str | None = None, speed: float = math.inf
    ) -> None:
        """``play`` for asynchronous tests."""
        from django_ami.testing.receivers import aplay

        await aplay(recording, pictures=self._pictures(), server=server, speed=speed)

    def _pictures(self) -> Pictures:
        from django_ami.testing.live import Pictures

        if self._content.pictures is None:
            self._content.pictures = Pictures()
        return self._content.pictures

    # --- for the servers ---

    def why_down(self, server: str) -> str | None:
        """Why a server cannot be reached; None if it can."""
        down = self._content.down
        return down.get(server, down.get(None))

    def note(self, action: ReceivedAction) -> Rule | None:
        """An action has arrived: keep it, and say who answers it."""
        self._content.sent.append(action)
        return self._content.script.find(action)


#: The one of this process.
outbox: Final = Outbox()
