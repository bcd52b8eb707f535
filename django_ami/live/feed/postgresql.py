"""Readers of a feed in PostgreSQL are woken by NOTIFY.

LISTEN needs a session of its own: it stays off Django's connections and their pool, and behind a
pgbouncer that pools transactions it hears nothing. Then readers look a few times a second, as with
any other database.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.db import connections

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Notifications", "notify"]

_CHANNEL: Final = "django_ami_feed"


def notify(connection: BaseDatabaseWrapper) -> None:
    """Tell all readers that something was written in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {_CHANNEL}")


def _can_listen(connection: BaseDatabaseWrapper) -> bool:
    """True for PostgreSQL with psycopg 3."""
    return connection.vendor == "postgresql" and _driver(connection).__name__ == "psycopg"


def _driver(connection: BaseDatabaseWrapper) -> Any:
    return connection.Database  # type: ignore[attr-defined]  # of PostgreSQL's


class Notifications:
    """A session that waits for what is written to the database ``using``."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._session: Any = None

    def wait(self, seconds: float) -> None:
        """Wait until something is written, at most so long. Raises nothing."""
        connection = connections[self._using]
        if not _can_listen(connection):
            time.sleep(seconds)
            return
        try:
            if self._session is None:
                self._session = self._begin(connection)
            for _ in self._session.notifies(timeout=seconds, stop_after=1):
                pass
        except _driver(connection).Error:
            self.close()
            time.sleep(seconds)  # the next look says why

    @staticmethod
    def _begin(connection: BaseDatabaseWrapper) -> Any:
        parameters = {**connection.get_connection_params(), "autocommit": True}
        session = _driver(connection).connect(**parameters)
        session.execute(f"LISTEN {_CHANNEL}")
        return session

    def close(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
