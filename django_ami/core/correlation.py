"""Which answer belongs to which action: the ActionIDs, and the registry of the actions that are not settled.

Rule: every action is settled exactly once: by its answer, by its deadline, or by the end of the connection. An answer
is found by its ActionID alone; whatever carries an ActionID of somebody else is none of our business.

One connection runs one action at a time and answers in the order in which it was asked (do_message in main/manager.c).
So an action is over, too, when a later one is answered: the server passed it over, left out the end of its list, or
answered with text that is no message. There is no action of Asterisk that answers out of order. A proxy may, which
answers some by itself: so an action of which nothing at all was seen, and a list, have a moment more, and who answers
it after all is believed no more.
"""

from __future__ import annotations

import os
from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ActionTimeout, AmiError, Backpressure, ProtocolError
from django_ami.core.messages import Response
from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event
    from django_ami.core.pending import PendingAction

__all__ = ["ActionIds", "PendingActions"]

_ACTION_ID: Final = b"\r\nActionID: "
#: Seconds that an action has yet, when a later one was answered.
PASSED_OVER_SECONDS: Final = 2.0
#: So many of those that were passed over and are settled are known, in case they are answered after all.
_REMEMBERED: Final = 256
#: Bytes of text, which is no message, that may be an answer.
_MOST_TEXT: Final = 2**20


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
    """The actions of one connection that are not settled yet.

    ``in_order``: the server answers in the order in which it was asked. ``hastened``: a deadline has become earlier;
    who has read that takes the flag down. ``undeclared_lists``: it is one of before AMI 2.7 (Asterisk 13.2), some of
    whose lists say neither where they begin nor where they end.
    """

    def __init__(self, prefix: str, *, server: str, most: int, most_items: int) -> None:
        self.server = server
        self.late = 0
        self.unmatched = 0
        self.in_order = self.hastened = False
        self.undeclared_lists = False
        self._most = most
        self._most_items = most_items
        self.mark = _ACTION_ID + prefix.encode()
        self._prefix = len(prefix)
        self._by_id: dict[str, PendingAction] = {}
        self._unanswered: dict[str, PendingAction] = {}
        #: Their ActionIDs as they were written, and of some that are settled.
        self._written: deque[str] = deque()
        #: The deadlines that they had.
        self._passed_over: dict[str, float] = {}
        #: What came since the last answer and is no message; empty if that were empty lines.
        self._text: bytearray | None = None
        #: By the ids of their channels, the calls whose outcome is wanted.
        self.calls: dict[str, PendingAction] = {}
        #: By ActionID: an action may hold a long list, so it is not kept until its deadline.
        self._deadlines: list[tuple[float, int, str]] = []
        self.listing: PendingAction | None = None
        #: The ActionID line of its items, where it is not their last.
        self._item = b""
        #: The names of the event that closes it, in lower case, if nothing else says so.
        self._closing: tuple[str, ...] = ()
        self._overdue = False
        self._tie = count()

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, pending: PendingAction, now: float, *, anyway: bool = False) -> None:
        """Watch over an action from now on; raises Backpressure if there are too many, unless it goes ``anyway``."""
        if len(self._by_id) >= self._most and not anyway:
            raise Backpressure(
                f"{self._most} actions are unanswered (option max_pending_actions): {pending.name} was not sent. "
                "Wait for answers, or raise the option.",
                server=self.server,
            )
        pending.deadline = pending.deadline or now + pending.timeout  # of the first server it was for
        self._by_id[pending.action_id] = pending
        if pending.call is not None:
            for channel_id in pending.call.ids:
                self.calls.setdefault(channel_id, pending)
        self._watch_over(pending)

    def _watch_over(self, pending: PendingAction) -> None:
        heappush(self._deadlines, (pending.deadline, next(self._tie), pending.action_id))
        if len(self._deadlines) > 2 * len(self._by_id) + 64:
            self._deadlines = [entry for entry in self._deadlines if entry[2] in self._by_id]
            heapify(self._deadlines)

    def written(self, pending: PendingAction) -> None:
        """It was handed over for writing: from now on the server may be running it."""
        self._unanswered[pending.action_id] = pending
        self._written.append(pending.action_id)

    def match(self, response: Response, now: float) -> bool:
        """Settle the action that this is the response to, unless it says that there is more to come.

        False if it is none to an action of ours: then it does not show that the server reads what we send.
        """
        action_id = self._id_in(response.raw) or self._id_spelled_oddly(response)
        if action_id in self._passed_over:
            self._give_time_back()
        if action_id is None:
            # The answer to a request without ActionID, such as the server's complaint about a line it could not read.
            self.unmatched += 1
            return False
        self._overdue = False
        pending = self._unanswered.pop(action_id, None)
        if pending is None:
            self.late += 1  # a second response (JabberSend sends two), or one after the deadline
            return True
        if not self.in_order:
            self._forget_settled()
        elif self._written[0] == action_id and self._text is None and self.listing is None:
            self._written.popleft()  # as nearly always
        else:
            self._pass_over_those_before(pending, now)
        pending.response = response
        is_list = response.raw.lower().find(b"\r\neventlist:") >= 0 and response["EventList"].lower() == "start"
        closing = () if is_list or not self.undeclared_lists else _closing_events(pending, response)
        if not response.ok or not (is_list or closing or pending.final_event):
            if pending.call is None:
                self._by_id.pop(action_id, None)  # all of ``discard`` that is left to do
            else:
                self.discard(pending)
            pending.complete()
        elif is_list or closing:
            self.listing = pending
            self._item = _ACTION_ID + pending.action_id.encode() + b"\r\n"
            self._closing = closing
        return True

    def _id_spelled_oddly(self, response: Response) -> str | None:
        """An ActionID of ours whose key is in other letters, or that has no blank before it."""
        return self._id_in(_ACTION_ID + response.get("ActionID", "").encode())

    def _pass_over_those_before(self, pending: PendingAction, now: float) -> None:
        """What was written before an action that is answered has had its answer, or gets none."""
        self._pass_over_listing(now)
        passed_over = []
        while (action_id := self._written.popleft()) != pending.action_id:
            if action_id in self._unanswered:
                passed_over.append(self._unanswered[action_id])
        text, self._text = self._text, None
        for each in passed_over:
            self._passed_over[each.action_id] = each.deadline
            if text is None or len(passed_over) > 1:
                self._hasten(each, now)
            elif text:
                each.response = _response_of_text(each.action_id, text, self.server)
                self.discard(each).complete()
            else:
                self.discard(each).fail(self._timeout(each))
        if len(self._passed_over) > _REMEMBERED:
            # Those that may still be answered are all known: that they are is what tells of another order.
            for action_id in list(self._passed_over)[:-_REMEMBERED]:
                if action_id not in self._unanswered:
                    del self._passed_over[action_id]

    def _pass_over_listing(self, now: float) -> None:
        """Nothing more comes of the list under way: a later action is answered."""
        listing = self.listing
        if listing is None:
            return
        if self._closing:
            self.discard(listing).complete()
        else:
            self.listing = None
            self._passed_over[listing.action_id] = listing.deadline
            self._hasten(listing, now)

    def _hasten(self, pending: PendingAction, now: float) -> None:
        """It was passed over, and has a moment more."""
        pending.deadline = min(pending.deadline, now + PASSED_OVER_SECONDS)
        heappush(self._deadlines, (pending.deadline, next(self._tie), pending.action_id))
        self.hastened = True

    def _give_time_back(self) -> None:
        """One that was passed over is answered after all: whoever is there does not keep to the order."""
        self.in_order = False
        for action_id, deadline in self._passed_over.items():
            if action_id in self._by_id:
                self._by_id[action_id].deadline = deadline
        self._passed_over.clear()

    def add_text(self, text: bytes | bytearray) -> bool:
        """Text came that is no message, or an empty line (no text).

        It may be the whole answer of the action that is running: ``IAXnetstats`` (manager_iax2_show_netstats in
        channels/chan_iax2.c) and ``Queues`` up to Asterisk 13 say no ``Response``. True if nothing else was written
        that would be answered behind it, and tell.
        """
        running = self._oldest_unanswered()
        if not self.in_order or running is None:
            return False
        if self._text is None:
            self._text = bytearray()
        if len(self._text) < _MOST_TEXT:
            self._text += text
        return self._written[-1] == running.action_id

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

    def observe(self, event: Event) -> None:
        """Gather what tells of a call whose outcome is wanted, one of ``CALL_EVENTS``."""
        pending = self.calls.get(event.get("DestUniqueid" if event.name == "DialEnd" else "Uniqueid", ""))
        if pending is not None:
            pending.events.append(event)
            self._complete_if_told(pending)

    def _complete_if_told(self, pending: PendingAction) -> bool:
        response, call = pending.response, pending.call
        if response is None or response.final_event is None:
            return False
        if call is None or call.is_told(response.final_event, pending.events):
            self.discard(pending).complete()
            return True
        return False

    def claim(self, event: Event, now: float = 0.0) -> bool:
        """True if an event with ``mark`` belongs to an answer of ours, or did: it is nothing to tell receivers of."""
        pending = self._asker_of(event)
        if pending is None or pending.response is None:
            broadcast = _is_broadcast(event)
            self.late += not broadcast
            return not broadcast
        if event.name == pending.final_event:
            pending.response.final_event = event
            if not self._complete_if_told(pending) and pending.call is not None:
                # What became of the call is told by an event that may come behind this one.
                pending.deadline = min(pending.deadline, now + pending.call.seconds_to_wait(event))
                self._watch_over(pending)
        elif not pending.final_event:
            if pending is not self.listing and pending.action_id in self._passed_over:
                self._give_time_back()
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
        is_last = event.raw.find(b"\r\nEventList: ") >= 0 or (self._closing and event.name.lower() in self._closing)
        if is_last and pending.response is not None:
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

    def expire(self, now: float, obstacle: Callable[[], str] = str) -> int:
        """Fail the actions whose time is over; says how many. ``obstacle`` says why one was never sent, if it knows."""
        expired = 0
        while (when := self.next_deadline()) is not None and when <= now:
            pending = self._by_id[self._deadlines[0][2]]
            if when < pending.deadline:
                heappop(self._deadlines)  # it has got its time back
                continue
            expired += 1
            self._overdue = self._overdue or pending is self.running()
            self._end(pending, lambda each: self._timeout(each, obstacle))
        return expired

    def _end(self, pending: PendingAction, error: Callable[[PendingAction], AmiError]) -> None:
        """No more will come of this one."""
        self.discard(pending)
        if pending.response is not None and pending.response.final_event is not None:
            pending.complete()  # the rest is not worth an error
        else:
            pending.fail(error(pending))

    def _timeout(self, pending: PendingAction, obstacle: Callable[[], str] = str) -> ActionTimeout:
        if pending.action_id in self._passed_over:
            what = "answer to" if pending.response is None else "end of the list of"
            return ActionTimeout(
                f"no {what} {pending.name}: the server, which answers in order, has answered a later action. It was "
                "sent, so it may have been carried out: look before you repeat it.",
                server=self.server,
                sent=True,
            )
        if pending.position is None:
            why = obstacle()
            text = f"it was never sent, so it is safe to repeat. {why[:1].upper()}{why[1:]}".rstrip()
        elif pending.response is not None and pending.call is not None:
            text = f"it was accepted, {pending.call.why_untold(pending.timeout, pending.events)}"
        elif pending.response is not None and pending.final_event:
            text = f"it was accepted, but no {pending.final_event} came."
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
        """The list under way, or the oldest action without a response: what the server is running, if it runs one.

        One thread per connection does everything, one action at a time (do_message in main/manager.c). Once that one's
        time is over, none is known to be running until the server answers something: else those behind it, each with
        a later deadline, would excuse the silence of a dead server for ever.
        """
        return self.listing or self._oldest_unanswered()

    def _oldest_unanswered(self) -> PendingAction | None:
        self._forget_settled()
        return self._unanswered[self._written[0]] if self._written and not self._overdue else None

    def _forget_settled(self) -> None:
        while self._written and self._written[0] not in self._unanswered:
            self._written.popleft()

    @property
    def overdue(self) -> bool:
        """True if the time of the action that the server was running is over, and it has answered nothing since."""
        return self._overdue

    def fail_all(self, error: Callable[[PendingAction], AmiError]) -> int:
        """Fail every action, each with its own error; says how many there were."""
        pendings = list(self._by_id.values())
        self._by_id.clear()
        self._unanswered.clear()
        self._written.clear()
        self._passed_over.clear()
        self._text = None
        self._deadlines.clear()
        self.listing = None
        self._closing = ()
        self.in_order = self.hastened = self.undeclared_lists = False
        self._overdue = False
        for pending in pendings:
            self._end(pending, error)
        return len(pendings)

    def discard(self, pending: PendingAction) -> PendingAction:
        """Watch over it no more; whoever calls settles it."""
        self._by_id.pop(pending.action_id, None)
        self._unanswered.pop(pending.action_id, None)
        if pending is self.listing:
            self.listing = None
            self._closing = ()
        if pending.call is not None:
            for channel_id in pending.call.ids:
                if self.calls.get(channel_id) is pending:
                    del self.calls[channel_id]
        return pending


def _is_broadcast(event: Event) -> bool:
    # Some names are list items and broadcasts both (DeviceStateChange); only Status items have a Privilege, too.
    return b"\r\nPrivilege: " in event.raw and event.name != "Status"


def _closing_events(pending: PendingAction, response: Response) -> tuple[str, ...]:
    """What closes a list that does not say that it begins; empty if none begins.

    QueueStatus, Status, Agents and others of before AMI 2.7 say no more than that something "will follow".
    """
    from django_ami.core import catalog  # of old servers alone

    info = catalog.action(pending.name)
    if info is None or not info.items or info.final_event is None or "follow" not in response.message.lower():
        return ()
    return info.final_event.lower(), f"{info.name.lower()}complete"


def _response_of_text(action_id: str, text: bytes | bytearray, server: str) -> Response:
    """An answer of mere text as that of an old Command: its lines are the ``output``."""
    lines = bytes(text).removesuffix(b"\n").split(b"\n")
    raw = [b"Response: Follows", b"ActionID: " + action_id.encode(), *[b"Output: " + line for line in lines]]
    return Response("Follows", b"\r\n".join(raw), server)
