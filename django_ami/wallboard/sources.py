"""A server as one event loop knows it: its objects, made small once for all audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django_ami.wallboard.visible import slim_objects

if TYPE_CHECKING:
    from django_ami.live.feed.mirror import Follower, Page
    from django_ami.live.feed.records import Position

    Slim = dict[str, Any]

__all__ = ["News", "Source"]


class News(NamedTuple):
    """The news of a server: all of its objects, or those that changed."""

    whole: bool
    objects: dict[str, Slim | None]
    #: Somebody publishes now who did not before, or the other way round.
    turned: bool


class Source:
    """One server, as this loop knows it, for all audiences."""

    def __init__(self, page: Page, follower: Follower) -> None:
        self.server = page.server
        self.page = page
        self.follower = follower
        #: False until somebody has looked for the picture: an empty one is none.
        self.looked = False
        self.position: Position | None = None
        self.fresh = False
        self.objects: dict[str, Slim] = {}
        self.take()

    def take(self) -> News:
        """The news since the last time."""
        looked, was_fresh = self.page.looked.is_set(), self.fresh
        news = self.follower.take()
        changes = slim_objects(news.bodies)
        if news.whole:
            self.objects.clear()
        for key, one in changes.items():
            if one is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = one
        is_whole = news.whole or looked != self.looked
        self.position, self.looked, self.fresh = news.position, looked, self.page.fresh
        return News(is_whole and looked, changes, self.fresh != was_fresh and looked)

    def liveliness(self) -> dict[str, Any]:
        """Whether somebody publishes, and when that was last seen."""
        heard = self.page.heard
        return {"fresh": self.fresh, "heard": None if heard is None else round(heard, 1)}
