"""Who else could log in, listen, or be taken for the server?"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from django.core.checks import CheckMessage, Warning  # noqa: A004  (its name in Django)

from django_ami import conf
from django_ami.checks.servers import readable_servers

__all__ = [
    "check_plain_tcp",
    "check_secrets",
    "check_secrets_while_debugging",
    "check_verification",
    "is_loopback",
]

#: Of the sample configuration, of distributions that install an Asterisk, and of tutorials.
_WELL_KNOWN: Final = frozenset({
    "1234", "12345", "123456", "admin", "amp111", "amp109", "asterisk", "changeme", "elastix456",
    "manager", "mypassword", "mysecret", "passw0rd", "password", "secret", "secret5", "test",
})  # fmt: skip


def is_loopback(host: str) -> bool:
    """True if the host is this machine itself, as far as its name or address says so.

    Nobody is asked.
    """
    name = host.lower().rstrip(".")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost") or name in (
            "localhost",
            "localhost.localdomain",
            "ip6-localhost",
        )


def _warning(number: str, message: str, hint: str) -> Warning:
    return Warning(message, hint=hint, obj="AMI_SERVERS", id=f"django_ami.{number}")


def check_secrets(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W003: a secret that everybody knows, on a site."""
    return [] if conf.is_debug() else _well_known_secrets(asked=asked)


def check_secrets_while_debugging(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W003 (--deploy): that one asks for a site, whatever ``DEBUG`` is here."""
    return _well_known_secrets(asked=asked) if conf.is_debug() else []


def _well_known_secrets(*, asked: bool) -> list[CheckMessage]:
    return [
        _warning(
            "W003",
            (
                f"{server.name}: the SECRET of user {server.username!r} is one that everybody "
                "tries first."
            ),
            "Make a long random one, put it into manager.conf and into the environment of this "
            "site: anybody who logs in to AMI can place calls at your cost.",
        )
        for server in readable_servers(asked=asked)
        if server.secret.lower() in (*_WELL_KNOWN, server.username.lower())
    ]


def check_plain_tcp(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W004 (--deploy): plain TCP to another machine."""
    return [
        _warning(
            "W004",
            f"{server.name}: plain TCP to {server.address}: all that is said, numbers and "
            "variables of calls, can be read and changed on the way.",
            "Use TLS: tlsenable = yes in manager.conf, and 'TLS': True here. If the way is a "
            "tunnel or a network of your own, silence django_ami.W004.",
        )
        for server in readable_servers(asked=asked)
        if server.tls is None and not is_loopback(server.host)
    ]


def check_verification(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W005 (--deploy): TLS that takes anybody for the server."""
    return [
        _warning(
            "W005",
            f"{server.name}: the TLS key VERIFY is False: anybody in between can be the server.",
            "Remove VERIFY, and set CA_FILE to the authority that signed the server's "
            "certificate, or FINGERPRINT to the SHA-256 of the certificate itself.",
        )
        for server in readable_servers(asked=asked)
        if server.tls is not None and not server.tls.verify and not server.tls.fingerprint
    ]
