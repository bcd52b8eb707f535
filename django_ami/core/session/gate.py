"""An action that comes while its server is not ready: it waits, or is refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.errors import AuthenticationFailed, ConnectionFailed, ConnectionForbidden
from django_ami.core.session.state import UNREACHED, State

if TYPE_CHECKING:
    from django_ami.core.errors import AmiError
    from django_ami.core.request import Request
    from django_ami.core.session.retry import Retry

__all__ = ["Gate"]


class Gate:
    """Refuses actions, and tells them why; keeps those that come while a connection is given up.

    ``retired`` is a sentence if the server takes no actions any more. ``keeping`` is True while
    actions are kept for the next connection: a caller logs off because it had nothing to send, or a
    listener logs in anew for other filters.
    """

    def __init__(self, server: str, retry: Retry) -> None:
        self.retired: str | None = None
        self.keeping = False
        self._server = server
        self._retry = retry
        self._kept: list[Request] = []

    def turns_away(self, request: Request, state: State, now: float) -> bool:
        """True for an action that is refused, or that waits for the next connection."""
        if self.retired is not None:
            self.refuse(request, self.retired)
        elif state is State.REFUSED:
            forbidden = isinstance(self._retry.last_error, ConnectionForbidden)
            kind = ConnectionForbidden if forbidden else AuthenticationFailed
            self.refuse(request, self._why(state, now), kind)
        elif self.keeping:
            # Nobody can know that the last one was idle for too long: it is no error to come just
            # then.
            self._kept.append(request)
        elif state is State.CLOSING or (self._retry.circuit_open and state in UNREACHED):
            self.refuse(request, f"not connected: {self._why(state, now)}")
        else:
            return False
        return True

    def refuse(self, request: Request, why: str, kind: type[AmiError] = ConnectionFailed) -> None:
        """Fail an action that was not sent."""
        text = f"{why} {request.name} was not sent."
        request.fail(kind(text, server=self._server, sent=False))

    def refuse_kept(self, why: str) -> None:
        """Fail the actions that were kept."""
        for request in self.take_kept():
            self.refuse(request, why)

    def take_kept(self) -> list[Request]:
        """The actions that were kept, without those that were cancelled; the log-off is over."""
        self.keeping = False
        kept, self._kept = self._kept, []
        return [request for request in kept if not request.done()]

    def _why(self, state: State, now: float) -> str:
        last_error = self._retry.last_error
        if last_error is None or state is State.CLOSING:
            return "the connection is being closed."
        if state is State.WAITING:
            seconds = max(0.0, self._retry.at - now)
            return f"{last_error.message} Next attempt in {seconds:.1f} s."
        return last_error.message
