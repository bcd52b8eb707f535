"""The database connection of a thread that must not wait for long.

A network that swallows packets makes a driver wait for minutes, and a lease is over in seconds. So
the connections of these threads have short limits, whatever the settings say; and none of a pool,
which others may have emptied.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["make_impatient"]


def make_impatient(using: str, seconds: float) -> None:
    """This thread's connection to ``using`` waits for about so long at most, from now on.

    A PostgreSQL that is reached, and hangs, is waited for: nothing limits that on our side.
    """
    connection = connections[using]
    connection.close()
    limits = _limits(connection.vendor, seconds)
    options = {**connection.settings_dict.get("OPTIONS", {})}
    options.pop("pool", None)
    connection.settings_dict = {
        **connection.settings_dict,
        "OPTIONS": {**options, **limits},
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
    }


def _limits(vendor: str, seconds: float) -> Mapping[str, Any]:
    whole = max(1, math.ceil(seconds))
    if vendor == "postgresql":  # of the client's library: a pgbouncer between does not see them
        return {
            "connect_timeout": max(2, whole),
            "tcp_user_timeout": 1000 * whole,
            "keepalives_idle": whole,
            "keepalives_interval": 1,
            "keepalives_count": 3,
        }
    if vendor == "mysql":
        return {"connect_timeout": whole, "read_timeout": whole, "write_timeout": whole}
    if vendor == "sqlite":
        return {"timeout": seconds}
    return {}
