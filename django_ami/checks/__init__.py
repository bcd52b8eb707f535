"""System checks: one small function per concern, each fault with an id of its own; never a socket.

``docs/checks.md`` has a row for each id. All have the tag ``ami``; those of ``DEPLOYMENT`` run with
``check --deploy``. ``check_table`` alone has Django's tag ``database``: it runs where Django's own
checks of databases run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.checks.names import check_names
from django_ami.checks.once import check_once
from django_ami.checks.outlet import check_outlet
from django_ami.checks.receivers import check_event_names
from django_ami.checks.security import (
    check_plain_tcp,
    check_secrets,
    check_secrets_while_debugging,
    check_verification,
)
from django_ami.checks.servers import check_heartbeat, check_twins
from django_ami.checks.settings import check_function, check_settings, has_function

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

__all__ = ["ALWAYS", "DEPLOYMENT", "TAG", "check_table"]

TAG = "ami"

ALWAYS = (
    check_names,
    check_settings,
    check_heartbeat,
    check_twins,
    check_secrets,
    check_event_names,
    check_once,
    check_outlet,
)
DEPLOYMENT = (check_secrets_while_debugging, check_plain_tcp, check_verification)


def check_table(databases: object = None, **_: Any) -> list[CheckMessage]:
    """Check the servers that a function of AMI_SERVERS returns now.

    It runs in ``check --database``, ``migrate`` and ``test``. From Django 6.1 on ``databases``
    alone does not tell them: every command gives all to every check, but for those with the tag
    ``database``. Before, it is None unless some are named.
    """
    if not databases or not has_function():
        return []
    found = check_function()
    for check in (check_heartbeat, check_twins, check_secrets):
        found += check(asked=True)
    return found
