"""The rights of users: the setting ``AMI_PERMISSIONS``, and its judgement of an action.

``allowed(user, action)`` is the judgement; ``ami.as_user(user)`` sends under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_ami.core.catalog import ACTIONS
from django_ami.operations.permissions.grants import CALLS_PER_MINUTE
from django_ami.operations.permissions.judging import fault_of, named_in
from django_ami.operations.permissions.people import Person
from django_ami.operations.permissions.wire import as_sent

if TYPE_CHECKING:
    from django_ami.core.actions import Action

__all__ = ["Person", "Refusal", "allowed", "as_sent", "calls_per_minute", "judge", "sendable"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a user may not send an action: one line with the cure."""

    action: str
    reason: str

    def __str__(self) -> str:
        return self.reason


def allowed(user: Any, action: Action) -> Refusal | None:
    """Why ``user`` may not send ``action``; None if the user may.

    ``user`` is a user of Django, an AnonymousUser or None. It asks the database. Raises
    InvalidAction for an action that cannot be sent at all, ConfigurationError if AMI_PERMISSIONS is
    wrong, and the errors of the database.
    """
    return judge(Person(user), as_sent(action))


def sendable(user: Any) -> frozenset[str]:
    """The names of the actions that ``user`` may send, with some headers at least.

    It asks the database; raises as ``allowed`` does.
    """
    person = Person(user)
    if person.fault:
        return frozenset()
    return frozenset(
        name
        for name in ACTIONS
        if person.is_superuser or any(named_in(grant, name) for grant in person.grants)
    )


def judge(person: Person, action: Action) -> Refusal | None:
    """Why this person may not send an action that is as it is on the wire."""
    if person.fault:
        return Refusal(action.name, f"{action.name} is refused: {person.fault}")
    if person.is_superuser:
        return None
    faults = []
    for grant in person.grants:
        if not (fault := fault_of(grant, action)):
            return None
        faults.append((named_in(grant, action.name), fault))
    if not faults:
        return Refusal(
            action.name,
            f"{person.name} may not send {action.name}: no user, group or 'everybody' in "
            "AMI_PERMISSIONS gives this user anything.",
        )
    # The grant that has the action says more than one that has not.
    _, fault = max(faults, key=lambda one: one[0])
    return Refusal(action.name, f"{person.name} may not send this {action.name}: {fault}")


def calls_per_minute(person: Person, action: Action) -> int:
    """How many calls this person may place in a minute by the grants that allow this action."""
    own = [
        grant.calls_per_minute
        for grant in person.grants
        if person.is_superuser or not fault_of(grant, action)
    ]
    return max(own, default=CALLS_PER_MINUTE)
