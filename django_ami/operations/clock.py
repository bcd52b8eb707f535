"""The clock of the database: the one clock that all processes share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, DurationField, Expression, ExpressionWrapper, F
from django.db.models.functions import Now

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = ["DatabaseNow", "ago", "before", "from_now", "now", "since"]


class DatabaseNow(Now):
    """The time at which the database begins with a statement, in UTC.

    ``Now`` gives the local time of the server on MySQL and MariaDB, which is set twice a year.
    """

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)


def now() -> DatabaseNow:
    """The time, for a condition or a value of a statement."""
    return DatabaseNow()


def from_now(span: float | Expression) -> ExpressionWrapper[Any]:
    """The time that is a ``span`` from now: seconds, or an expression of a duration."""
    return ExpressionWrapper(DatabaseNow() + _duration(span), output_field=DateTimeField())


def ago(span: float | Expression) -> ExpressionWrapper[Any]:
    """The time that is a ``span`` ago: seconds, or an expression of a duration."""
    return ExpressionWrapper(DatabaseNow() - _duration(span), output_field=DateTimeField())


def before(field: str, span: float | Expression) -> ExpressionWrapper[Any]:
    """The time that is a ``span`` before that in a column: seconds, or an expression."""
    return ExpressionWrapper(F(field) - _duration(span), output_field=DateTimeField())


def _duration(span: float | Expression) -> timedelta | Expression:
    return span if isinstance(span, Expression) else timedelta(seconds=span)


def since(field: str) -> ExpressionWrapper[Any]:
    """How long ago the time in a column was."""
    return ExpressionWrapper(DatabaseNow() - F(field), output_field=DurationField())
