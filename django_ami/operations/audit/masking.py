"""The headers of an action, as they are stored: without secrets, and without numbers if wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django_ami.core.config import Secret
from django_ami.core.escaping import printable
from django_ami.core.log import get_logger
from django_ami.core.redaction import MASK, redacted, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action

__all__ = ["headers_of", "masked"]

logger = get_logger(__name__)

#: Digits that are a telephone number: an internal one is shorter. Not those of an id
#: (``1700000000.12``), nor the end of the name of a channel (``PJSIP/101-00000012``).
_NUMBER: Final = re.compile(r"(?<!\d)(?<!\d\.)(?!(?<=-)[0-9a-f]{8}(?!\w))\+?\d{6,}(?!\.?\d)")
_HIDDEN: Final = "hidden"
#: Headers with an id of ours, which is no number.
_IDS: Final = frozenset({"channelid", "otherchannelid", "actionid"})


def headers_of(action: Action, mask: Callable[[str], str] | None) -> list[list[str]]:
    """The headers as pairs; secrets are ``***``."""
    pairs = zip(action.headers, redacted(action.headers, action=action.name), strict=True)
    return [
        [
            printable(key),
            MASK
            if isinstance(value, Secret)
            else printable(told if key.lower() in _IDS else masked(told, mask)),
        ]
        for (key, value), (_, told) in pairs
    ]


def masked(text: str, mask: Callable[[str], str] | None) -> str:
    """A text without secrets, whose telephone numbers are as ``mask`` makes them."""
    text = printable(without_secrets(text))
    if mask is None:
        return text
    return _NUMBER.sub(lambda found: _masked(found[0], mask), text)


def _masked(number: str, mask: Callable[[str], str]) -> str:
    try:
        return str(mask(number))
    except Exception as error:  # noqa: BLE001  (whatever a project's function raises)
        logger.error(  # noqa: TRY400  (a traceback may show the number)
            "The function 'audit_mask' of AMI_OPERATIONS raised %s: %r is stored instead of the "
            "number. Fix the function.",
            type(error).__name__,
            _HIDDEN,
        )
        return _HIDDEN
