"""Care for the database connections of the thread that runs user code outside of a request.

Rule: as Django does around a request, and never by an exception: a connection that cannot even be
closed stops nobody.
"""

from __future__ import annotations

from django.db import connections, reset_queries

from django_ami.core.log import get_logger

__all__ = ["cared_for", "recover"]

logger = get_logger(__name__)


class cared_for:  # noqa: N801  (it is called as a function is)
    """Code inside finds connections that work, and leaves none that are too old or broken."""

    def __enter__(self) -> None:
        reset_queries()
        _tidy(anew=False)

    def __exit__(self, *_: object) -> None:
        _tidy(anew=False)


def recover() -> None:
    """Close the connections that had an error, so that the next query makes new ones.

    A connection inside of ``transaction.atomic`` stays: a test holds it, or a receiver that has not
    left its block.
    """
    _tidy(anew=True)


def _tidy(*, anew: bool) -> None:
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        try:
            if anew and connection.errors_occurred:
                connection.close()
            else:
                connection.close_if_unusable_or_obsolete()
        except Exception as error:  # noqa: BLE001  (whatever a driver raises about a connection that is gone)
            logger.warning(
                "The connection to the database %r cannot be closed: %s.", connection.alias, error
            )
