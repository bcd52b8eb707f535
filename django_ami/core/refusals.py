"""Refusals of the operating system: of descriptors, threads and memory; and the cure, in words.

Rule: our threads are started here alone. A refusal may pass, so it is an error of ours that is
worth another attempt.
"""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMITS", "is_refusal", "reason_of_refusal", "start_thread"]

_NO_MEMORY: Final = "the system has no memory left: add some, or end other processes."
#: By the number of the error.
LIMITS: Final = {
    errno.EMFILE: "too many open files in this process: raise the limit (ulimit -n).",
    errno.ENFILE: "too many open files on this machine: raise the limit (sysctl fs.file-max).",
    errno.ENOBUFS: _NO_MEMORY,
    errno.ENOMEM: _NO_MEMORY,
    errno.ENOSPC: (
        "too many sockets are watched on this machine: raise the limit (sysctl "
        "fs.epoll.max_user_watches)."
    ),
}


def reason_of_refusal(error: OSError | MemoryError) -> str:
    """Why the system refuses what was asked of it, with the cure."""
    if isinstance(error, MemoryError):
        return (
            "this process has no memory left: raise its limit (ulimit -v, or that of its "
            "container)."
        )
    return LIMITS.get(error.errno or 0) or f"the system refuses it ({error.strerror or error})."


def is_refusal(error: Exception) -> bool:
    """True if the system refused something: a thread, too."""
    return isinstance(error, (OSError, MemoryError)) or "start new thread" in str(error)


def start_thread(function: Callable[[], object], name: str) -> threading.Thread:
    """Run the function in a thread of its own, which does not keep the process from ending.

    Raises ConnectionFailed if the system refuses the thread: nothing has been done, and a later
    attempt may go well.
    """
    try:
        thread = threading.Thread(target=function, name=name, daemon=True)
        thread.start()
    except (
        RuntimeError,
        MemoryError,
    ) as error:  # RuntimeError: EAGAIN of pthread_create, or the interpreter ends
        why = str(error) or "no memory is left"
        raise ConnectionFailed(
            f"no thread can be started ({why}): raise the limit of this user (ulimit -u), service "
            "or container."
        ) from None
    return thread
