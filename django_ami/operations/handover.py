"""A handover: a person asks the holder of a lease to give it back, for a standby to take it.

The holder sees it when it renews the lease next. See ``keeper.py`` for what it does then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.errors import AmiError
from django_ami.listeners import ListenerRole, listeners
from django_ami.operations import audit, conf
from django_ami.operations.clock import now
from django_ami.operations.models import Lease

if TYPE_CHECKING:
    from django_ami.listeners import ListenerStatus
    from django_ami.operations.audit import Author

__all__ = ["NAME", "HandoverRefused", "request", "successors"]

#: In the action log, among the actions of Asterisk.
NAME = "Handover"
_LONGEST_NAME_CHARACTERS = 150


class HandoverRefused(AmiError):
    """The lease stays where it is: nobody could take it, or it has changed hands meanwhile."""


def successors(server: str) -> tuple[ListenerStatus, ...]:
    """The listeners that could take over a server at once.

    Raises ConfigurationError, and the errors of the database.
    """
    needs_login = conf.load().standby_login
    return tuple(
        one
        for one in listeners().get(server, ())
        if one.role is ListenerRole.STANDBY
        and not one.stale
        and (one.state == "ready" or not needs_login)
    )


def request(server: str, token: int, author: Author) -> None:
    """Ask the holder of the lease with this token to hand it over, in the name of ``author``.

    The action log has it. The holder sees it within ``renew_interval``. Raises HandoverRefused if
    no standby could take over, and if the lease is not with that holder any more; and the errors
    of the database.
    """
    try:
        _request(server, token, author.who[:_LONGEST_NAME_CHARACTERS])
    except HandoverRefused as refusal:
        audit.note(author, NAME, refusal)
        raise
    audit.note_done(author, NAME, server, f"the holder of token {token} is asked.")


def _request(server: str, token: int, by: str) -> None:
    if not successors(server):
        raise HandoverRefused(
            f"{server}: no standby is ready to take over. Start another ami_listen --standby, or "
            "wait until it is logged in."
        )
    held = Lease.objects.using(conf.load().database).filter(
        server=server, token=token, expires_at__gt=now()
    )
    if not held.update(handover_requested_at=now(), handover_requested_by=by):
        raise HandoverRefused(
            f"{server}: the lease with token {token} is over, or has changed hands meanwhile. "
            "Look who has it now."
        )
