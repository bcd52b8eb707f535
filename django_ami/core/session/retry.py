"""When a server is tried again, and whether actions wait for that."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import AuthenticationFailed, ConnectionForbidden
from django_ami.core.health import Backoff, CircuitBreaker

if TYPE_CHECKING:
    from django_ami.core.config import Options
    from django_ami.core.errors import AmiError

__all__ = ["Retry", "is_fatal"]

#: The next attempt would most likely end as this one did: there is none soon, or none at all.
_FATAL: Final = (AuthenticationFailed, ConnectionForbidden)


class Retry:
    """The failed attempts of one server; ``at`` is when to try it again, ``inf`` for never."""

    def __init__(self, options: Options) -> None:
        self.at = 0.0
        self.last_error: AmiError | None = None
        self.backoff = Backoff(
            options.reconnect_initial, options.reconnect_max, options.stable_after
        )
        self._breaker = CircuitBreaker(options.circuit_threshold, options.reconnect_initial)
        self._auth_retry_interval = options.auth_retry_interval

    @property
    def circuit_open(self) -> bool:
        """True after so many failures that actions fail at once instead of waiting."""
        return self._breaker.open

    @property
    def failures(self) -> int:
        """Failed attempts since the last success."""
        return self._breaker.failures

    def begin(self, now: float) -> None:
        """Try at once. Earlier failures were over long before the session went idle."""
        self.backoff.reset()
        self.at = now

    def failed(self, error: AmiError, now: float) -> float | None:
        """An attempt, or a connection, has ended.

        Returns the seconds until the next attempt, None if there is none.
        """
        self.last_error = error
        self._breaker.failed(now)
        retry_in: float | None
        if not is_fatal(error):
            retry_in = self.backoff.next_delay(now)
        elif self._auth_retry_interval and isinstance(error, AuthenticationFailed):
            retry_in = self.backoff.long_delay(self._auth_retry_interval)
        else:
            retry_in = None
        self.at = inf if retry_in is None else now + retry_in
        return retry_in

    def succeeded(self) -> None:
        """The server is ready."""
        self._breaker.succeeded()


def is_fatal(error: AmiError) -> bool:
    """True if the server has refused us, so that another attempt soon would be refused, too."""
    return isinstance(error, _FATAL)
