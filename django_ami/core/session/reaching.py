"""The messages about a server that is not reached: the failed step, and the cure.

``within`` is the time in seconds that the server has had, None if it is not known.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.config import ServerConfig

__all__ = [
    "Obstacle",
    "ended_early",
    "no_booting",
    "no_connection",
    "no_greeting",
    "no_login",
    "no_name",
    "no_tls",
]


class Obstacle:
    """The step that is under way, until a server is ready. ``why`` is the message about it."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self.begin()

    def begin(self) -> None:
        """An attempt to connect, or none yet."""
        self._tell: Callable[[float | None], str] = partial(no_connection, self._config.address)

    def resolving(self, *, over: bool = False) -> None:
        """DNS is asked for the addresses of the server; or that is over."""
        if over:
            self.begin()
        else:
            self._tell = partial(no_name, self._config.host)

    def encrypting(self) -> None:
        """The server has accepted; TLS is under way."""
        self._tell = partial(no_tls, self._config.address)

    def connected(self) -> None:
        """The transport is up, TLS included."""
        tls = self._config.tls is not None
        self._tell = partial(no_greeting, self._config.address, tls=tls)

    def greeted(self, banner: str) -> None:
        """The greeting is complete; the login is under way."""
        self._tell = partial(no_login, self._config.address, banner)

    def logged_in(self) -> None:
        """The login was accepted; Asterisk may still load its modules."""
        self._tell = lambda _: no_booting(self._config.address)

    def why(self, within: float | None = None) -> str:
        """Why the server is not ready; ``within`` is the time that it had, if that is over."""
        return self._tell(within)


def no_name(host: str, within: float | None = None) -> str:
    """DNS does not answer."""
    return (
        f"no answer about the name {host!r}{_in_time(within)} (option connect_timeout): does "
        "DNS work?"
    )


def no_connection(address: str, within: float | None = None) -> str:
    """TCP does not come about."""
    return (
        f"no connection to {address}{_in_time(within)} (option connect_timeout): does a "
        "firewall drop it?"
    )


def no_tls(address: str, within: float | None = None) -> str:
    """The port accepts, and then does not speak TLS, nor anything else."""
    return (
        f"no TLS with {address}{_in_time(within)}: is this the TLS port of AMI, or the plain one?"
    )


def no_greeting(address: str, within: float | None = None, *, tls: bool) -> str:
    """The port accepts, and then says nothing."""
    port = "the TLS port of AMI" if tls else "the AMI port, or its TLS port without the setting TLS"
    return f"no AMI greeting from {address}{_in_time(within)}: is this {port}?"


def ended_early(message: str, *, greeted: bool = False) -> str:
    """The connection ends before the login is answered; ``message`` says how."""
    why = (
        " was answered: is it stopping?"
        if greeted
        else ": is it stopping, or is its authlimit reached?"
    )
    return f"{message.rstrip('.')} before the login{why}"


def no_login(address: str, banner: str, within: float | None = None) -> str:
    """The server greets, and does not answer the login."""
    why = "is it overloaded?" if "call manager" in banner.lower() else "is this the port of AMI?"
    return (
        f"no answer to the login at {address}{_in_time(within)} (option connect_timeout); "
        f"it greeted with {banner[:40]!r}: {why}"
    )


def no_booting(address: str) -> str:
    """The login is accepted, and Asterisk has not told that all of it runs."""
    return (
        f"{address} has not booted in time (options boot_grace and boot_timeout): does it still "
        "load its modules?"
    )


def _in_time(within: float | None) -> str:
    return " in time" if within is None else f" within {in_words(within)}"
