"""A storm of calls on a real Asterisk, and its lists beside the live picture in a calm moment."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from django_ami.core.actions import (
    Atxfer,
    BlindTransfer,
    BridgeList,
    CoreShowChannels,
    Hangup,
    Originate,
    Park,
    QueuePause,
    QueueStatus,
    Redirect,
)
from django_ami.live.names import known
from tests.asterisk.clients import until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.actions import Action
    from django_ami.core.messages import Event
    from django_ami.live.snapshots import Channel
    from django_ami.live.tracker import Tracker
    from tests.asterisk.test_live_queues import Watched

__all__ = ["Picture", "Storm", "until_empty"]

#: The ways of a call, and how often it goes each: Local channels that are optimised away and that
#: are not, a SIP call of the server to itself, queues, a conference, a parking lot, a telephone
#: behind a Local channel, and a telephone alone.
WAYS = {
    "Local/520@default": 2,
    "Local/524@default": 2,
    "Local/829@default/n": 2,
    "Local/532@default/n": 4,
    "Local/530@default/n": 1,
    "Local/540@default": 1,
    "Local/550@default": 1,
    "Local/dial@outcomes": 3,
    "phone": 4,
}
#: Where the caller is sent meanwhile: a wait, SIP calls, a Local channel, a conference, a queue.
EXTENSIONS = ("899", "524", "524", "524", "520", "540", "532")
AGENTS = tuple(f"Local/c{number}@agents/n" for number in range(1, 9))
#: The queues whose members get no second call (ringinuse=no). Of others, InCall is 0 as soon as one
#: of two calls has ended (apps/app_queue.c).
ONE_AT_A_TIME = frozenset({"crowd", "sales"})
#: Nothing that the picture hears of happens for so long around lists that are compared.
CALM_SECONDS = 0.1
#: A call that rings, or waits, may move by itself for as long.
PATIENCE_SECONDS = 90.0

#: The objects of a server: channels and their places, bridges, the members and the callers of
#: queues. The technology of a bridge is not compared: it changes without an event.
Picture = dict[str, set[tuple[object, ...]]]


def until_empty(watched: Watched) -> None:
    """Hang up whatever is left, again and again: a call that is being set up has no channel yet."""

    def is_empty() -> bool:
        for channel in list(watched.tracker.channels.values()):
            watched.client.send(Hangup(channel.name))
        return watched.empty()

    watched.until(is_empty)


class Storm:
    """Begins, ends and moves up to ``calls`` calls at a time.

    ``phone`` is the dial string of a telephone that answers, if there is one.
    """

    def __init__(self, watched: Watched, *, seed: int, calls: int, phone: str = "") -> None:
        self.watched = watched
        self.chance = random.Random(seed)
        self.calls = calls
        self._phone = phone
        #: How often each action was sent.
        self.sent: dict[str, int] = {}

    def blow(self, seconds: float) -> None:
        """Go on for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(min(4, self.calls - len(self.watched.tracker.calls))):
                self._call()
            for _ in range(3):
                self._disturb()
            self.watched.turn()

    def calm(self) -> tuple[Picture, Picture]:
        """Wait for a moment in which nothing moves: the lists of the server, and the picture."""
        found: list[tuple[Picture, Picture]] = []

        def is_calm() -> bool:
            self._settle()
            heard = self.watched.heard
            lists = [*map(self.watched.ask, (CoreShowChannels(), BridgeList(), QueueStatus()))]
            self._settle()
            if heard == self.watched.heard:
                here = pictured(self.watched.tracker)
                here["split"] = split(lists[0], self.watched.tracker)
                found.append((listed(*lists), here))
            return bool(found)

        until(is_calm, "a calm moment", PATIENCE_SECONDS)
        return found[0]

    def _settle(self) -> None:
        end, heard = time.monotonic() + CALM_SECONDS, self.watched.heard
        while time.monotonic() < end:
            self.watched.turn()
            if heard != self.watched.heard:
                end, heard = time.monotonic() + CALM_SECONDS, self.watched.heard

    def _send(self, action: Action) -> None:
        self.sent[action.name] = self.sent.get(action.name, 0) + 1
        self.watched.client.send(action)

    def _call(self) -> None:
        way = self.chance.choices(list(WAYS), list(WAYS.values()))[0]
        variables = {"FAR": self._phone, "FAR_SECONDS": "20", "__WAITSECS": "300"}
        self._send(
            Originate(
                channel=way if way != "phone" else self._phone or "PJSIP/500@loop",
                context="default",
                exten=self.chance.choice(EXTENSIONS),
                priority=1,
                variables=variables,
            )
        )

    def _disturb(self) -> None:
        channels = self.watched.tracker.channels
        names = list(channels)
        channel = channels.get(self.chance.choice(names)) if names else None
        if channel is None or channel.state != "Up":
            return
        full = len(self.watched.tracker.calls) >= self.calls
        extension = self.chance.choice(EXTENSIONS)
        dice = self.chance.random()
        if dice < (0.4 if full else 0.1):
            self._send(Hangup(channel.name))
        elif dice < 0.5:
            self._send(Redirect(channel.name, context="default", exten=extension, priority=1))
        elif dice < 0.7 and channel.bridge:
            self._transfer(channel, extension)
        elif dice < 0.73:
            self._send(Park(channel.name))
        elif dice < 0.76:
            paused = self.chance.random() < 0.3
            self._send(QueuePause(self.chance.choice(AGENTS), paused=paused, queue="crowd"))

    def _transfer(self, channel: Channel, extension: str) -> None:
        if self.chance.random() < 0.5:
            self._send(BlindTransfer(channel.name, context="default", exten=extension))
        else:
            self._send(Atxfer(channel.name, context="default", exten=extension))


def listed(channels: Iterable[Event], bridges: Iterable[Event], queues: Iterable[Event]) -> Picture:
    """A server as its lists tell."""
    told = [one for one in channels if not one["Channel"].startswith("Message/")]
    items = list(queues)
    return {
        "channels": {
            (one["Uniqueid"], one["Channel"], one["ChannelStateDesc"], one.get("BridgeId", ""),
             known(one.get("CallerIDNum")), known(one.get("CallerIDName")), one["AccountCode"])
            for one in told
        },
        "bridges": {
            (one["BridgeUniqueid"], one["BridgeType"])
            for one in bridges
            if one["BridgeNumChannels"] != "0"
        },
        "members": {
            (one["Queue"], one["Location"], one["Paused"] == "1", int(one["Status"]),
             one["Queue"] in ONE_AT_A_TIME and one["InCall"] == "1")
            for one in items
            if one.name == "QueueMember"
        },
        "callers": {
            (one["Queue"], int(one["Position"]), one["Uniqueid"], one["Channel"])
            for one in items
            if one.name == "QueueEntry"
        },
        "queues": {(one["Queue"],) for one in items if one.name == "QueueParams"},
        "split": set(),
    }  # fmt: skip


def split(channels: Iterable[Event], tracker: Tracker) -> set[tuple[object, ...]]:
    """The Linkedids whose channels are in several calls of the picture: there may be none."""
    calls: dict[str, set[str]] = {}
    for one in channels:
        if (channel := tracker.channels.get(one["Uniqueid"])) is not None:
            calls.setdefault(one["Linkedid"], set()).add(channel.call)
    return {(linkedid, *ids) for linkedid, ids in calls.items() if len(ids) > 1}


def pictured(tracker: Tracker) -> Picture:
    """A server as its live picture tells."""
    return {
        "channels": {
            (one.uniqueid, one.name, one.state, one.bridge, one.number, one.caller_name,
             one.account)
            for one in tracker.channels.values()
        },
        "bridges": {
            (one.id, one.type) for one in tracker.bridges.values() if one.channels
        },
        "members": {
            (queue, interface, one.paused, one.device_state,
             queue in ONE_AT_A_TIME and one.talk is not None and one.talk.queue == queue)
            for (queue, interface), one in tracker.members.items()
        },
        "callers": {
            (one.queue, one.position, one.uniqueid, one.channel)
            for one in tracker.callers.values()
        },
        "queues": {(name,) for name in tracker.queues},
    }  # fmt: skip
