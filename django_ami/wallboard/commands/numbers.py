"""Telephone numbers that visitors may call: those that match the pattern of the settings."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

from django_ami.core.arguments import shown
from django_ami.wallboard.commands.command import Refused
from django_ami.wallboard.options import options

__all__ = ["allowed_number", "plain_number"]

#: People write these into a number to read it more easily.
_SEPARATORS: Final = re.compile(r"[\s()./-]+")


def plain_number(number: str) -> str:
    """A number without the blanks, brackets, dots, slashes and dashes that people write into it."""
    return _SEPARATORS.sub("", number)


def allowed_number(number: str) -> str:
    """The number as it is dialled. Raises Refused for one that may not be dialled from here."""
    plain = plain_number(number)
    if options().click_to_call.number.fullmatch(plain) is None:
        raise Refused(
            403,
            _(
                "%(number)s may not be called from here: the setting AMI_WALLBOARD "
                "(CLICK_TO_CALL, NUMBER) says which numbers may."
            )
            % {"number": shown(number)},
        )
    return plain
