"""A user and the grants of that user: asked of the database, and never taken on trust.

Rule: nobody who is not logged in, and no account that is inactive or gone, may send anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import models

from django_ami.operations.permissions import grants

if TYPE_CHECKING:
    from django_ami.operations.permissions.grants import Grant

__all__ = ["Person"]

#: An object that is kept for longer asks the database again.
_FRESH_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Known:
    """The facts about a user, and their time."""

    name: str
    fault: str
    is_superuser: bool
    grants: tuple[Grant, ...]
    at: float


class Person:
    """A user of Django, or somebody who is not logged in. Nothing is looked up before it is asked.

    ``user`` is an instance of the user model, an AnonymousUser, or None.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self._known: _Known | None = None

    @property
    def name(self) -> str:
        """The name of the user; empty for somebody who is not logged in."""
        return _name_of(self._user) if self._known is None else self._known.name

    @property
    def pk(self) -> str:
        """The primary key, as text."""
        return str(self._user.pk) if _is_somebody(self._user) else ""

    @property
    def fault(self) -> str:
        """Why this person may send nothing at all, with the cure; empty if that is not so."""
        return self._look().fault

    @property
    def is_superuser(self) -> bool:
        """Whether this person may send everything."""
        return self._look().is_superuser

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants of this person: of the user, of the groups, and of everybody."""
        return self._look().grants

    def _look(self) -> _Known:
        """Look the user up. Raises ConfigurationError, and the errors of the database."""
        known = self._known
        if known is None or time.monotonic() > known.at + _FRESH_SECONDS:
            known = self._known = _look_up(self._user)
        return known


def _is_somebody(user: Any) -> bool:
    return user is not None and bool(getattr(user, "is_authenticated", False))


def _name_of(user: Any) -> str:
    return str(user.get_username()) if _is_somebody(user) else ""


def _look_up(user: Any) -> _Known:
    at = time.monotonic()
    if not _is_somebody(user):
        return _Known("", "nobody is logged in: log in first.", False, (), at)
    name = _name_of(user)
    if isinstance(user, models.Model):  # also if Django's SimpleLazyObject stands for it
        model: Any = user.__class__
        user = model._meta.default_manager.filter(pk=user.pk).first()
        # A form that is validated changes the object, and nothing in the database.
        name = name if user is None else _name_of(user)
    if user is None or not getattr(user, "is_active", True):
        state = "gone" if user is None else "inactive"
        fault = f"the account of {name} is {state}: have it made active, or take another one."
        return _Known(name, fault, False, (), at)
    permissions = grants.load()
    is_superuser = permissions.superusers and bool(getattr(user, "is_superuser", False))
    groups = getattr(user, "groups", None)
    names = [] if groups is None else list(groups.values_list("name", flat=True))
    found = [permissions.users.get(name), *map(permissions.groups.get, names)]
    own = tuple(grant for grant in (*found, permissions.everybody) if grant is not None)
    return _Known(name, "", is_superuser, own, at)
