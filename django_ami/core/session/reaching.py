"""What is said of a server that is not reached: at which step it ends, and the cure, in the same words everywhere.

``within`` is the time in seconds that the server has had, None if it is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from django_ami.core.config import ServerConfig

__all__ = ["ended_early", "no_booting", "no_connection", "no_greeting", "no_login", "no_tls"]


def no_connection(address: str, within: float | None = None) -> str:
    """TCP does not come about."""
    return f"no connection to {address}{_in_time(within)} (option connect_timeout): does a firewall drop it?"


def no_tls(address: str, within: float | None = None) -> str:
    """The port accepts, and then does not speak TLS, nor anything else."""
    return f"no TLS with {address}{_in_time(within)}: is this the port of AMI, and with TLS?"


def no_greeting(config: ServerConfig, within: float | None = None) -> str:
    """The port accepts, and then says nothing."""
    how = "with" if config.tls else "and without"
    return f"no AMI greeting from {config.address}{_in_time(within)}: is this the port of AMI, {how} TLS?"


def ended_early(message: str, *, greeted: bool = False) -> str:
    """The connection ends before the login is answered; ``message`` says how."""
    why = " was answered: is it stopping?" if greeted else ": is it stopping, or is its authlimit reached?"
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
    return f"{address} has not booted in time (options boot_grace and boot_timeout): does it still load its modules?"


def _in_time(within: float | None) -> str:
    return " in time" if within is None else f" within {in_words(within)}"
