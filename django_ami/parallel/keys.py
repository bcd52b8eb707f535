"""Keys of what stays in order, and the number of the lane or partition that each of them has.

Rule: equal keys have one number in every process, on every machine.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from collections.abc import Set as AbstractSet
from math import inf
from typing import TYPE_CHECKING, Final
from zlib import crc32

from django_ami.core.failures import exit_of, reason
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event

__all__ = ["KeyFunction", "number_of"]

logger = get_logger(__name__)

#: A function of the setting that raises is told so often.
_REPORT_SECONDS: Final = 60.0
#: A part of the text that Python gives an object without one of its own.
_ADDRESS: Final = " at 0x"


def number_of(key: object, count: int) -> int:
    """The number of a key, from 0 up to ``count``, that excluded."""
    return crc32(str(key).encode(errors="surrogatepass")) % count


class KeyFunction:
    """The project's function of an event, the option ``partition``.

    If it raises, or gives what has no text of its own, that is told, and the event has the key of
    all such events.
    """

    def __init__(self, function: Callable[[Event], object]) -> None:
        self._function = function
        self._reported_at = -inf

    def __call__(self, event: Event) -> str:
        try:
            key = self._function(event)
            text = str(key)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (a sys.exit stops nobody, either)
            told = error if isinstance(error, Exception) else exit_of(error)
            self._tell(f"raised {type(told).__name__} for {event.name}: {reason(told)}")
            return ""
        if type(key) is not str and _differs(key, text):
            if isinstance(key, Coroutine):
                key.close()  # or Python warns that nobody has awaited it
            self._tell(
                f"gave a {type(key).__name__} for {event.name}, whose text is not alike for equal "
                "ones: have it give a str, an int, or a tuple of these"
            )
            return ""
        return text

    def _tell(self, what: str) -> None:
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = now
            logger.error(
                "the function of the option 'partition' %s. Such events go to one thread, or to "
                "one partition.",
                what,
            )


def _differs(key: object, text: str) -> bool:
    """True if equal keys may have other texts: an address is in it, or the order of a set."""
    return isinstance(key, AbstractSet) or callable(key) or _ADDRESS in text
