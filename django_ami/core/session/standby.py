"""A listener on standby: it is logged in with its events off, since another process delivers them.

Rule: the first event that is ours stands behind the notice that says so. A connection that is
logging in is changed when it is ready.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django_ami.core.actions import Events
from django_ami.core.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.pending import PendingAction
    from django_ami.core.session.exchange import Exchange, Observer
    from django_ami.core.session.hearing import Hearing
    from django_ami.core.session.login import Handshake
    from django_ami.core.session.state import Notice, TookOver

__all__ = ["Standby"]


class Standby:
    """Turns the events of one server off and on, over all its connections.

    ``tell`` gives notices to the application.
    """

    def __init__(
        self,
        exchange: Exchange,
        hearing: Hearing,
        observer: Observer,
        tell: Callable[[Iterable[Notice]], None],
    ) -> None:
        #: True while another process delivers the events.
        self.is_on = False
        self._exchange = exchange
        self._hearing = hearing
        self._observer = observer
        self._tell = tell
        #: Told with the first connection whose events are on.
        self._takeover: TookOver | None = None

    def succeed(self, predecessor: Standby) -> None:
        """Go on in the place of a session of the same server that had other settings.

        A takeover that the predecessor has not told, since it never reached the server, is told
        here.
        """
        if not self.is_on and self._takeover is None:
            self._takeover = predecessor._takeover

    def begin(self, handshake: Handshake, *, ready: bool) -> None:
        """Another process delivers the events from now on."""
        self.is_on = True
        self._takeover = None
        self._hearing.pause()
        if ready:
            self._apply(handshake)

    def end(
        self, handshake: Handshake, takeover: TookOver, heard_until: float | None, *, ready: bool
    ) -> None:
        """This process delivers them; see ``Hearing.resume``."""
        self.is_on = False
        self._takeover = takeover
        self._hearing.resume(heard_until)
        if ready:
            self._apply(handshake)

    def logged_in(self, handshake: Handshake, now: float) -> None:
        """The login was accepted; unless its events are off, they come."""
        if not handshake.silent:
            self._begin(now)

    def ready(self, handshake: Handshake) -> None:
        """Something may have changed during the login."""
        if handshake.silent is not self.is_on:
            self._apply(handshake)

    def _begin(self, now: float) -> None:
        takeover, self._takeover = self._takeover, None
        gaps = self._hearing.begin(now)
        self._tell(gaps if takeover is None else [takeover, *gaps])

    def _apply(self, handshake: Handshake) -> None:
        handshake.silent = self.is_on
        answered = partial(self._flowing, handshake, self._takeover)
        self._exchange.ask(Events(handshake.mask), answered)

    def _flowing(
        self, handshake: Handshake, takeover: TookOver | None, answer: PendingAction
    ) -> None:
        """Events come from now on, unless it was decided otherwise meanwhile."""
        if takeover is None or takeover is not self._takeover:
            return
        error = answer.exception(0)
        if error is not None:
            text = f"its events cannot be turned on: {error}"
            self._observer.broken(ConnectionLost(text, server=takeover.server))
            return
        self._begin(self._exchange.now)
        self._tell([handshake.ready(again=True, listens=False)._replace(took_over=True)])
