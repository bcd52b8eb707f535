"""The tree of errors. Every error of this package is an ``AmiError``.

::

    AmiError
    ├── ConfigurationError            a setting or an account is wrong: correct it, then start again
    ├── InvalidAction                 refused before anything is written: CR, LF, NUL … (ValueError)
    ├── Backpressure                  a bound is reached: nothing was written, try again later
    ├── ConnectionFailed              no connection could be made (ConnectionError)
    │   ├── AuthenticationFailed      the server refused the login: tried again after a long pause
    │   └── ConnectionForbidden       tests run here, and no test has allowed it: nothing was opened
    ├── ConnectionLost                the connection ended with actions in flight (ConnectionError)
    ├── ActionTimeout                 no answer within the action's time (TimeoutError)
    ├── ActionCancelled               cancelled before any of it had left (CancelledError)
    ├── ActionFailed                  the server answered ``Response: Error``; carries ``response``
    ├── ProtocolError                 the server sent no valid answer, or more than the bounds allow
    └── WouldBlock                    waiting here would hang for ever (RuntimeError)

An error of an action says in ``sent`` whether its bytes had left: only an unsent action is safe to
repeat.

Errors travel: task queues and process pools pickle them, or rebuild them as ``cls(*args)`` from
arguments that went through JSON. So ``args`` is plain, and holds all that ``__init__`` takes, by
position.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, ClassVar, Self

from django_ami.core.escaping import printable
from django_ami.core.headers import DECODING
from django_ami.core.messages import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.core.messages import Event

__all__ = [
    "ActionCancelled",
    "ActionFailed",
    "ActionTimeout",
    "AmiError",
    "AuthenticationFailed",
    "Backpressure",
    "ConfigurationError",
    "ConnectionFailed",
    "ConnectionForbidden",
    "ConnectionLost",
    "InvalidAction",
    "ProtocolError",
    "WouldBlock",
]


class AmiError(Exception):
    """Base of all errors of this package.

    ``server`` is the alias of the server it is about (or None). ``sent`` says of an action whether
    any of its bytes had left this process: if True its outcome is unknown unless the error itself
    is the server's answer. An error that is made without ``sent`` takes the action for sent, unless
    its class says that nothing was written. ``message`` is one line in which no character can steer
    a terminal (``core.escaping``).

    A pickle, a copy and ``type(error)(*error.args)`` keep all of it.
    """

    #: ``sent`` of an error that is made without it: an action of unknown fate must count as sent.
    _sent: ClassVar[bool] = True

    def __init__(self, message: str, server: str | None = None, sent: bool | None = None) -> None:
        message = printable(message)  # it may quote the server
        super().__init__(message)
        self.message = message
        self.server = server
        self.sent = self._sent if sent is None else sent
        # Not by way of super: OSError would take three arguments for an errno, a text and a file.
        self.args = (message, server, self.sent)

    def at(self, server: str | None) -> Self:
        """Return this error anew, about that server.

        It has no traceback, and no cause: an error is never changed.
        """
        return self._anew(self.message, server)

    def saying(self, message: str) -> Self:
        """Return this error anew, with another message."""
        return self._anew(message, self.server)

    def _anew(self, message: str, server: str | None) -> Self:
        return type(self)(message, server, *self.args[2:])

    def __str__(self) -> str:
        return f"{self.server}: {self.message}" if self.server else self.message


class ConfigurationError(AmiError):
    """A setting or the AMI account is wrong; raised when settings are read, or by the action."""

    _sent = False


class InvalidAction(AmiError, ValueError):
    """The action cannot be put on the wire safely; nothing was written."""

    _sent = False


class Backpressure(AmiError):
    """A bound was reached (``max_pending_actions``, ``write_buffer_limit``).

    Nothing was written.
    """

    _sent = False


class ConnectionFailed(AmiError, ConnectionError):
    """No connection to the server could be made, so nothing was written.

    Says why and what to do.
    """

    _sent = False


class AuthenticationFailed(ConnectionFailed):
    """The server refused the login.

    That server is tried again after a long pause (``auth_retry_interval``).
    """


class ConnectionForbidden(ConnectionFailed):
    """This process runs tests, and none of them has allowed a connection.

    No socket was opened; it is not tried again.

    The test takes ``AmiTestMixin``, ``override_ami`` or ``ami_outbox``, or allows it with
    ``allow_ami_connections``.
    """


class ConnectionLost(AmiError, ConnectionError):
    """The connection ended; an action with ``sent`` True may or may not have been carried out.

    ``events`` holds the list items that had arrived for the action.
    """

    events: Sequence[Event] = ()

    def having(self, events: Sequence[Event]) -> Self:
        """Return this error anew, with these list items."""
        lost = self.at(self.server)
        lost.events = tuple(events)
        return lost

    def _anew(self, message: str, server: str | None) -> Self:
        lost = super()._anew(message, server)
        lost.events = self.events
        return lost


class ActionTimeout(AmiError, TimeoutError):
    """No answer in time; an action with ``sent`` True may or may not have been carried out."""


class ActionCancelled(AmiError, CancelledError):
    """``PendingAction.cancel`` withdrew the action before any of it had left; nothing was written.

    It is the CancelledError of ``concurrent.futures``, not that of asyncio, which ends a task.
    """

    _sent = False


class ActionFailed(AmiError):
    """The server answered ``Response: Error``; its answer is in ``response``.

    In ``args`` the answer is a text, its header lines. An error that is rebuilt from them has no
    list items in it.
    """

    def __init__(
        self,
        message: str,
        server: str | None = None,
        sent: bool | None = None,
        response: Response | str = "Response: Error",
    ) -> None:
        super().__init__(message, server, sent)
        if isinstance(response, str):
            status = response.partition("\r\n")[0].partition(":")[2].strip()
            response = Response(status, response.encode(), server or "")
        self.response = response
        self.args = (*self.args, response.raw.decode(*DECODING))


class ProtocolError(AmiError):
    """The server sent what cannot be an answer, or an answer larger than our bounds allow."""


class WouldBlock(AmiError, RuntimeError):
    """Waiting here would stop the thread, or event loop, that has to bring the answer."""
