"""A call, as a user holds it: to end it is a matter of the user's rights, too."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django_ami.core.arguments import callable_of
from django_ami.core.client import OriginatedCall

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from django_ami.core.call_outcome import CallOutcome
    from django_ami.core.client.originated import Awaited
    from django_ami.core.errors import AmiError
    from django_ami.core.progress import OriginateState
    from django_ami.core.timeouts import Timeout

__all__ = ["UserCall"]


class UserCall(OriginatedCall):
    """A call that all looks through; ``hang_up`` ends it for the user, or refuses."""

    def __init__(self, call: OriginatedCall, hang_up: Callable[[OriginatedCall], None]) -> None:
        # Not super().__init__(): it has no state of its own.
        self.id = call.id
        self._call = call
        self._hang_up = hang_up

    @property
    def origin(self) -> OriginatedCall:
        """The call itself."""
        return self._call

    @property
    def server(self) -> str:
        return self._call.server

    @property
    def state(self) -> OriginateState:
        return self._call.state

    @property
    def outcome(self) -> CallOutcome | None:
        return self._call.outcome

    @property
    def error(self) -> AmiError | None:
        return self._call.error

    @property
    def note(self) -> str:
        return self._call.note

    @property
    def gone(self) -> bool:
        return self._call.gone

    def wait(self, timeout: Timeout | None = None) -> CallOutcome:
        return self._call.wait(timeout)

    def __await__(self) -> Generator[Any, None, CallOutcome]:
        return self._call.__await__()

    def answered(self) -> Awaited[bool]:
        return self._call.answered()

    def on_change(self, function: Callable[[OriginatedCall, OriginateState], Any]) -> None:
        callable_of(function, "on_change", "call", "state")

        @wraps(function)
        def told(_: OriginatedCall, state: OriginateState) -> Any:
            return function(self, state)

        self._call.on_change(told)

    def hangup(self) -> None:
        """End it, if the user may; see ``OriginatedCall.hangup``. Raises ActionRefused."""
        self._hang_up(self._call)
