"""Filters at the source: the server sends only the events that have receivers.

Pure. Facts (main/manager.c): a mask lets an event through if it has all of its classes. Included
names are or-ed, and so are excluded ones; neither can be removed from a connection again.
Responses, lists and FullyBooted are not filtered. The advanced form compares a name by its hash.
Servers before 18.26, 20.11, 21.6 and 22.1 ignore it silently: ``PROBE`` asks which form there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django_ami.core.actions import Filter
from django_ami.core.calls import CALL_EVENTS
from django_ami.core.options import EVENT_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.catalog import EventInfo
    from django_ami.core.messages import Event

__all__ = ["PROBE", "Selection", "select"]

#: Advanced servers refuse its format. Others take it for the exclusion of a text that never comes.
PROBE: Final = Filter("!^\\$never\\$", match_criteria="method(probe)")
#: Of more names than these, the server would compare each event with too many filters.
MOST_NAMES: Final = 40
#: A line of an action has 1,022 bytes at most, with the name of its header.
_LONGEST_REGEX_BYTES: Final = 1000
#: The client itself reads these: outcomes of calls, and the end of a server.
_NEEDED: Final = frozenset({*CALL_EVENTS, "OriginateResponse", "FullyBooted", "Shutdown"})
#: The events that are many, and that most projects do not want.
_FLOODS: Final = (
    "DeviceStateChange", "Newexten", "RTCPReceived", "RTCPSent", "TestEvent", "VarSet",
)  # fmt: skip


class Selection(NamedTuple):
    """The events that a server is to send.

    ``mask`` is for Login and Events. ``only`` are the names that are let in (None: all),
    ``without`` those that are kept out.
    """

    mask: str
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def filters(self, *, advanced: bool) -> tuple[Filter, ...]:
        """The actions to send before events are turned on, in either form."""
        names, action = (self.without, "exclude") if self.only is None else (self.only, "include")
        if not names:
            return ()
        if advanced:
            criteria = (f"action({action}),name({name}),method(none)" for name in sorted(names))
            return tuple(Filter("", match_criteria=text) for text in criteria)
        return (Filter(("!" if action == "exclude" else "") + _regex(names)),)

    def passes(self, event: Event) -> bool:
        """Whether the server sends this event, which came through no filter."""
        classes = frozenset(filter(None, event.get("Privilege", "").split(",")))
        if not classes - {"all"} <= _classes(self.mask):
            return False
        return event.name not in self.without if self.only is None else event.name in self.only

    def lets(self, other: Selection) -> bool:
        """Whether everything that ``other`` wants comes."""
        if not _classes(other.mask) <= _classes(self.mask):
            return False
        if self.only is not None:
            return other.only is not None and other.only <= self.only
        if other.only is not None:
            return not self.without & other.only
        return self.without <= other.without


def select(wanted: frozenset[str] | None, asked: str = "on") -> Selection:
    """The least that brings the ``wanted`` events: names in lower case, None for all of them.

    ``asked`` is the mask of the settings, of which nothing more comes.
    """
    infos = None if wanted is None else [_info(name) for name in wanted]
    if infos is None:
        return Selection(asked)
    names = {info.name for info in infos if info is not None} | _NEEDED
    if None in infos:  # an event that Asterisk does not have: its spelling is not known
        return Selection(asked, without=_floods(names, asked))
    mask = _mask(names, asked)
    if len(names) <= MOST_NAMES and len(_regex(names)) <= _LONGEST_REGEX_BYTES:
        return Selection(mask, only=frozenset(names))
    return Selection(mask, without=_floods(names, mask))


def _info(name: str) -> EventInfo | None:
    from django_ami.core.catalog import event  # large, and of no use without filters

    return event(name)


def _regex(names: Iterable[str]) -> str:
    """Anchored: the name alone would also let in those that begin so."""
    return f"^Event: ({'|'.join(sorted(names))})[^A-Za-z-]"


def _classes(mask: str) -> frozenset[str]:
    if mask == "on":
        return frozenset(EVENT_CLASSES)
    return frozenset() if mask == "off" else frozenset(mask.split(","))


def _classes_of(name: str) -> tuple[str, ...]:
    info = _info(name)
    return info.privileges if info is not None else ()


def _mask(names: Iterable[str], asked: str) -> str:
    """The classes of these events, as far as they are asked for."""
    wanted = {one for name in names for one in _classes_of(name)} & _classes(asked)
    return ",".join(one for one in EVENT_CLASSES if one in wanted) or "off"


def _floods(names: Iterable[str], mask: str) -> frozenset[str]:
    """The floods that come to this mask, and have no receiver."""
    classes = _classes(mask)
    return frozenset(
        name for name in _FLOODS if name not in names and classes.issuperset(_classes_of(name))
    )
