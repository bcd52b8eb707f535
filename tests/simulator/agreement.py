"""A picture and a server's own lists of the same moment: they must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Event
    from django_ami.live.tracker import Tracker

__all__ = ["check_bridges", "check_channels", "check_conference", "check_parked", "check_queues"]


def check_channels(tracker: Tracker, items: Iterable[Event]) -> None:
    """CoreShowChannels."""
    listed = {
        item["Uniqueid"]: (
            item["Channel"], item["ChannelStateDesc"], _known(item["CallerIDNum"]),
            _known(item["ConnectedLineNum"]), item["Context"], item["Exten"],
            item["Application"], item["BridgeId"],
        )
        for item in items
    }  # fmt: skip
    known = {
        one.uniqueid: (
            one.name, one.state, one.number, one.connected_number, one.context, one.exten,
            one.application, one.bridge,
        )
        for one in tracker.channels.values()
    }  # fmt: skip
    assert known == listed, (known, listed)


def check_bridges(tracker: Tracker, items: Iterable[Event]) -> None:
    """BridgeList. A conference has an announcer that nobody sees; an empty bridge is none."""
    counts = {
        item["BridgeUniqueid"]: (
            item["BridgeType"],
            int(item["BridgeNumChannels"]) - (item["BridgeType"] == "base"),
        )
        for item in items
    }
    listed = {uniqueid: (kind, count) for uniqueid, (kind, count) in counts.items() if count}
    known = {one.id: (one.type, len(one.channels)) for one in tracker.bridges.values()}
    assert known == listed, (known, listed)


def check_queues(tracker: Tracker, items: Iterable[Event]) -> None:
    """QueueStatus: the callers at their places, and the state of each member."""
    listed = list(items)
    queues = {item["Queue"]: item for item in listed if item.name == "QueueParams"}
    assert {name: queue.waiting for name, queue in tracker.queues.items()} == {
        name: int(item["Calls"]) for name, item in queues.items()
    }
    callers = {
        item["Uniqueid"]: (item["Queue"], int(item["Position"]), item["CallerIDNum"])
        for item in listed
        if item.name == "QueueEntry"
    }
    assert {
        uniqueid: (one.queue, one.position, one.number) for uniqueid, one in tracker.callers.items()
    } == callers
    members = {
        (item["Queue"], item["Location"]): (
            item["Name"], int(item["Status"]), item["Paused"] == "1", item["PausedReason"],
            int(item["Penalty"]),
        )
        for item in listed
        if item.name == "QueueMember"
    }  # fmt: skip
    assert {
        key: (one.name, one.device_state, one.paused, one.pause_reason, one.penalty)
        for key, one in tracker.members.items()
    } == members
    talking = {
        item["Location"] for item in listed if item.name == "QueueMember" and item["InCall"] == "1"
    }
    assert {one.interface for one in tracker.members.values() if one.talk is not None} == talking


def check_parked(tracker: Tracker, items: Iterable[Event]) -> None:
    """ParkedCalls."""
    listed = {item["ParkeeUniqueid"]: item["ParkingSpace"] for item in items}
    assert {uniqueid: one.space for uniqueid, one in tracker.parked.items()} == listed


def check_conference(tracker: Tracker, name: str, items: Iterable[Event]) -> None:
    """ConfbridgeList of a conference."""
    people = tracker.conferences[name].participants if name in tracker.conferences else ()
    assert {one.uniqueid for one in people} == {item["Uniqueid"] for item in items}


def _known(number: str) -> str:
    return "" if number == "<unknown>" else number
