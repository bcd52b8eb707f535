"""Which events have to stay in order: those of one call, of one queue, of one device.

Rule: the key of a channel is that of its call when the channel was first seen, and stays so until
two calls become one. It is not the Linkedid of an event, which changes within a call
(``main/channel_internal_api.c``), and differs between the halves of a Local channel.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django_ami.core.sent_on import LocalChannels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.messages import Event

__all__ = ["KEY_EVENTS", "NAMED_BY", "CallPartitions", "Partition", "key_by_name"]

#: Where an event names no channel, the first of these headers that it has is the key.
NAMED_BY: Final = (
    "Queue", "Device", "Peer", "Endpoint", "EndpointName", "AOR", "Mailbox", "Conference",
    "ParkingLot", "Parkinglot", "Exten", "Interface", "MemberName", "Agent", "Domain", "Username",
    "BridgeUniqueid", "Channel",
)  # fmt: skip
#: Events by which channels become parts of one call, whoever else receives them.
KEY_EVENTS: Final = frozenset(
    {"newchannel", "localbridge", "dialbegin", "dialend", "bridgeenter", "bridgedestroy",
     "attendedtransfer", "pickup", "hangup"}
)  # fmt: skip

#: Headers with the Uniqueid of a channel, in events that have no "Uniqueid".
_CHANNELS: Final = (
    "LocalOneUniqueid", "TransfererUniqueid", "OrigTransfererUniqueid", "ParkeeUniqueid",
    "SpyeeUniqueid", "DestUniqueid", "UniqueID", "Uniqueid1",
)  # fmt: skip
#: By the name of an event in lower case: headers with the Uniqueids of channels that are parts of
#: one call.
_JOINED: Final = {
    "localbridge": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "dialbegin": ("Uniqueid", "DestUniqueid"),
    "dialend": ("Uniqueid", "DestUniqueid"),
    "pickup": ("Uniqueid", "TargetUniqueid"),
    "attendedtransfer": (
        "OrigTransfererUniqueid", "SecondTransfererUniqueid", "TransfereeUniqueid",
        "TransferTargetUniqueid",
    ),
}  # fmt: skip
#: The number of ended channels that are remembered, for events behind their Hangup.
MOST_ENDED: Final = 10_000
#: The number of ids that are remembered in all: a Hangup may be among events that were lost.
MOST_IDS: Final = 400_000


@dataclass(slots=True, eq=False)
class Partition:
    """Events that have to stay in order: those of a call, or of one name.

    ``lane`` is where its events go, by number; None if nobody has chosen yet.
    """

    key: str
    born: int = 0
    lane: int | None = None
    #: Uniqueids, Linkedids and bridges that lead here; a dict keeps their order.
    ids: dict[str, None] = field(default_factory=dict)


class CallPartitions:
    """The calls of a server, as far as order goes. Not safe from several threads."""

    def __init__(self) -> None:
        self._calls: dict[str, Partition] = {}
        self._ended: deque[str] = deque()
        self._locals = LocalChannels()
        self._born = 0

    def __len__(self) -> int:
        return len(self._calls)

    def place(self, event: Event) -> tuple[Partition, list[Partition]]:
        """The call of an event, and the calls that become one with it by this event.

        The events of all of them have to be over before it; later ones are of the first alone.
        """
        get = event.get
        uniqueid = get("Uniqueid") or next(filter(None, map(get, _CHANNELS)), None)
        if uniqueid is None or uniqueid == "<unknown>":
            return self._by_name(event), []
        name = event.name.lower()
        linkedid = get("Linkedid") or uniqueid
        call = self._calls.get(uniqueid) or self._first_seen(uniqueid, linkedid)
        gone: list[Partition] = []
        if linkedid != uniqueid:
            call = self._join(call, linkedid, gone)
        for other in self._joined_by(event, name):
            call = self._join(call, other, gone)
        if name in {"newchannel", "dialbegin", "dialend"}:
            self._locals.note(event)
        elif name == "hangup":
            self._end(uniqueid)
        return call, gone

    def forget(self) -> None:
        """All channels are gone, or nobody knows what became of them."""
        self._calls.clear()
        self._ended.clear()
        self._locals.clear()

    def find(self, some_id: str) -> Partition | None:
        """The call of a Uniqueid or Linkedid, if it is known."""
        return self._calls.get(some_id)

    def _joined_by(self, event: Event, name: str) -> Iterator[str]:
        """What is of one call with the channel of an event from now on."""
        if name in _JOINED and event.get("Result", "Success") == "Success":
            yield from filter(None, map(event.get, _JOINED[name]))
        if name == "dialend":
            yield from self._locals.in_place_of(event)
        if name == "bridgeenter":
            if event.get("BridgeType") == "basic":
                yield _of_bridge(event)
            if swapped := event.get("SwapUniqueid"):  # its place is this channel's now
                yield swapped

    def _by_name(self, event: Event) -> Partition:
        if event.name == "BridgeDestroy" and (call := self._calls.get(_of_bridge(event))):
            self._drop(_of_bridge(event))
            return call
        return Partition(key_by_name(event))

    def _first_seen(self, uniqueid: str, linkedid: str) -> Partition:
        """A channel is seen for the first time: it belongs to the call of its Linkedid."""
        call = self._calls.get(linkedid)
        if call is None:
            self._born += 1
            call = Partition(linkedid, self._born)
            self._add(linkedid, call)
        if uniqueid != linkedid:
            self._add(uniqueid, call)
        return call

    def _add(self, some_id: str, call: Partition) -> None:
        if len(self._calls) >= MOST_IDS:
            self._drop(next(iter(self._calls)))
        self._calls[some_id] = call
        call.ids[some_id] = None

    def _join(self, call: Partition, some_id: str, gone: list[Partition]) -> Partition:
        """An id belongs to a call, too. Gives the call of the two that was there first."""
        other = self._calls.get(some_id)
        if other is None:
            self._add(some_id, call)
        elif other is not call:
            call, younger = (call, other) if call.born < other.born else (other, call)
            gone.append(younger)
            call.ids |= younger.ids
            self._calls.update(dict.fromkeys(younger.ids, call))
        return call

    def _end(self, uniqueid: str) -> None:
        self._ended.append(uniqueid)
        if len(self._ended) > MOST_ENDED:
            self._drop(self._ended.popleft())

    def _drop(self, some_id: str) -> None:
        call = self._calls.pop(some_id, None)
        if call is not None:
            call.ids.pop(some_id, None)


def key_by_name(event: Event) -> str:
    """The key of an event without a channel: of its queue, its device, …; else its own name."""
    for header in NAMED_BY:
        if value := event.get(header):
            return f"{header}:{value}"
    return event.name


def _of_bridge(event: Event) -> str:
    return f"bridge {event.get('BridgeUniqueid')}"
