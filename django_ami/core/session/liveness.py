"""Whether the server behind one connection is alive, by the messages that come, or do not end.

The parser reads no clock, so the time for which an unfinished message grows is watched here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.health import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.config import Options
    from django_ami.core.correlation import PendingActions
    from django_ami.core.pending import PendingAction
    from django_ami.core.protocol import Parser

__all__ = ["Liveness"]

#: An unfinished message that is not added to for longer, in seconds, does not grow meanwhile.
_LONGEST_GAP_SECONDS: Final = 1.0


class Liveness:
    """The heartbeat of one connection, and the growth of the message that is unfinished.

    ``growing`` is set to False by the reader of a whole message.
    """

    def __init__(
        self, options: Options, parser: Parser, pending: PendingActions, now: float
    ) -> None:
        self.heartbeat = Heartbeat(options.heartbeat_interval, options.read_timeout, now)
        self.growing = False
        #: How long the server took to answer the last Ping, in seconds.
        self.round_trip: float | None = None
        self._pinged_at = now
        self._grown_for = 0.0
        self._grown_at = now
        self._options = options
        self._parser = parser
        self._pending = pending

    def pinged(self, now: float) -> None:
        """A Ping of ours leaves."""
        self._pinged_at = now
        self.heartbeat.pinged(now)

    def ponged(self, ping: PendingAction, now: float) -> None:
        """The Ping is over; it may have an answer."""
        if ping.response is not None:
            self.round_trip = now - self._pinged_at

    def grow(self, now: float) -> str:
        """Bytes came that complete no message.

        Returns what is wrong if they belong to a message that has no end, and swallows the messages
        behind it. An answer may be large, and the link slow: it has as long as its action, see
        ``busy_until``.
        """
        parser = self._parser
        was_growing, self.growing = self.growing, parser.tail.unfinished and not parser.stray
        if was_growing and self.growing:
            self._grown_for += min(now - self._grown_at, _LONGEST_GAP_SECONDS)
        else:
            self._grown_for = 0.0
        self._grown_at = now
        if self._grown_for < self._options.frame_timeout or (
            parser.tail.answering and not parser.tail.swallowed
        ):
            return ""
        what = (
            f"{parser.tail.swallowed} messages are lost in it"
            if parser.tail.swallowed
            else f"{len(parser.tail.buffer)} bytes are held"
        )
        return (
            f"a message has grown for {self._grown_for:.1f} s (option frame_timeout) and has no "
            f"end; {what}. Is there a proxy, or a very old Asterisk?"
        )

    def expire(self, now: float, obstacle: Callable[[], str]) -> None:
        """Fail the actions whose time is over; ``obstacle`` says why one was never sent.

        If the server is seen to be at the action whose time is over, its silence counts anew.
        """
        pending, parser = self._pending, self._parser
        was_overdue, was_listing = pending.order.overdue, pending.list.request is not None
        pending.expire(now, obstacle)
        if pending.order.overdue and not was_overdue:
            is_answering = (
                parser.tail.answering and not parser.tail.discarding and not parser.tail.swallowed
            )
            if was_listing or is_answering:
                self.heartbeat.excuse(now)

    def busy_until(self) -> float | None:
        """The deadline of the action that the server is running, None if there is none."""
        running = self._pending.running()
        # A server that sends a message without end is not silent because it is busy.
        return None if running is None or self._parser.tail.discarding else running.deadline

    def next_deadline(self) -> float:
        """When to ask the server again, or to give it up."""
        return self.heartbeat.next_deadline(self.busy_until)

    def why_lost(self, now: float) -> str:
        """How it is known that the server is lost; empty if it is not."""
        if not self.heartbeat.lost(now, self.busy_until()):
            return ""
        silence = now - self.heartbeat.last_received
        read_timeout, parser = self._options.read_timeout, self._parser
        if silence < read_timeout:
            return (
                f"no Ping was answered within {read_timeout:g} s (option read_timeout), though it "
                "goes on sending: is there a proxy in between?"
            )
        nothing = f"nothing received for {silence:.1f} s (option read_timeout)"
        if now - self._grown_at >= read_timeout / 2:
            return f"{nothing}: the server or the way to it is dead."
        what = (
            f"a message without an end, of which {len(parser.tail.buffer)} bytes are held"
            if parser.tail.unfinished
            else "text that is not a message"
        )
        return f"{nothing} but {what}: is there a proxy in between?"
