"""Conferences: lists of the rooms, and of the people in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange

__all__ = ["confbridge_list", "confbridge_list_rooms"]


@action("ConfbridgeListRooms", "reporting", module=True)
def confbridge_list_rooms(x: Exchange) -> bytes:
    """List the conferences. No conference at all is an error."""
    if not x.pbx.conferences:
        return x.error("No active conferences.")
    items = [
        x.item(
            "ConfbridgeListRooms",
            ("Conference", room.name),
            ("Parties", str(len(room.bridge.members))),
            ("Marked", "0"),
            ("Locked", "No"),
            ("Muted", "No"),
        )
        for room in x.pbx.conferences.values()
    ]
    return x.listing("Confbridge conferences will follow", items, "ConfbridgeListRoomsComplete")


@action("ConfbridgeList", "reporting", module=True)
def confbridge_list(x: Exchange) -> bytes:
    """List who is in a conference."""
    if not x.get("Conference"):
        return x.error("No Conference name provided.")
    if not x.pbx.conferences:
        return x.error("No active conferences.")
    room = x.pbx.conferences.get(x.get("Conference"))
    if room is None:
        return x.error("No Conference by that name found.")
    now = x.pbx.clock.time()
    items = [
        x.item(
            "ConfbridgeList",
            ("Conference", room.name),
            ("Admin", "No"),
            ("MarkedUser", "No"),
            ("WaitMarked", "No"),
            ("EndMarked", "No"),
            ("EndMarkedAny", "No"),
            ("Waiting", "No"),
            ("Muted", "No"),
            ("Talking", "No"),
            ("AnsweredTime", str(int(now - room.since[channel.uniqueid]))),
            *channel.snapshot(),
        )
        for channel in room.bridge.members
    ]
    return x.listing("Confbridge user list will follow", items, "ConfbridgeListComplete")
