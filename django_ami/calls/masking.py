"""Numbers that are masked before they are stored.

Rule: where a number is masked, no other text of its row tells it: the name of a device, the
arguments of an application, a channel variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Masker"]

logger = get_logger(__name__)

#: Digits that are a telephone number, whoever wrote them: an internal one is shorter.
_FEWEST_DIGITS: Final = 6
#: It follows the name of a device, and may look like a number.
_END_OF_CHANNEL: Final = r"(?<=-)[0-9a-f]{8}(?!\w)"
_HIDDEN: Final = "hidden"


class Masker:
    """The mask of one call, whose numbers these are. ``mask`` turns a number into another text."""

    def __init__(self, mask: Callable[[str], str], numbers: Iterable[str]) -> None:
        self._mask = mask
        self._masked: dict[str, str] = {}
        known = sorted({number for number in numbers if number}, key=len, reverse=True)
        whole = rf"(?<![\w+])(?:{'|'.join(map(re.escape, known))})(?!\w)|" if known else ""
        digits = rf"(?<![\d+])(?!{_END_OF_CHANNEL})\+?\d{{{_FEWEST_DIGITS},}}"
        self._pattern = re.compile(whole + digits)

    def number(self, number: str) -> str:
        """A number, masked. Where the function raises, nothing of it is told."""
        if not number:
            return number
        if "/" in number:  # a device, where one was consulted or dialled
            return self.text(number)
        if number not in self._masked:
            try:
                self._masked[number] = str(self._mask(number))
            except Exception as error:  # noqa: BLE001  (whatever a project's function raises)
                logger.error(  # noqa: TRY400  (a traceback may show the number)
                    "The function 'mask' of AMI_CALLS raised %s: %r is stored instead of the "
                    "number. Fix the function.",
                    type(error).__name__,
                    _HIDDEN,
                )
                self._masked[number] = _HIDDEN
        return self._masked[number]

    def text(self, text: str) -> str:
        """A text in which every number of the call, and every long one, is masked."""
        return self._pattern.sub(lambda found: self.number(found[0]), text)
