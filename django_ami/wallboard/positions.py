"""Where a browser is in the feeds of several servers: the id of a message, as text.

It is ``node_1=EPOCH.NUMBER&node_2=EPOCH.NUMBER&=MARK``, and any process of the project understands
it. The mark is that of the rights with which the browser has read, and of the servers that there
were: with others it begins anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from django.utils.crypto import salted_hmac

from django_ami.live.feed.records import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.wallboard.access import Access

__all__ = ["positions_as_text", "positions_of"]

#: An id is what we made; a longer text is none.
_MOST_CHARACTERS: Final = 4000
#: The key of the mark, which no server has.
_MARK: Final = ""
_REMEMBERED: Final = 1024


def positions_as_text(access: Access, positions: Mapping[str, Position | None]) -> str:
    """The id that names these positions; servers without one are left out."""
    known = {server: str(one) for server, one in positions.items() if one is not None}
    return urlencode({**known, _MARK: _mark(access, tuple(sorted(positions)))})


def positions_of(access: Access, servers: Iterable[str], text: str) -> dict[str, Position]:
    """The positions that an id names, for a visitor who sees these servers now.

    None for a text that is no id, and for one of other rights or of other servers.
    """
    if len(text) > _MOST_CHARACTERS:
        return {}
    words = dict(parse_qsl(text))
    if words.pop(_MARK, "") != _mark(access, tuple(sorted(servers))):
        return {}
    found = ((server, Position.parse(one)) for server, one in words.items())
    return {server: position for server, position in found if position is not None}


@lru_cache(_REMEMBERED)
def _mark(access: Access, servers: tuple[str, ...]) -> str:
    names = [None if one is None else sorted(one) for one in (access.servers, access.queues)]
    text = repr([*names, sorted(access.may), access.masks_numbers, servers])
    return salted_hmac(__name__, text, algorithm="sha256").hexdigest()[:12]
