"""The tree of errors. Every error of this package is an ``AmiError``.

::

    AmiError
    ├── ConfigurationError            a setting, or an account, cannot do what is asked: mend it, then start again
    ├── InvalidAction                 refused before anything is written: CR, LF, NUL, bad key, long line (ValueError)
    ├── Backpressure                  a bound of ours is reached: nothing was written, try again later
    ├── ConnectionFailed              no connection could be made                                    (ConnectionError)
    │   └── AuthenticationFailed      the server refused the login: not tried again by itself
    ├── ConnectionLost                the connection ended while something was under way             (ConnectionError)
    ├── ActionTimeout                 no answer within the action's time                             (TimeoutError)
    ├── ActionFailed                  the server answered ``Response: Error``; carries ``response``
    ├── ProtocolError                 the server sent what cannot be an answer, or more than our bounds allow
    └── WouldBlock                    waiting here would hang for ever: the message says what to do    (RuntimeError)

An error of an action says in ``sent`` whether its bytes had left: only an unsent action is safe to repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.core.messages import Event, Response

__all__ = [
    "ActionFailed",
    "ActionTimeout",
    "AmiError",
    "AuthenticationFailed",
    "Backpressure",
    "ConfigurationError",
    "ConnectionFailed",
    "ConnectionLost",
    "InvalidAction",
    "ProtocolError",
    "WouldBlock",
]


class AmiError(Exception):
    """Base of all errors of this package.

    ``server`` is the alias of the server it is about (or None); ``sent`` says of an action whether any of its bytes
    had left this process: if True its outcome is unknown unless the error itself is the server's answer.
    """

    def __init__(self, message: str, *, server: str | None = None, sent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.server = server
        self.sent = sent

    def __str__(self) -> str:
        return f"{self.server}: {self.message}" if self.server else self.message


class ConfigurationError(AmiError):
    """A setting or the AMI account cannot do what is asked: raised by reading the settings, or by the action."""


class InvalidAction(AmiError, ValueError):
    """The action cannot be put on the wire safely; nothing was written."""


class Backpressure(AmiError):
    """A bound was reached (``max_pending_actions``, ``write_buffer_limit``); nothing was written."""


class ConnectionFailed(AmiError, ConnectionError):
    """No connection to the server could be made; says why and what to do."""


class AuthenticationFailed(ConnectionFailed):
    """The server refused the login. It is fatal to that server: it is not tried again by itself."""


class ConnectionLost(AmiError, ConnectionError):
    """The connection ended; an action with ``sent`` True may or may not have been carried out.

    ``events`` holds the list items that had arrived for the action.
    """

    events: Sequence[Event] = ()


class ActionTimeout(AmiError, TimeoutError):
    """No answer in time; an action with ``sent`` True may or may not have been carried out."""


class ActionFailed(AmiError):
    """The server answered ``Response: Error``; its answer is in ``response``."""

    def __init__(self, message: str, *, response: Response, server: str | None = None) -> None:
        super().__init__(message, server=server, sent=True)
        self.response = response


class ProtocolError(AmiError):
    """The server sent what cannot be an answer, or an answer larger than our bounds allow."""


class WouldBlock(AmiError, RuntimeError):
    """Waiting for an action here would stop the very thread, or event loop, that has to bring the answer."""
