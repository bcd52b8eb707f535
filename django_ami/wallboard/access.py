"""The rights of a visitor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["DEEDS", "Access", "access_of"]

#: The permission of the app that each deed needs.
DEEDS: Final = {
    "call": "ami_wallboard.place_calls",
    "hangup": "ami_wallboard.end_calls",
    "transfer": "ami_wallboard.transfer_calls",
    "pause": "ami_wallboard.pause_agents",
    "listen": "ami_wallboard.listen_in",
}


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one visitor. Visitors with equal ones share the work of the stream.

    ``servers`` and ``queues`` are names; None is all of them. A visitor with some queues sees the
    calls, callers and agents of those alone. ``may`` has any of ``call``, ``hangup``,
    ``transfer``, ``pause`` and ``listen``. With ``masks_numbers`` telephone numbers are shown as
    the key MASK of the setting AMI_WALLBOARD says.

    Raises ConfigurationError for names that are none, and for an unknown deed.
    """

    servers: frozenset[str] | None = None
    queues: frozenset[str] | None = None
    may: frozenset[str] = frozenset()
    masks_numbers: bool = False

    def __post_init__(self) -> None:
        for field in ("servers", "queues", "may"):
            value = getattr(self, field)
            if value is not None or field == "may":
                object.__setattr__(self, field, _names(field, value))
        for deed in self.may:
            if deed not in DEEDS:
                raise ConfigurationError(
                    f"an Access of the wallboard: unknown deed {shown(deed)} in may; "
                    f"{did_you_mean(deed, DEEDS)}"
                )
        if not isinstance(self.masks_numbers, bool):
            raise ConfigurationError(
                "an Access of the wallboard: masks_numbers must be True or False, not "
                f"{shown(self.masks_numbers)}."
            )


def _names(field: str, value: object) -> frozenset[str]:
    names = [None] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    if not all(isinstance(name, str) for name in names):
        raise ConfigurationError(
            f"an Access of the wallboard: {field} must be a set of names, not {shown(value)}."
        )
    return frozenset(map(str, names))


def access_of(request: HttpRequest) -> Access | None:
    """The rights of the visitor of a request; None: the visitor may see nothing.

    The function ACCESS of the setting AMI_WALLBOARD says it, or else the permissions of the app. It
    may ask the database. Raises ConfigurationError if the setting is wrong, or its function gives
    something else.
    """
    function = options().access
    access = _by_permissions(request) if function is None else function(request)
    if access is not None and not isinstance(access, Access):
        raise ConfigurationError(
            "the function ACCESS of the setting AMI_WALLBOARD must return an Access or None, not "
            f"{shown(access)}."
        )
    return access


def _by_permissions(request: HttpRequest) -> Access | None:
    user = getattr(request, "user", None)
    if user is None:
        raise ConfigurationError(
            "the wallboard does not know its visitors: add "
            "'django.contrib.auth.middleware.AuthenticationMiddleware' to MIDDLEWARE, or set "
            "ACCESS in the setting AMI_WALLBOARD to a function that knows them."
        )
    if not user.has_perm("ami_wallboard.view_wallboard"):
        return None
    return Access(may=frozenset(deed for deed, name in DEEDS.items() if user.has_perm(name)))
