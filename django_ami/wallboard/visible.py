"""The objects of one server, as visitors with equal access see them, and their changes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_ami.core.log import get_logger
from django_ami.wallboard.messages import patch_of
from django_ami.wallboard.shaping import Shaper, slimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.live.feed.records import Position
    from django_ami.wallboard.access import Access

    Slim = dict[str, Any]

__all__ = ["Changes", "Visible", "slim_objects"]

logger = get_logger(__name__)

_TOTALS: Final = "totals:"
#: How many objects that are gone are remembered.
_MOST_GONE: Final = 10_000


class Changes(NamedTuple):
    """``objects`` are new, or gone (None); ``patches`` are to be merged into known ones."""

    objects: dict[str, Slim | None]
    patches: dict[str, Slim]


class Visible:
    """The objects of one server, as visitors with this access see them now."""

    def __init__(self, access: Access, server: str) -> None:
        self.objects: dict[str, Slim] = {}
        self._shaper = Shaper(access, server)
        #: The keys that these visitors may know since ``_begin``; None if they may know all.
        self._known: set[str] | None = None if access.queues is None else set()
        self._begin: Position | None = None

    def replace(self, objects: Mapping[str, Slim], position: Position | None) -> None:
        """These are all objects of the server, as they were at that position."""
        shaped = self._shaper.take(objects, whole=True)
        self.objects = {key: one for key, one in shaped.items() if one is not None}
        self._begin = position
        if self._known is not None:
            self._known = set(self.objects)

    def take(self, changes: Mapping[str, Slim | None], position: Position | None) -> Changes:
        """These objects have changed up to that position. Returns what visitors are to be told."""
        told = Changes({}, {})
        for key, after in self._shaper.take(changes, whole=False).items():
            before = self.objects.get(key)
            if after is None:
                if self.objects.pop(key, None) is not None:
                    told.objects[key] = None
                continue
            self.objects[key] = after
            if self._known is not None:
                self._known.add(key)
            if before is None:
                told.objects[key] = after
            elif patch := patch_of(before, after):
                told.patches[key] = patch
        if self._known is not None and len(self._known) > len(self.objects) + _MOST_GONE:
            self._begin, self._known = position, set(self.objects)
        return told

    def since(
        self, position: Position | None, keys: Iterable[str] | None
    ) -> dict[str, Slim | None] | None:
        """The objects for a page that knows them as they were at that position; None: all.

        ``keys`` are those of the feed that have changed since; None if that is not known. An object
        is None if it is not there. The totals are with them: they may have changed with any.
        """
        if position is None or keys is None:
            return None
        shown = {self._shaper.shown_key(key) for key in keys}
        if self._known is not None:
            # The name of an object tells something, too, and of one that is gone nobody knows any
            # more who could see it.
            if self._begin is None or position.is_before(self._begin):
                return None
            shown &= self._known
        found = {key: self.objects.get(key) for key in shown}
        if found and _TOTALS in self.objects:
            found[_TOTALS] = self.objects[_TOTALS]
        return found


def slim_objects(bodies: Mapping[str, str | None]) -> dict[str, Slim | None]:
    """The objects of a feed, made small. One that cannot be read is told in the log, and left out.

    A listener of another release may have written it.
    """
    try:
        return slimmed(bodies)
    except Exception as error:  # noqa: BLE001  (whatever the text makes of it)
        if len(bodies) == 1:
            kind = next(iter(bodies)).partition(":")[0]
            _log(kind, f"{type(error).__name__}: {error}")
            return {}
        return {
            key: small
            for one, body in bodies.items()
            for key, small in slim_objects({one: body}).items()
        }


@cache
def _log(kind: str, error: str) -> None:
    """Once for each kind: it happens with each object of it."""
    logger.warning(
        "Objects of the kind %r of the live picture are not shown: %s. The listener may be of "
        "another release of django_ami: run one release everywhere.",
        kind,
        error,
    )
