"""The clock of the database: the one clock that all processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = ["DatabaseNow"]


class DatabaseNow(Now):
    """The time at which the database begins with a statement, in UTC.

    ``Now`` gives the local time of the server on MySQL and MariaDB, which is set twice a year.
    """

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)
