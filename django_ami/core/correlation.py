"""Which answer belongs to which action: the ActionIDs, and the registry of the actions that are not settled.

Rule: every action is settled exactly once: by its answer, by its deadline, or by the end of the connection. An answer
is found by its ActionID alone; whatever carries an ActionID of somebody else is none of our business.
"""

from __future__ import annotations

import os
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ActionTimeout, AmiError, Backpressure, ProtocolError
from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event, Response
    from django_ami.core.pending import PendingAction

__all__ = ["ActionIds", "PendingActions"]

_ACTION_ID: Final = b"\r\nActionID: "


class ActionIds:
    """ActionIDs that no other client has, on whatever host: 64 random bits and a counter, about 20 bytes long.

    They must be unique among *all* clients of a server, because OriginateResponse and UserEvent are broadcast with the
    ActionID of whoever asked; and at most 64 bytes of ``[A-Za-z0-9_.:-]``, because several list actions echo them from
    small buffers (action_confbridgelist in apps/app_confbridge.c).
    """

    def __init__(self) -> None:
        self.prefix = f"{os.urandom(8).hex()}-"
        self._next = count(1).__next__

    def __call__(self) -> str:
        """The next one; safe from any thread."""
        return f"{self.prefix}{self._next()}"


class PendingActions:
    """The actions of one connection that are not settled yet."""

    def __init__(self, prefix: str, *, server: str, most: int, most_items: int) -> None:
        self.server = server
        self.late = 0
        self.unmatched = 0
        self._most = most
        self._most_items = most_items
        self.mark = _ACTION_ID + prefix.encode()
        self._prefix = len(prefix)
        self._by_id: dict[str, PendingAction] = {}
        self._unanswered: dict[str, PendingAction] = {}
        #: By ActionID: an action may hold a long list, so it is not kept until its deadline.
        self._deadlines: list[tuple[float, int, str]] = []
        self.listing: PendingAction | None = None
        #: The ActionID line of its items, where it is not their last.
        self._item = b""
        self._overdue = False
        self._tie = count()

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, pending: PendingAction, now: float) -> None:
        """Watch over an action from now on; raises Backpressure if there are too many."""
        if len(self._by_id) >= self._most:
            raise Backpressure(
                f"{self._most} actions are unanswered (option max_pending_actions): {pending.name} was not sent. "
                "Wait for answers, or raise the option.",
                server=self.server,
            )
        pending.deadline = pending.deadline or now + pending.timeout  # of the first server it was for
        self._by_id[pending.action_id] = pending
        heappush(self._deadlines, (pending.deadline, next(self._tie), pending.action_id))
        if len(self._deadlines) > 2 * len(self._by_id) + 64:
            self._deadlines = [entry for entry in self._deadlines if entry[2] in self._by_id]
            heapify(self._deadlines)

    def written(self, pending: PendingAction) -> None:
        """It was handed over for writing: from now on the server may be running it."""
        self._unanswered[pending.action_id] = pending

    def match(self, response: Response) -> None:
        """Settle the action that this is the response to, unless it says that there is more to come."""
        self._overdue = False
        action_id = self._id_in(response.raw)
        if action_id is None:
            # The answer to a request without ActionID, such as the server's complaint about a line it could not read.
            self.unmatched += 1
            return
        pending = self._unanswered.pop(action_id, None)
        if pending is None:
            self.late += 1  # a second response (JabberSend sends two), or one after the deadline
            return
        pending.response = response
        is_list = b"\r\neventlist:" in response.raw.lower() and response.get("EventList", "").lower() == "start"
        if not response.ok or not (is_list or pending.final_event):
            self.discard(pending).complete()
        elif is_list:
            self.listing = pending
            self._item = _ACTION_ID + pending.action_id.encode() + b"\r\n"

    def adopt(self, event: Event) -> bool:
        """True if an event without ``mark`` is an item of the list under way, if one is: ``listing``.

        Those of IAXpeers carry no ActionID (_iax2_show_peers_one in channels/chan_iax2.c). A list is written in one go,
        and what is sent to everybody has a Privilege.
        """
        listing = self.listing
        if listing is None or b"\r\nPrivilege: " in event.raw or _ACTION_ID in event.raw:
            return False
        self._collect(listing, event)
        return True

    def claim(self, event: Event) -> bool:
        """True if an event with ``mark`` belongs to an answer of ours, or did: it is nothing to tell receivers of."""
        pending = self._asker_of(event)
        if pending is None or pending.response is None:
            broadcast = _is_broadcast(event)
            self.late += not broadcast
            return not broadcast
        if event.name == pending.final_event:
            pending.response.final_event = event
            self.discard(pending).complete()
        elif not pending.final_event:
            self._collect(pending, event)
            return True
        return not _is_broadcast(event)

    def _asker_of(self, event: Event) -> PendingAction | None:
        if self.listing is not None and event.raw.find(self._item) >= 0:
            return self.listing  # as nearly always, while a list is under way
        return self._by_id.get(self._id_in(event.raw) or "")

    def _id_in(self, raw: bytes) -> str | None:
        """The first ActionID that is one of ours."""
        line = raw.find(self.mark)
        while line >= 0:
            end = raw.find(b"\r\n", line + 2)
            text = raw[line + len(_ACTION_ID) : end if end >= 0 else None]
            if text[self._prefix :].isdigit():
                return text.decode()
            line = raw.find(self.mark, line + 2)  # a message was cut, and this one runs into it
        return None

    def _collect(self, pending: PendingAction, event: Event) -> None:
        if event.raw.find(b"\r\nEventList: ") >= 0 and pending.response is not None:
            pending.response.final_event = event
            self.discard(pending).complete()
        elif len(pending.events) < self._most_items:
            pending.events.append(event)
        else:
            self.discard(pending).fail(
                ProtocolError(
                    f"the list of {pending.name} has more than {self._most_items} items (option max_list_items): "
                    "ask for less, or raise the option.",
                    server=self.server,
                    sent=True,
                )
            )

    def oversized(self, action_id: str | None, limit: int) -> None:
        """A message of an answer was larger than ``limit`` bytes and is gone.

        If nothing says whose it was, it was an item of the list under way, if there is one: one action at a time, and
        many items have their ActionID at the end (QueueMember, Status, DBGetResponse).
        """
        mine = self._by_id.get(action_id or "")
        for pending in [mine] if mine else [] if action_id else self._lists():
            self.discard(pending).fail(
                ProtocolError(
                    f"the answer to {pending.name} is larger than {limit} bytes (option max_frame_size): ask for less, "
                    "or raise the option.",
                    server=self.server,
                    sent=True,
                )
            )

    def _lists(self) -> list[PendingAction]:
        return [pending for pending in self._by_id.values() if pending.response is not None and not pending.final_event]

    def expire(self, now: float) -> int:
        """Fail the actions whose time is over; says how many."""
        expired = 0
        while (when := self.next_deadline()) is not None and when <= now:
            pending = self._by_id[self._deadlines[0][2]]
            expired += 1
            self._overdue = self._overdue or pending is self.running()
            self.discard(pending).fail(self._timeout(pending))
        return expired

    def _timeout(self, pending: PendingAction) -> ActionTimeout:
        if pending.position is None:
            text = "it was never sent, so it is safe to repeat."
        elif pending.response is not None and pending.final_event:
            cure = ": does the AMI user have read=call?" if pending.final_broadcast else "."
            text = f"it was accepted, but no {pending.final_event} came{cure}"
        else:
            text = "it was sent, so it may have been carried out: look before you repeat it."
        return ActionTimeout(
            f"no answer to {pending.name} within {in_words(pending.timeout)}; {text}",
            server=self.server,
            sent=pending.position is not None,
        )

    def next_deadline(self) -> float | None:
        """When ``expire`` has something to do."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][2] not in self._by_id:
            heappop(deadlines)
        return deadlines[0][0] if deadlines else None

    def running(self) -> PendingAction | None:
        """The oldest action without a response: the one that the server is running, if it runs one.

        One thread per connection does everything, one action at a time (do_message in main/manager.c). Once that one's
        time is over, none is known to be running until the server answers something: else those behind it, each with
        a later deadline, would excuse the silence of a dead server for ever.
        """
        return None if self._overdue else next(iter(self._unanswered.values()), None)

    def fail_all(self, error: Callable[[PendingAction], AmiError]) -> int:
        """Fail every action, each with its own error; says how many there were."""
        pendings = list(self._by_id.values())
        self._by_id.clear()
        self._unanswered.clear()
        self._deadlines.clear()
        self.listing = None
        self._overdue = False
        for pending in pendings:
            pending.fail(error(pending))
        return len(pendings)

    def discard(self, pending: PendingAction) -> PendingAction:
        """Watch over it no more; whoever calls settles it."""
        self._by_id.pop(pending.action_id, None)
        self._unanswered.pop(pending.action_id, None)
        if pending is self.listing:
            self.listing = None
        return pending


def _is_broadcast(event: Event) -> bool:
    # Some names are list items and broadcasts both (DeviceStateChange); only Status items have a Privilege, too.
    return b"\r\nPrivilege: " in event.raw and event.name != "Status"
