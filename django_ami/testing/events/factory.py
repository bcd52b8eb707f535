"""Making events: the headers that a real one has, and the few that a test is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django_ami.core import catalog
from django_ami.core.arguments import did_you_mean
from django_ami.core.messages import Event
from django_ami.core.numerals import whole_number
from django_ami.simulator.channels import CAUSES, STATES
from django_ami.simulator.masks import class_of_event
from django_ami.testing.events.data import TEMPLATES
from django_ami.testing.identity import make_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["EventFactory", "HeaderValue", "event"]

#: The values that a header may have: None leaves it out, a list repeats it, everything else is
#: written as text.
HeaderValue = str | int | float | None | list[str] | tuple[str, ...]

#: The headers that manager.conf or the sender of an action may add to any event.
_OF_ALL: Final = (
    "Privilege",
    "Timestamp",
    "SystemName",
    "ActionID",
    "ChanVariable",
    "DestChanVariable",
    "Tenantid",
)


class EventFactory:
    """Makes the events of one name: ``hangup(Channel="PJSIP/101-00000007", Cause=17)``.

    Every other header has a realistic value; ``Cause-txt`` follows ``Cause``, ``ChannelStateDesc``
    its number, and ``Linkedid`` the ``Uniqueid``. Names are compared without case, and an
    underscore stands for the minus of ``Cause-txt``. A header that such an event does not have is a
    TypeError, since a test with a misspelt one would test nothing; a mapping takes any:
    ``hangup({"X-Ours": 1})``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"Make the event {name}; see EventFactory."

    def __repr__(self) -> str:
        return f"<EventFactory {self.name}>"

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that it may have."""
        info = catalog.event(self.name)
        documented = () if info is None else (parameter.name for parameter in info.parameters)
        return tuple(
            dict.fromkeys(
                [*(key for key, _ in TEMPLATES.get(self.name, ())), *documented, *_OF_ALL]
            )
        )

    def __call__(
        self,
        headers: Mapping[str, HeaderValue] | None = None,
        /,
        *,
        server: str = "",
        **more: HeaderValue,
    ) -> Event:
        """Make one.

        ``server`` is the name of the server that it comes from; its delivery may name it, too.
        """
        values = {self._known(key): value for key, value in more.items()}
        values = {**(headers or {}), **values}
        made = Headers(self.name)
        for key, value in [*_following(values), *values.items()]:
            made.set(key, value)
        return Event(self.name, made.as_bytes(), make_id(server))

    def _known(self, given: str) -> str:
        if self.name == "UserEvent":
            return given  # its sender chooses its headers
        names = {_folded(name): name for name in self.headers}
        try:
            return names[_folded(given)]
        except KeyError:
            raise TypeError(
                f"{self.name} has no header {given!r}: {did_you_mean(given, names.values())}"
            ) from None


class Headers:
    """The headers of an event that is being made, in their order."""

    def __init__(self, event: str) -> None:
        classes = _privilege(event)
        own = (("Privilege", f"{classes},all"),) if classes else ()
        self._pairs: list[tuple[str, str]] = [("Event", event), *own, *TEMPLATES.get(event, ())]

    def set(self, key: str, value: HeaderValue) -> None:
        """Give a header another value, or add it at the end."""
        values = value if isinstance(value, list | tuple) else [] if value is None else [str(value)]
        pairs = [(key, one) for one in values]
        places = [
            place for place, (name, _) in enumerate(self._pairs) if _folded(name) == _folded(key)
        ]
        start = places[0] if places else len(self._pairs)
        self._pairs[start : start + 1] = pairs

    def as_bytes(self) -> bytes:
        """The frame without its end. ValueError for a header that would end before its time."""
        for key, value in self._pairs:
            if re.search(r"[\r\n:\0]", key) or "\r" in value or "\0" in value:
                raise ValueError(
                    f"no header can be {key!r}: {value!r}: a line end or NUL is in it."
                )
        return "\r\n".join(f"{key}: {value}" for key, value in self._pairs).encode(
            "utf-8", "surrogateescape"
        )


def event(
    name: str,
    headers: Mapping[str, HeaderValue] | None = None,
    /,
    *,
    server: str = "",
    **more: HeaderValue,
) -> Event:
    """Make an event of any name.

    One that is known here is made by its factory; one that Asterisk has is checked for its headers,
    but has those alone that are given; any other one is yours, and so are its headers.
    """
    known = next((one for one in TEMPLATES if one.lower() == name.lower()), None)
    info = catalog.event(name)
    if known is not None or info is not None:
        return EventFactory(known or (info.name if info else name))(headers, server=server, **more)
    made = Headers(name)
    for key, value in {**(headers or {}), **more}.items():
        made.set(key, value)
    return Event(name, made.as_bytes(), make_id(server))


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _privilege(name: str) -> str:
    """The classes of a broadcast event; none of an item of a list."""
    info = catalog.event(name)
    if info is None:
        return class_of_event(name)
    return ",".join(info.privileges) if info.broadcast else ""


def _following(values: Mapping[str, HeaderValue]) -> Iterable[tuple[str, str]]:
    """The headers that go with the given ones.

    They are set first, so that a caller can override them.
    """
    for key, value in values.items():
        number = whole_number(str(value))
        if key.lower() == "cause" and number in CAUSES:
            yield "Cause-txt", CAUSES[number]
        elif key.endswith("ChannelState") and number in STATES:
            yield f"{key}Desc", STATES[number]
        elif key.lower() == "uniqueid" and value is not None:
            yield "Linkedid", str(value)
