"""Exceptions of the loop's callbacks: logged with a traceback, and kept from other servers."""

from __future__ import annotations

import contextlib
from typing import Final

from django_ami.core.log import get_logger

__all__ = ["is_from_outside", "report_bug"]

logger = get_logger(__name__)

#: The modules of the errors that our own code and the system raise.
_OUR_MODULES: Final = frozenset({"builtins", "socket", "ssl", "re", "struct", "select"})


def report_bug(error: Exception, where: object) -> None:
    """One server's bug must not stop the others; it is a bug all the same."""
    with contextlib.suppress(Exception):  # there may be no memory to report it
        logger.error(
            "A bug in django_ami: %s failed on the reactor thread; please report it.",
            where,
            exc_info=error,
        )


def is_from_outside(error: Exception) -> bool:
    """True for errors that PyThreadState_SetAsyncExc may have raised.

    These are of a user's class, or without arguments.

    Some task queues put such an exception into a thread when a task's time is over.
    """
    if isinstance(error, (MemoryError, AssertionError)):
        return False
    is_ours = type(error).__module__ in _OUR_MODULES or type(error).__module__.startswith(
        "django_ami."
    )
    return not (is_ours and error.args) or type(error) is TimeoutError
