"""The errors of django_ami; their tree is drawn in ``django_ami.core.errors``."""

from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AmiError,
    AuthenticationFailed,
    Backpressure,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    InvalidAction,
    ProtocolError,
    WouldBlock,
)

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
