"""How each kind of ordinary frame is treated: made into a message, or left out.

A kind is known by its first bytes, so that an event without receivers costs little more than
finding its end.
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from django_ami.core.framing import decode
from django_ami.core.messages import Event, Response

if TYPE_CHECKING:
    #: The name of a plain broadcast; of any other message, what makes it of its bytes and of where
    #: it comes from.
    Kind = str | partial[Event] | partial[Response]

__all__ = ["PRIVILEGE", "SKIP", "TELLING_BYTES", "Kind", "Kinds"]

_MAX_KINDS: Final = 2048
PRIVILEGE: Final = b"Privilege: "
#: The kind of events without receivers: not true, so that ``compress`` leaves them out.
SKIP: Final = ""
#: How many bytes of a frame nearly always say how to treat it: the name of the event, and the
#: Privilege behind it.
TELLING_BYTES: Final = len(b"Event: \r\n") + 24 + len(PRIVILEGE)
_head: Final = itemgetter(slice(TELLING_BYTES))
#: Handed on in any case: the client itself has to see them, or they are list items in spite of
#: their Privilege.
_ALWAYS: Final = frozenset({"fullybooted", "shutdown", "originateresponse", "status", "peerstatus"})


class Kinds:
    """The kinds of frames that were seen, and the names of events that decide about them.

    ``interest`` is the set of event names, in lower case, that somebody wants (None: all).
    ``also`` are names, in lower case, that are looked at besides, and are not plain.
    """

    def __init__(self) -> None:
        #: By the first bytes of a frame.
        self.known: dict[bytes, Kind] = {}
        #: Those that are names: a set tells at once whether all kinds of a read are.
        self.plain: set[Kind | None] = {SKIP}
        self._interest: frozenset[str] | None = None
        self._also: frozenset[str] = frozenset()

    @property
    def interest(self) -> frozenset[str] | None:
        return self._interest

    @interest.setter
    def interest(self, names: frozenset[str] | None) -> None:
        self._interest = names
        self._forget()

    @property
    def also(self) -> frozenset[str]:
        return self._also

    @also.setter
    def also(self, names: frozenset[str]) -> None:
        if names != self._also:
            self._also = names
            self._forget()

    def _forget(self) -> None:
        self.known.clear()
        self.plain = {SKIP}

    def of(self, blocks: list[bytes]) -> list[Kind | None]:
        """The kinds of these frames, up to the first that is not an ordinary one."""
        kinds: list[Kind | None] = list(map(self.known.get, map(_head, blocks)))
        if None in kinds:
            for index, block in enumerate(blocks):
                if kinds[index] is None:
                    kinds[index] = self._learn(block)
                    if kinds[index] is None:
                        del kinds[index:]
                        break
        return kinds

    def _learn(self, block: bytes) -> Kind | None:
        """How to treat such a frame; None if it is not an ordinary one."""
        plain = False
        if block.startswith((b"Response: Success\r\n", b"Response: Error\r\n")):
            kind: Kind = partial(Response, "Success" if block[10] == 83 else "Error")
            told = 0
        elif block.startswith(b"Event: "):
            first_line, _, rest = block.partition(b"\r\n")
            if b"\n" in first_line:
                return None
            name, broadcast = decode(first_line[7:]), rest.startswith(PRIVILEGE)
            kind = self.of_event(name, broadcast=broadcast)
            plain = isinstance(kind, str)
            told = len(first_line) + 2 + len(PRIVILEGE)
        else:
            return None
        if told <= TELLING_BYTES:
            if len(self.known) >= _MAX_KINDS:
                self._forget()
            self.known[_head(block)] = kind
            if plain:
                self.plain.add(kind)
        return kind

    def of_event(self, name: str, *, broadcast: bool) -> Kind:
        """How to treat an event of that name; a broadcast goes to everybody."""
        folded = name.lower()
        if not broadcast or folded in _ALWAYS:
            return partial(Event, name)
        if self._interest is not None and folded not in self._interest:
            return partial(Event, name) if folded in self._also else SKIP
        return name or partial(Event, name)
