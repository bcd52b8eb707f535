"""The write buffer of one connection: the bytes that wait, those that have left, those in doubt.

Rule: an action is safe to repeat only if none of its bytes can have left. A byte in doubt counts as
one that has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.errors import AmiError, Backpressure, ConnectionFailed, ConnectionLost

if TYPE_CHECKING:
    from django_ami.core.request import Request

__all__ = ["Outgoing"]


class Outgoing(bytearray):
    """The bytes that wait to be written. Its owner deletes written bytes at its front.

    ``queued`` counts all bytes that were ever queued on this connection. It is a bytearray, so
    that an action is queued and written without a further call: add to both.
    """

    __slots__ = ("_doubted", "queued")

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """A new connection: nothing waits, and nothing has left."""
        self.clear()
        self.queued = self._doubted = 0

    def doubt(self) -> None:
        """From now on all queued bytes count as sent: they may have left."""
        self._doubted = self.queued

    def may_have_left(self, request: Request) -> bool:
        """True if a byte of the action has left, or is in doubt."""
        position = request.position
        return position is not None and position < max(self.queued - len(self), self._doubted)

    def refusal_of(self, request: Request) -> Backpressure:
        """The error of an action for which too many bytes wait."""
        return Backpressure(
            f"the server does not read: {len(self)} bytes are waiting (option "
            f"write_buffer_limit); {request.name} was not sent.",
            server=request.server,
        )

    def error_of(self, request: Request, cause: AmiError) -> AmiError:
        """The error of an action under way when its connection ends because of ``cause``."""
        sent = self.may_have_left(request)
        if isinstance(cause, ConnectionFailed) and not sent:
            text = f"{cause.message} {request.name} was not sent."
            return type(cause)(text, server=cause.server, sent=False)
        advice = (
            "it may have been carried out: look before you repeat it."
            if sent
            else "it was not sent."
        )
        text = f"{cause.message} {request.name} was under way; {advice}"
        return ConnectionLost(text, server=cause.server, sent=sent)
