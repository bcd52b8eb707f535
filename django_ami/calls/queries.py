"""Finding calls: by number, and by the id that a call had on its server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Self

from django.apps import apps
from django.db import connections, models

if TYPE_CHECKING:
    from django_ami.calls.models import Call

__all__ = ["CallQuerySet"]

#: The signs that people write between the digits of a number.
_BETWEEN: Final = re.compile(r"[\s()/.-]+")
_TELEPHONE: Final = re.compile(r"\+?[\d\s()/.-]*\d[\d\s()/.-]*")
#: How many merges lead from one id to another at most.
_MOST_MERGES: Final = 100


class CallQuerySet(models.QuerySet["Call"]):
    """Calls."""

    def with_number(self, number: str) -> Self:
        """Calls in which a number that begins so dialled, was dialled, rang, or was sent on to.

        Blanks, hyphens and the like between digits do not count. One index finds them.
        """
        number = number.strip()
        if _TELEPHONE.fullmatch(number):
            number = _BETWEEN.sub("", number)
        numbers = apps.get_model("ami_calls", "CallNumber").objects.using(self.db)
        # MySQL compares with case by BINARY, for which no index of a text is of use.
        is_mysql = connections[self.db].vendor == "mysql"
        lookup = "number__istartswith" if is_mysql else "number__startswith"
        return self.filter(pk__in=numbers.filter(**{lookup: number}).values("call_id"))

    def find(self, server: str, call_id: str) -> Call | None:
        """The call that had this id on its server, or that it became part of; None if unknown."""
        merges = apps.get_model("ami_calls", "MergedCall").objects.using(self.db)
        for _ in range(_MOST_MERGES):
            call = self.filter(server=server, call_id=call_id).first()
            if call is not None:
                return call
            merge = merges.filter(server=server, call_id=call_id).first()
            if merge is None:
                return None
            call_id = merge.into
        return None
