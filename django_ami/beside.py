"""The threads beside the one that delivers: those of other receivers, and that of the forwarder.

Rule: the thread that delivers hands on, and waits for none of them but at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.signals.sending import send, send_notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.conf import Parallel
    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.counters import Counts
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Gap, Notice
    from django_ami.forwarding.forwarder import Forwarder
    from django_ami.parallel.spreading import Spreading
    from django_ami.signals.classes import RobustSignal

__all__ = ["Beside"]

#: At the end, how long one look at them takes.
_LINGER_SECONDS = 0.05


class Beside:
    """The parts with threads of their own: ``spreading`` and ``forwarder``, if they are there.

    ``sender`` gives the sender of a server's signals, by its name.
    """

    def __init__(
        self, client: Client, sender: Callable[[str], ServerHandle], forwarder: Forwarder | None
    ) -> None:
        self._client = client
        self._sender = sender
        self.forwarder = forwarder
        self.spreading: Spreading | None = None
        #: Whether receivers of events run in this process.
        self.local = forwarder is None or forwarder.local
        #: Counts events that other threads have had.
        self.settle: Callable[[str, Counts], None] = (
            client.inbox.settle if forwarder is None else forwarder.settle_local
        )

    def start(self, parallel: Parallel, serves: Callable[[str], bool]) -> None:
        """Begin; ``serves`` says whether a server's events may be delivered now."""
        if parallel.workers > 1:
            from django_ami.parallel.spreading import Spreading  # most projects never need it

            self.spreading = Spreading(
                self._client,
                parallel,
                sender=self._sender,
                serves=serves,
                send_gap=self._send_gap,
                settle=self.settle,
            )
        if self.forwarder is not None:
            self.forwarder.start(serves)

    @property
    def _all(self) -> list[Spreading | Forwarder]:
        return [one for one in (self.spreading, self.forwarder) if one is not None]

    def __bool__(self) -> bool:
        return self.spreading is not None or self.forwarder is not None

    def interest(self, local: frozenset[str] | None) -> frozenset[str] | None:
        """The events that the client is to read if receivers want these; None is every event."""
        wanted = local if self.forwarder is None else self.forwarder.interest(local)
        return wanted | self.spreading.wanted if wanted and self.spreading is not None else wanted

    @property
    def busy(self) -> bool:
        """True while receivers run in other threads."""
        return self.spreading is not None and self.spreading.busy

    def refill(self, may_release: Callable[[str], bool]) -> None:
        """Take events again of servers for which there is room now."""
        for one in self._all:
            one.refill(may_release)

    def is_full(self, server: str) -> bool:
        """True if nothing of a server is taken, for want of room."""
        return any(one.is_full(server) for one in self._all)

    def barrier(self, notice: Notice) -> bool:
        """Wait for the events before a notice; False if the lease was over before that."""
        return self.spreading is None or self.spreading.barrier(notice)

    def discard(self, server: str) -> None:
        """Another process delivers: the events of a server that wait are counted as dropped."""
        for one in self._all:
            one.discard(server)

    def linger(self) -> int:
        """At the end, wait for them a little: 1 if they have something left."""
        return max((one.linger(_LINGER_SECONDS) for one in self._all), default=0)

    def end(self, deadline: float) -> None:
        """Let them finish until then, by ``time.monotonic``, and end them."""
        for one in self._all:
            one.end(deadline)

    def _send_gap(self, gap: Gap, receivers: Receivers) -> None:
        """From the thread whose receivers these are."""
        send_notice(receivers, gap, self._sender(gap.server))

    def change(
        self, signal: RobustSignal, sender: ServerHandle, name: str, **named: object
    ) -> None:
        """Send the signal of a change in a live picture."""
        if self.spreading is None:
            send(self._client.receivers, signal, sender, name, **named)
        else:
            self.spreading.tell(
                sender.name,
                named,
                lambda receivers: send(receivers, signal, sender, name, **named),
            )
