"""Consuming in a process that another program runs: a worker of Celery, or of a task backend."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Final

from django_ami.forwarding.consuming import Consumption, consuming

if TYPE_CHECKING:
    from django_ami.core.receivers import Receivers

__all__ = ["consumption"]

_of_thread = threading.local()
#: Never closed, as the other program does not say when it ends.
_until_the_end: Final = ExitStack()


def consumption(tries: int) -> Consumption:
    """The one of the calling thread; from the first call on, this process consumes to its end.

    A receiver is called ``tries`` times before its event is set apart. Raises ConfigurationError if
    ``AMI_DISPATCH`` is wrong.
    """
    found: Consumption | None = getattr(_of_thread, "consumption", None)
    if found is None:
        found = _of_thread.consumption = Consumption(_receivers(tries).beside())
    return found


@cache
def _receivers(tries: int) -> Receivers:
    return _until_the_end.enter_context(consuming(tries))
