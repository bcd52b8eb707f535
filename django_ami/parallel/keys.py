"""Keys of what stays in order, and the number of the lane or partition that each of them has.

Rule: equal keys have one number in every process, on every machine.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Final
from zlib import crc32

from django_ami.core.failures import reason
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event

__all__ = ["KeyFunction", "number_of"]

logger = get_logger(__name__)

#: A function of the setting that raises is told so often.
_REPORT_SECONDS: Final = 60.0


def number_of(key: object, count: int) -> int:
    """The number of a key, from 0 up to ``count``, that excluded."""
    return crc32(str(key).encode(errors="surrogatepass")) % count


class KeyFunction:
    """The project's function of an event, the option ``partition``.

    If it raises, that is told, and the event has the key of all such events.
    """

    def __init__(self, function: Callable[[Event], object]) -> None:
        self._function = function
        self._reported_at = -inf

    def __call__(self, event: Event) -> str:
        try:
            return str(self._function(event))
        except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
            now = time.monotonic()
            if now - self._reported_at >= _REPORT_SECONDS:
                self._reported_at = now
                logger.error(  # noqa: TRY400  (its message says it)
                    "the function of the option 'partition' raised %s for %s: %s. Such events go "
                    "to one thread, or to one partition.",
                    type(error).__name__, event.name, reason(error),
                )  # fmt: skip
            return ""
