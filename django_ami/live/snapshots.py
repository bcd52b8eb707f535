"""Snapshots of the live picture: frozen, typed, and whole in themselves.

Times are seconds on the clock of the ``now`` that the tracker is given; None means not yet, or not
known. A party is named by its device, which is the name of its channel without the counter:
``PJSIP/bob-0000002a`` is of ``PJSIP/bob``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django_ami.live.terms import CallState, Direction, Outcome, VisitResult

__all__ = [
    "Bridge", "Call", "CallState", "Channel", "ConferenceVisit", "Direction", "Forward", "Hold",
    "Leg", "Outcome", "Park", "Party", "Pickup", "QueueVisit", "TalkSegment", "Transfer",
    "VisitResult",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of Asterisk. ``call`` is the id of the call that it belongs to."""

    uniqueid: str
    name: str
    device: str
    linkedid: str
    call: str
    #: As Asterisk says it: Down, Ring, Ringing, Up, …
    state: str
    number: str
    caller_name: str
    connected_number: str
    connected_name: str
    context: str
    exten: str
    account: str
    application: str
    bridge: str
    since: float
    #: A half of a Local channel, or one that Asterisk made for itself: no party of a call.
    hidden: bool
    on_hold: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge, with the Uniqueids of its channels. Nobody talks in one that is ``holding``."""

    id: str
    type: str
    technology: str
    channels: tuple[str, ...]
    since: float
    holding: bool


@dataclass(frozen=True, slots=True)
class Party:
    """A real end of a call: a phone, a trunk's far side; never a Local channel.

    ``channels`` are the Uniqueids of its channels, the first one first: a phone that consults
    somebody has two.
    """

    device: str
    number: str
    name: str
    #: ``caller`` or ``callee``.
    role: str
    channels: tuple[str, ...]
    joined: float
    #: When the last of its channels ended.
    left: float | None = None
    #: When it first talked with another party.
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """A channel that was dialled, or rung by the server, and its outcome.

    A phone that could not be rung, since it is not registered, has a leg without a channel.
    """

    uniqueid: str
    channel: str
    device: str
    number: str
    #: The device that dialled, and its channel; empty if the server did.
    by: str
    by_channel: str
    begin: float
    ringing: float | None = None
    #: Since when the caller may hear it before it is picked up (SIP 183: early media).
    progress: float | None = None
    #: When it was picked up, and when it first was in a bridge with another party: only that is an
    #: answer.
    answered: float | None = None
    connected: float | None = None
    end: float | None = None
    #: None while it is open.
    outcome: Outcome | None = None
    #: The first DialStatus of DialEnd, which is not the dialplan's DIALSTATUS.
    status: str = ""
    #: Q.850, and the SIP code where Asterisk tells it; 0 and "" if not.
    cause: int = 0
    tech_cause: str = ""
    #: The queue for which it rang.
    queue: str = ""
    #: The number to which the phone sent the call on.
    forwarded_to: str = ""


@dataclass(frozen=True, slots=True)
class TalkSegment:
    """Two parties who heard each other, by device and by Uniqueid; a hold ends it.

    ``end`` is None while it lasts.
    """

    a: str
    b: str
    a_channel: str
    b_channel: str
    begin: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """``by`` put the others on hold."""

    by: str
    channel: str
    begin: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody was sent on.

    ``kind`` is blind, attended, or redirect (an action of AMI, which is nobody's).
    """

    kind: str
    at: float
    #: Devices: the transferer (empty for a redirect), and the party that was sent on.
    by: str
    who: str
    #: The extension, or the device that was consulted.
    to: str
    #: ``Success``, or another word of Asterisk.
    result: str


@dataclass(frozen=True, slots=True)
class Pickup:
    """``by`` took a call that rang at ``of``."""

    at: float
    by: str
    of: str


@dataclass(frozen=True, slots=True)
class Forward:
    """The phone ``by`` sent the call on to ``to`` without answering it (SIP 302)."""

    at: float
    by: str
    to: str


@dataclass(frozen=True, slots=True)
class Park:
    """``who`` was in a parking space.

    ``result`` is retrieved, timeout, gave_up, swapped, or "" while it is there.
    """

    lot: str
    space: str
    who: str
    channel: str
    #: The device that parked it.
    by: str
    begin: float
    end: float | None = None
    result: str = ""
    retrieved_by: str = ""


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """One visit of a caller to a queue.

    The wait is from ``joined`` to ``connected``, or to ``left``.
    """

    queue: str
    caller: str
    channel: str
    joined: float
    position: int
    result: VisitResult = VisitResult.WAITING
    connected: float | None = None
    left: float | None = None
    #: The member's interface and channel.
    agent: str = ""
    agent_channel: str = ""
    ring_seconds: float | None = None

    def wait(self, now: float) -> float:
        """For how many seconds the caller has waited, or did until it ended."""
        ends = [end for end in (self.connected, self.left) if end is not None]
        return min(ends, default=now) - self.joined


@dataclass(frozen=True, slots=True)
class ConferenceVisit:
    """A party's stay in a conference."""

    conference: str
    device: str
    channel: str
    joined: float
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as people count: all channels that belong together, from the first to the last."""

    id: str
    server: str
    direction: Direction
    state: CallState
    started: float
    #: Two parties in one bridge that holds nobody, for the first time.
    answered: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    #: Q.850, and the SIP code where Asterisk tells it.
    cause: int = 0
    tech_cause: str = ""
    #: The device that hung up; empty if Asterisk did, or does not tell.
    hung_up_by: str = ""
    #: The older call that this one has become part of.
    merged_into: str = ""
    #: The number that was dialled first, and the number of the party that answered.
    requested: str = ""
    destination: str = ""
    #: The device that counts as the caller now: after a transfer by the caller, the party that was
    #: sent on.
    source: str = ""
    account: str = ""
    #: The application of the dialplan that the caller was in last, and its arguments.
    application: str = ""
    application_data: str = ""
    parties: tuple[Party, ...] = ()
    legs: tuple[Leg, ...] = ()
    talks: tuple[TalkSegment, ...] = ()
    #: Pairs that could hear each other before anybody answered: an announcement, a ring-back tone,
    #: or a voice. It is no talk.
    early_media: tuple[TalkSegment, ...] = ()
    holds: tuple[Hold, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    pickups: tuple[Pickup, ...] = ()
    forwards: tuple[Forward, ...] = ()
    parks: tuple[Park, ...] = ()
    queues: tuple[QueueVisit, ...] = ()
    conferences: tuple[ConferenceVisit, ...] = ()
    #: The channel variables that the project asks for.
    variables: dict[str, str] = field(default_factory=dict)
    #: Something of it was not seen but concluded, from a list.
    inferred: bool = False

    @property
    def caller(self) -> Party | None:
        """The party that called; of an originated call the one that was rung first."""
        return next((party for party in self.parties if party.role == "caller"), None)

    @property
    def answered_by(self) -> Party | None:
        """The first party that was called and talked."""
        talked = [
            party for party in self.parties if party.role == "callee" and party.answered is not None
        ]
        return min(talked, key=lambda party: party.answered or 0.0, default=None)

    def talk_seconds(self, now: float) -> float:
        """For how many seconds anybody talked; two talks at once count once, holds not at all."""
        total, reached = 0.0, float("-inf")
        spans = [(one.begin, now if one.end is None else one.end) for one in self.talks]
        for begin, end in sorted(spans):
            total += max(0.0, end - max(begin, reached))
            reached = max(reached, end)
        return total
