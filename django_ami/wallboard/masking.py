"""Numbers as visitors see them who may not know them.

Rule: where a number is masked, no other text beside it tells it: a name, or the name of a device.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Mask", "hide_last_digits"]

logger = get_logger(__name__)

#: Digits that are a telephone number; an internal one is shorter.
_TELEPHONE_DIGITS: Final = 6
_HIDDEN_DIGITS: Final = 4
_DOT: Final = "•"
_HIDDEN: Final = "hidden"
#: Blanks, brackets, dots, dashes, and signs of no width, as for the direction of a text.
_BETWEEN: Final = r"\s().\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069-"
#: A number in a text, of three digits or more, also as people write it: ``(030) 123-456``. The
#: function of the project decides whether it is to be masked.
_NUMBER: Final = rf"\+?\d(?:[{_BETWEEN}]{{0,3}}\d){{2,}}"
#: People write ``030/123456``, too. In the name of a device a slash parts one thing from another.
_WRITTEN_NUMBER: Final = rf"\+?\d(?:[/{_BETWEEN}]{{0,3}}\d){{2,}}"
#: How many numbers and texts are remembered.
_REMEMBERED: Final = 4096


def hide_last_digits(number: str) -> str:
    """The number with a dot for each of its last four digits; one of five or fewer as it is."""
    digits = [place for place, sign in enumerate(number) if sign.isdigit()]
    if len(digits) < _TELEPHONE_DIGITS:
        return number
    hidden = set(digits[-_HIDDEN_DIGITS:])
    return "".join(_DOT if place in hidden else sign for place, sign in enumerate(number))


class Mask:
    """Masks numbers, and the texts that may contain them, by a function of the project."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function
        self._logged = False
        # The same number comes again with each change of its call.
        self.number: Callable[[str], str] = lru_cache(_REMEMBERED)(self._number)
        #: Of a name, or of another text of people; and of a device.
        self.text: Callable[..., str] = lru_cache(_REMEMBERED)(self._text)
        self.device: Callable[..., str] = lru_cache(_REMEMBERED)(self._device)

    def _number(self, number: str) -> str:
        """A number, masked. Where the function makes no text of it, nothing of it is told."""
        if not number:
            return number
        if "/" in number and not re.fullmatch(_WRITTEN_NUMBER, number):
            return self._device(number)  # that was dialled
        try:
            masked: object = self._function(number)
        except Exception as error:  # noqa: BLE001  (whatever a project's function raises)
            return self._hidden("raised", error)
        return masked if isinstance(masked, str) else self._hidden("returned", masked)

    def _hidden(self, did: str, what: object) -> str:
        if not self._logged:
            self._logged = True
            # Neither a traceback nor a value: they may show the number.
            logger.error(
                "The function MASK of AMI_WALLBOARD %s %s: %r is shown instead of numbers. "
                "Fix the function: it must return a text.",
                did,
                type(what).__name__,
                _HIDDEN,
            )
        return _HIDDEN

    def _text(self, text: str, *numbers: str) -> str:
        """A text in which these numbers, and every other one, are masked."""
        return self._replaced(_WRITTEN_NUMBER, text, numbers)

    def _device(self, name: str, *numbers: str) -> str:
        """The name of a device in which these numbers, and every other one, are masked."""
        return self._replaced(_NUMBER, name, numbers)

    def _replaced(self, pattern: str, text: str, numbers: Iterable[str]) -> str:
        known = sorted(filter(None, numbers), key=len, reverse=True)
        patterns = [*(rf"(?<!\d){re.escape(number)}(?!\d)" for number in known), pattern]
        return re.sub("|".join(patterns), lambda found: self.number(found[0]), text)
