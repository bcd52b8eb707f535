"""The messages of a server, ``Event`` and ``Response``: framed first, parsed late.

Rule: a message keeps the bytes of its frame and is split into headers only when a header is looked
up. Keys are compared without case (``Uniqueid`` and ``UniqueID`` both occur:
main/manager_channels.c, cdr/cdr_manager.c), repeated keys are kept in order, and nothing is thrown
away: a line without a colon is kept under the empty key.
"""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from django_ami.core.headers import DECODING, split
from django_ami.core.layouts import fit_layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.event_id import EventId
    from django_ami.core.outcome import OriginateOutcome

    _Mapping = Mapping[str, str]
else:
    # It is registered below: as a base, it would make each event dearer, and isinstance slow
    _Mapping = object

__all__ = ["Event", "Message", "Response"]

Default = TypeVar("Default")

#: How many headers of a message are searched for in its bytes before it is split into all of them.
#: A split takes as long as seven searches.
_SEARCHES: Final = 8
#: It has been split.
_SPLIT: Final = 1_000
#: How many keys are remembered, and of how many characters each: keys may come from anywhere.
_MAX_NEEDLES: Final = 1024
_LONGEST_NEEDLE_CHARACTERS: Final = 64
_needles: dict[str, bytes] = {}
#: Keys of first lines: of them alone a search does not tell which line it has found.
_FIRST: Final = frozenset({"event", "response"})


def _make_needle(key: str) -> bytes:
    """The beginning of a line with this key, and the line end before it.

    Empty if only splitting can find it.
    """
    simple = (
        bool(key)
        and key.isascii()
        and "(" not in key
        and ":" not in key
        and key.lower() not in _FIRST
    )
    needle = f"\r\n{key}:".encode() if simple else b""
    if len(_needles) < _MAX_NEEDLES and len(key) <= _LONGEST_NEEDLE_CHARACTERS:
        _needles[key] = needle
    return needle


class Message(_Mapping):
    """An ordered, case-insensitive, read-only multi-map of headers over the bytes of one frame.

    It is a ``Mapping`` of each key to its first value: ``len``, iteration, ``keys``, ``items`` and
    ``values`` have each key once, and ``dict(message)`` is the same. All values of a repeated key
    are in ``get_all`` (in order) and in ``headers``, which has every header line.

    ``message["Key"]`` is the first value of that key: of the exact spelling if it occurs, else of
    any spelling; KeyError if there is none. ``get`` gives a default instead. Two spellings of one
    key that both occur are two keys, so that nothing is hidden. Two messages are equal if their
    kind, bytes and server are.

    ``raw`` holds the header lines, the first one ``Event`` or ``Response``, separated by CR LF;
    ``server`` the alias of the server that sent it.
    """

    __slots__ = ("_exact", "_folded", "_headers", "_searches", "_source", "raw")

    def __init__(self, raw: bytes, server: str = "") -> None:
        self.raw = raw
        self._source: str | EventId = server
        self._searches = 0

    # Most messages are never split: the others are not set before.

    @property
    def server(self) -> str:
        """The alias of the server that sent it; empty if nobody has said it."""
        source = self._source
        return source if isinstance(source, str) else source.server

    def _parsed(self) -> dict[str, str]:
        if self._searches != _SPLIT:
            self._exact, self._headers = split(self.raw)
            self._folded: dict[str, list[str]] | None = None
            self._searches = _SPLIT
        return self._exact

    def _by_folded_key(self) -> dict[str, list[str]]:
        self._parsed()
        folded = self._folded
        if folded is None:
            folded = {}
            for key, value in self.headers:
                folded.setdefault(key.lower(), []).append(value)
            self._folded = folded
        return folded

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every header in order, the first line included.

        A line without a colon as ``("", line)``.
        """
        if self._searches != _SPLIT:
            found = fit_layout(self.raw.decode("utf-8", "backslashreplace"))
            if found is not None:
                return tuple(zip(*found, strict=True))
        exact = self._parsed()
        return tuple(exact.items()) if self._headers is None else self._headers

    def __getitem__(self, key: str) -> str:
        searches = self._searches
        if searches < _SEARCHES:
            try:
                needle = _needles[key]
            except KeyError:
                needle = _make_needle(key)
            if needle:
                self._searches = searches + 1
                _, found, rest = self.raw.partition(needle)
                if not found:
                    rest = self._behind(needle, key)
                try:
                    return rest.partition(b"\r\n")[0].decode().removeprefix(" ")
                except UnicodeDecodeError:
                    return rest.partition(b"\r\n")[0].decode(*DECODING).removeprefix(" ")
        return self._look_up(key)

    def _behind(self, needle: bytes, key: str) -> bytes:
        """The text behind the first needle of any spelling."""
        lower, needle = self.raw.lower(), needle.lower()
        start = -2 if lower.startswith(needle[2:]) else lower.find(needle)
        if start == -1:
            raise KeyError(key)
        return self.raw[start + len(needle) :]

    def _look_up(self, key: str) -> str:
        """The first value of the key, of the exact spelling if that occurs."""
        exact = self._parsed()
        if key in exact:
            return exact[key]
        if needle := _needles.get(key):
            self._behind(needle, key)  # raises: most keys that are not there have no other spelling
        values = self._by_folded_key().get(key.lower())
        if values is None:
            raise KeyError(key)
        return values[0]

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: Default) -> str | Default: ...
    def get(self, key: str, default: object = None) -> object:
        """The first value of ``key``, or ``default``."""
        try:
            split = self._searches == _SPLIT and key != "Event"
            return self._exact[key] if split and key in self._exact else self[key]
        except KeyError:
            return default

    def get_all(self, key: str) -> list[str]:
        """Every value of ``key`` in order, whatever its spelling.

        An empty list if there is none.
        """
        return list(self._by_folded_key().get(key.lower(), ()))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._by_folded_key()

    def __iter__(self) -> Iterator[str]:
        exact = self._parsed()
        return iter(exact if self._headers is None else dict(self._headers))

    def __len__(self) -> int:
        return len(self._parsed())

    def keys(self) -> KeysView[str]:
        """The keys in order, each spelling once."""
        return KeysView(self)

    def items(self) -> ItemsView[str, str]:
        """Each key with its first value, in order. ``headers`` has every value."""
        return ItemsView(self)

    def values(self) -> ValuesView[str]:
        """The first value of each key, in order."""
        return ValuesView(self)

    def as_dict(self) -> dict[str, str | list[str]]:
        """A plain dict for JSON and logs: a key that is repeated has a list."""
        if self._searches != _SPLIT:
            exact, headers = split(self.raw)  # not kept: a caller that wants a dict wants no more
        else:
            exact, headers = self._exact.copy(), self._headers
        if headers is None:
            return cast("dict[str, str | list[str]]", exact)
        collected: dict[str, list[str]] = {}
        for key, value in headers:
            collected.setdefault(key, []).append(value)
        return {key: values[0] if len(values) == 1 else values for key, values in collected.items()}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.raw == other.raw and self.server == other.server

    def __hash__(self) -> int:
        return hash(self.raw)

    def __reduce__(self) -> tuple[Any, ...]:
        """The bytes alone: a pickle has not what was split out of them."""
        return type(self), (self.raw, self.server)


Mapping.register(Message)


class Event(Message):
    """Something happened on a server: ``event.name``, ``event.server``, ``event["Channel"]``.

    ``server`` is the alias of its server or, for an event that has an id, that id. Events that are
    read together share the id of the first, and each has its ``index`` behind it. Two events are
    equal without regard to their ids.
    """

    __slots__ = ("_index", "name")

    def __init__(self, name: str, raw: bytes, server: str | EventId = "", index: int = 0) -> None:
        self.name = name
        self.raw = raw
        self._source = server
        self._index = index
        self._searches = 0

    @property
    def id(self) -> EventId:
        """Its own among all events; equal for each delivery of this one.

        Raises ValueError for an event that no connection read, and that was made without an id.
        """
        source = self._source
        if isinstance(source, str):
            raise ValueError(  # noqa: TRY004  (the source is its own type where there is no id)
                f"{self!r} has no id, since no connection read it: make it with "
                "django_ami.testing.events, or give it one: Event(name, raw, id)."
            )
        return source._replace(sequence=source.sequence + self._index) if self._index else source

    def _look_up(self, key: str) -> str:
        return self.name if key == "Event" else super()._look_up(key)

    def __reduce__(self) -> tuple[Any, ...]:
        source = self._source
        return type(self), (self.name, self.raw, source if isinstance(source, str) else self.id)

    def __repr__(self) -> str:
        # The name alone: the values may be somebody's telephone number.
        return f"<Event {self.name} from {self.server or 'nowhere'}>"


#: The words of the first line of a good answer, in lower case. Every other word is a refusal:
#: ``Error``, or ``Fail`` of other people's modules. ``Goodbye`` answers Logoff, ``Follows`` Command
#: up to Asterisk 13, ``Pong`` Ping up to 1.4.
_GOOD: Final = frozenset({"success", "goodbye", "follows", "pong"})


class Response(Message):
    """The answer to an action.

    ``status`` is ``Success``, ``Error``, ``Goodbye`` or ``Follows``; ``events`` holds the items of
    a list, and of an ``Originate(wait=True)`` what was told of its channel; ``final_event`` the
    event that completed the action, where one does.
    """

    __slots__ = ("events", "final_event", "status")

    def __init__(self, status: str, raw: bytes, server: str = "") -> None:
        self.status = status
        self.raw = raw
        self._source = server
        self._searches = 0
        self.events: tuple[Event, ...] = ()
        self.final_event: Event | None = None

    @property
    def ok(self) -> bool:
        """True for ``Success``, ``Goodbye``, ``Follows`` and ``Pong``: the good answers.

        Some actions say Success and mean failure: read ``message``.
        """
        return self.status == "Success" or self.status.lower() in _GOOD

    @property
    def message(self) -> str:
        """``Message``, or "", without the line feed of about sixty places of Asterisk."""
        return self.get("Message", "").rstrip("\n")

    @property
    def output(self) -> str:
        """The output of a CLI command (its ``Output`` headers), the lines joined by a line feed."""
        return "\n".join(self.get_all("Output"))

    @property
    def outcome(self) -> OriginateOutcome | None:
        """The outcome of an ``Originate(wait=True)``; None for every other action."""
        event = self.final_event
        if event is None or event.name != "OriginateResponse":
            return None
        # Loaded with the first outcome: most processes make no calls.
        from django_ami.core.outcome import OriginateOutcome

        return OriginateOutcome.from_event(event, self.events)

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON: the headers, the ``events`` of a list, and the ``outcome``."""
        found: dict[str, Any] = {**super().as_dict()}
        if self.events:
            found["events"] = [event.as_dict() for event in self.events]
        if (outcome := self.outcome) is not None:
            found["outcome"] = outcome.as_dict()
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"events": self.events, "final_event": self.final_event}
        return type(self), (self.status, self.raw, self.server), (None, state)

    def __repr__(self) -> str:
        return (
            f"<Response {self.status} from {self.server or 'nowhere'}, {len(self.events)} events>"
        )
