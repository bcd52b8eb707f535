"""Where a browser is in the feeds of several servers: the id of a message, as text.

It is ``node_1=EPOCH.NUMBER&node_2=EPOCH.NUMBER``, and any process of the project understands it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from django_ami.live.feed.records import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["positions_as_text", "positions_of"]

#: An id is what we made; a longer text is none.
_MOST_CHARACTERS: Final = 4000


def positions_as_text(positions: Mapping[str, Position | None]) -> str:
    """The id that names these positions; servers without one are left out."""
    return urlencode({server: str(one) for server, one in positions.items() if one is not None})


def positions_of(text: str) -> dict[str, Position]:
    """The positions that an id names; none for a text that is no id."""
    if len(text) > _MOST_CHARACTERS:
        return {}
    found = ((server, Position.parse(one)) for server, one in parse_qsl(text))
    return {server: position for server, position in found if position is not None}
