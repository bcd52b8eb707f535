"""SQLite, whose connections raise when they are closed."""

from __future__ import annotations

from django.db.backends.sqlite3 import base
from django.db.utils import InterfaceError

__all__ = ["DatabaseWrapper"]


class DatabaseWrapper(base.DatabaseWrapper):
    """As the driver's, but for its end."""

    def _close(self) -> None:
        super()._close()
        raise InterfaceError("Already closed")
