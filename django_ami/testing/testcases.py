"""For those who write ``TestCase``: a mixin that gives each test an outbox."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django_ami.testing.override import override_ami

if TYPE_CHECKING:
    from collections.abc import Mapping
    from unittest import TestCase

    from django_ami.core.messages import Event
    from django_ami.simulator import ReceivedAction
    from django_ami.testing.assertions import Expected
    from django_ami.testing.events.factory import HeaderValue
    from django_ami.testing.locmem.outbox import Outbox
    from django_ami.testing.recording import Recording

    _Base = TestCase
else:
    _Base = object

__all__ = ["AmiTestMixin"]


class AmiTestMixin(_Base):
    """No server: actions of a test land in ``self.ami_outbox``, which is empty at its beginning.

    ::

        class CallTest(AmiTestMixin, TestCase):
            def test_click_to_call(self):
                self.client.post("/call/", {"extension": "101"})
                self.assertActionSent("Originate", Channel="PJSIP/101")
    """

    ami_outbox: Outbox

    def setUp(self) -> None:
        """Begin with an empty outbox."""
        override = override_ami()
        self.ami_outbox = override.enable()
        self.addCleanup(override.disable)
        super().setUp()

    def assertActionSent(  # noqa: N802  (as unittest has it)
        self,
        action: str,
        headers: Mapping[str, Expected] | None = None,
        /,
        *,
        count: int | None = None,
        **more: Expected,
    ) -> ReceivedAction:
        """See :meth:`~django_ami.testing.assertions.Sent.assert_action_sent`."""
        return self.ami_outbox.assert_action_sent(action, {**(headers or {}), **more}, count=count)

    def assertActionNotSent(  # noqa: N802
        self, action: str, headers: Mapping[str, Expected] | None = None, /, **more: Expected
    ) -> None:
        """See :meth:`~django_ami.testing.assertions.Sent.assert_action_not_sent`."""
        self.ami_outbox.assert_action_not_sent(action, headers, **more)

    def emit(
        self,
        event: str | Event,
        headers: Mapping[str, HeaderValue] | None = None,
        /,
        *,
        server: str | None = None,
        **more: HeaderValue,
    ) -> None:
        """Deliver an event to its receivers, now.

        See :meth:`~django_ami.testing.locmem.outbox.Outbox.emit`.
        """
        self.ami_outbox.emit(event, headers, server=server, **more)

    def play(
        self, recording: Recording, *, server: str | None = None, speed: float = math.inf
    ) -> None:
        """Deliver all events of a scenario or a recording, now."""
        self.ami_outbox.play(recording, server=server, speed=speed)

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
        await self.ami_outbox.aemit(event, headers, server=server, **more)

    async def aplay(
        self, recording: Recording, *, server: str | None = None, speed: float = math.inf
    ) -> None:
        """``play`` for asynchronous tests."""
        await self.ami_outbox.aplay(recording, server=server, speed=speed)
