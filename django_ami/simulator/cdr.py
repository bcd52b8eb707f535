"""The records of a call: a row for each pair, told at the end of the calling channel (main/cdr.c).

The other side of a pair has no row of its own. A channel that nobody was called for has one, if it
was answered.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel, Pairs

__all__ = ["Record", "begin", "close", "pair", "part"]

#: The Disposition by DialStatus; a call that is congested has failed, unless cdr.conf says
#: otherwise.
_DISPOSITIONS = {"ANSWER": "ANSWERED", "BUSY": "BUSY", "CONGESTION": "FAILED"}


@dataclass(eq=False, slots=True)
class Record:
    """A pair of channels, from the dialling to their parting."""

    channel: Channel
    peer: Channel | None
    started: float
    disposition: str = ""
    ended: float = 0.0
    destination: tuple[str, str] = ("", "")
    application: tuple[str, str] = ("", "")

    def end(self, now: float, dial_status: str = "ANSWER") -> None:
        """They part: later acts of the channel do not belong to this row."""
        if not self.ended:
            channel = self.channel
            self.ended = now
            self.disposition = _DISPOSITIONS.get(dial_status, "NO ANSWER")
            self.destination = channel.exten, channel.context
            self.application = channel.application, channel.data

    def headers(self) -> Pairs:
        """The headers of Cdr."""
        channel = self.channel
        answered = max(self.started, channel.answered) if channel.answered else 0.0
        return [
            ("AccountCode", channel.account),
            ("Source", channel.caller_num),
            ("Destination", self.destination[0]),
            ("DestinationContext", self.destination[1]),
            ("CallerID", f'"{channel.caller_name}" <{channel.caller_num}>'),
            ("Channel", channel.name),
            ("DestinationChannel", self.peer.name if self.peer else ""),
            ("LastApplication", self.application[0]),
            ("LastData", self.application[1]),
            ("StartTime", _clock(self.started)),
            ("AnswerTime", _clock(answered)),
            ("EndTime", _clock(self.ended)),
            ("Duration", str(int(self.ended - self.started))),
            ("BillableSeconds", str(int(self.ended - answered) if answered else 0)),
            ("Disposition", self.disposition),
            ("AMAFlags", "DOCUMENTATION"),
            ("UniqueID", channel.uniqueid),
            ("UserField", ""),
        ]


def begin(channel: Channel, peer: Channel, now: float) -> Record:
    """A channel has to do with a peer: the first row began when the channel did."""
    peer.is_called = True
    record = Record(channel, peer, now if channel.records else channel.created)
    channel.records.append(record)
    return record


def pair(one: Channel, other: Channel, now: float) -> None:
    """Two meet in a bridge: a row of the older one, unless they have one."""
    pairs = {
        (record.channel, record.peer)
        for record in (*one.records, *other.records)
        if not record.ended
    }
    if (one, other) not in pairs and (other, one) not in pairs:
        first, second = sorted((one, other), key=lambda channel: channel.created)
        begin(first, second, now)


def part(channel: Channel, others: list[Channel], now: float) -> None:
    """A channel leaves those whom it talked to."""
    for record in (*channel.records, *(record for other in others for record in other.records)):
        if {record.channel, record.peer} <= {channel, *others}:
            record.end(now)


def close(channel: Channel, now: float) -> list[Record]:
    """The rows of a channel that ends."""
    if not channel.records and not channel.is_called and channel.answered:
        channel.records.append(Record(channel, None, channel.created))
    for record in channel.records:
        record.end(now)
    return channel.records


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else ""
