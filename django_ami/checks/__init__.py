"""System checks: one small function per concern, each fault with an id of its own; never a socket.

``docs/checks.md`` has a row for each id. All have the tag ``ami``; those of ``DEPLOYMENT`` run with ``check --deploy``.
"""

from django_ami.checks.receivers import check_event_names
from django_ami.checks.security import (
    check_plain_tcp,
    check_secrets,
    check_secrets_while_debugging,
    check_verification,
)
from django_ami.checks.servers import check_heartbeat, check_twins
from django_ami.checks.settings import check_function, check_settings

__all__ = ["ALWAYS", "DEPLOYMENT", "TAG"]

TAG = "ami"

ALWAYS = (check_settings, check_function, check_heartbeat, check_twins, check_secrets, check_event_names)
DEPLOYMENT = (check_secrets_while_debugging, check_plain_tcp, check_verification)
