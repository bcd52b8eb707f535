"""Which answer belongs to which action: the registry of the actions that are not settled.

Rule: every action is settled exactly once: by its answer, by its deadline, or by the end of the
connection. An answer is found by its ActionID alone; a message with an ActionID of another client
is ignored.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from django_ami.core.correlation.action_ids import OwnIds
from django_ami.core.correlation.calls import CallsByChannel
from django_ami.core.correlation.deadlines import Deadlines
from django_ami.core.correlation.lists import ListUnderWay, is_broadcast, too_large, too_many_items
from django_ami.core.correlation.old_answers import (
    LAST_ITEMS,
    OldCommands,
    closing_events,
    response_of_text,
)
from django_ami.core.correlation.order import AnswerOrder
from django_ami.core.counters import Counters
from django_ami.core.errors import AmiError, Backpressure
from django_ami.core.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event, Response

__all__ = ["PendingActions"]

#: Seconds that an action has yet, when a later one was answered.
PASSED_OVER_SECONDS: Final = 2.0


class PendingActions:
    """The actions of one connection that are not settled yet.

    ``order`` is what the order of answers says of them; the session adds those that it hands over
    for writing to ``written``. ``hastened``: a deadline
    has become earlier; its reader clears the flag. ``is_old``: it is one of before AMI 2.7
    (Asterisk 13.2). Some of its lists say neither where they begin nor where they end, and before
    12 it gives channels ids of its own.
    """

    def __init__(
        self,
        prefix: str,
        *,
        server: str,
        most: int,
        most_items: int,
        counters: Counters | None = None,
    ) -> None:
        self.server = server
        self.counters = counters or Counters()
        self.hastened = False
        self.is_old = False
        self._most = most
        self._most_items = most_items
        self._own_ids = OwnIds(prefix)
        self.mark = self._own_ids.mark
        #: By ActionID.
        self.unsettled: dict[str, Request] = {}
        self.order = AnswerOrder(self.unsettled)
        self.written = self.order.written
        self.old_commands = OldCommands(self.unsettled, self._own_ids, self.order.passed_over)
        self.calls = CallsByChannel()
        self._deadlines = Deadlines(self.unsettled)
        #: When ``expire`` has something to do; None if nothing is under way.
        self.next_deadline = self._deadlines.next
        self.list = ListUnderWay()

    def __len__(self) -> int:
        return len(self.unsettled)

    def add(self, request: Request, now: float, *, anyway: bool = False) -> None:
        """Watch over an action from now on.

        Raises Backpressure if there are too many, unless it goes ``anyway``.
        """
        if len(self.unsettled) >= self._most and not anyway:
            raise Backpressure(
                f"{self._most} actions are unanswered (option max_pending_actions): "
                f"{request.name} was not sent. Wait for answers, or raise the option.",
                server=self.server,
            )
        # An action that moved on has that of its first server.
        request.deadline = request.deadline or now + request.pending.timeout
        self.unsettled[request.action_id] = request
        if request.call is not None:
            self.calls.add(request)
        self._deadlines.add(request.deadline, request.action_id)

    def match(self, response: Response, now: float) -> bool:
        """Settle the action of this response, unless the response says that there is more to come.

        False if it is none to an action of ours: then it does not show that the server reads what
        we send.
        """
        raw = response.raw
        found = self._own_ids.search(raw)
        action_id = self._own_ids.of(response) if found is None else found[1].decode()
        request = self.unsettled.get(action_id)
        if request is None or request.response is not None or request.position is None:
            return self._answered_again(action_id)
        order, written = self.order, self.written
        order.overdue = False
        request.response = response
        if (
            written
            and written[0] == action_id
            and order.is_kept
            and order.text is None
            and self.list.request is None
        ):
            written.popleft()  # as nearly always
        else:
            self._answered_out_of_turn(request, now)
        is_list = (
            raw.lower().find(b"\r\neventlist:") >= 0 and response["EventList"].lower() == "start"
        )
        if is_list or request.final_event or self.is_old:
            self._go_on_behind(request, response, is_list=is_list)
        else:
            self.unsettled.pop(action_id, None)  # all of ``discard`` that is left to do
            request.complete()
        return True

    def _answered_again(self, action_id: str) -> bool:
        """No action waits for that answer. False if it has no ActionID of ours."""
        if not action_id:
            # The answer to a request without ActionID, such as the server's complaint about a line
            # it could not read.
            self.counters.unmatched_answers += 1
            return False
        self.order.overdue = False
        # A second response (JabberSend sends two), or one after the deadline.
        self.counters.late_answers += 1
        self.old_commands.answered(action_id)
        if action_id in self.order.passed_over:
            self.order.give_time_back()
        return True

    def _answered_out_of_turn(self, request: Request, now: float) -> None:
        if request.action_id in self.order.passed_over:
            self.order.give_time_back()
        if self.order.is_kept:
            self._pass_over_those_before(request, now)
        else:
            self.order.forget_settled()

    def _go_on_behind(self, request: Request, response: Response, *, is_list: bool) -> None:
        """The response may not be all: a list begins, or an event tells the end."""
        closing = () if is_list or not self.is_old else closing_events(request, response)
        if not response.ok or not (is_list or closing or request.final_event):
            self.discard(request).complete()
        elif is_list or closing:
            self.list.begin(request, closing)

    def _pass_over_those_before(self, request: Request, now: float) -> None:
        """Pass over the actions written before one that is answered.

        Each has had its answer, or gets none.
        """
        self._pass_over_listing(now)
        passed_over = self.order.take_before(request)
        text, self.order.text = self.order.text, None
        for each in passed_over:
            self.order.pass_over(each)
            if text is None or len(passed_over) > 1:
                self._hasten(each, now)
            elif text:
                each.response = response_of_text(each.action_id, text, self.server)
                self.discard(each).complete()
            else:
                self.discard(each).fail(each.out_of_time(str, passed_over=True))
        self.order.forget_passed_over()

    def _pass_over_listing(self, now: float) -> None:
        """Nothing more comes of the list under way: a later action is answered."""
        listing = self.list.request
        if listing is None:
            return
        if self.list.closing:
            self.discard(listing).complete()
        else:
            self.list.end()
            self.order.pass_over(listing)
            self._hasten(listing, now)

    def _hasten(self, request: Request, now: float) -> None:
        """It was passed over, and has a moment more."""
        self._expire_at(request, min(request.deadline, now + PASSED_OVER_SECONDS))
        self.hastened = True

    def _expire_at(self, request: Request, deadline: float) -> None:
        request.deadline = deadline
        self._deadlines.add(deadline, request.action_id)

    def adopt(self, event: Event) -> bool:
        """True if an event without ``mark`` is an item of the list under way."""
        listing = self.list.request
        if listing is None or not self.list.adopts(event):
            return False
        self._collect(listing, event)
        return True

    def observe(self, event: Event) -> None:
        """Gather what tells of a call whose outcome is wanted, one of ``CALL_EVENTS``."""
        request = self.calls.maker_of(event)
        if request is not None:
            request.gather(event)
            self._complete_if_told(request)

    def _complete_if_told(self, request: Request) -> bool:
        response, call = request.response, request.call
        if response is None or response.final_event is None:
            return False
        if call is None or call.is_told(response.final_event, request.events):
            self.discard(request).complete()
            return True
        return False

    def claim(self, event: Event, now: float = 0.0) -> bool:
        """True if an event with ``mark`` belongs to one of our answers, past or present.

        Receivers are not told of it.
        """
        # As nearly always, while a list is under way.
        request = self.list.asker_of(event) or self.unsettled.get(self._own_ids.find(event.raw))
        if request is None or request.response is None:
            broadcast = is_broadcast(event)
            self.counters.late_answers += not broadcast
            return not broadcast
        if event.name == request.final_event:
            if request.call is not None and not self.is_old and not request.call.is_named_by(event):
                # Somebody has made another call with our ActionID.
                self.counters.unmatched_answers += 1
                return False
            request.response.final_event = event
            self.hastened = True
            if not self._complete_if_told(request) and request.call is not None:
                # An event behind this one may tell the outcome of the call.
                self._expire_at(
                    request, min(request.deadline, now + request.call.seconds_to_wait(event))
                )
        elif not request.final_event:
            if request is not self.list.request and request.action_id in self.order.passed_over:
                self.order.give_time_back()
            self._collect(request, event)
            return True
        return not is_broadcast(event)

    def _collect(self, request: Request, event: Event) -> None:
        if request.response is not None and self.list.is_last(event):
            if event.name.lower() in LAST_ITEMS:
                request.gather(event)
            request.response.final_event = event
            self.discard(request).complete()
        elif len(request.events) < self._most_items:
            request.gather(event)
        else:
            self.discard(request).fail(too_many_items(request, self._most_items))

    def oversized(self, action_id: str | None, limit: int) -> None:
        """A message of an answer was larger than ``limit`` bytes and is gone.

        If nothing says whose it was, it was an item of the list under way, if there is one: one
        action at a time, and many items have their ActionID at the end (QueueMember, Status,
        DBGetResponse).
        """
        mine = self.unsettled.get(action_id or "")
        lists = [
            each
            for each in self.unsettled.values()
            if each.response is not None and not each.final_event
        ]
        for request in [mine] if mine else [] if action_id else lists:
            self.discard(request).fail(too_large(request, limit))

    def expire(self, now: float, obstacle: Callable[[], str] = str) -> int:
        """Fail the actions whose time is over; says how many.

        ``obstacle`` says why one was never sent, if it knows.
        """
        expired = 0
        while (first := self._deadlines.first()) is not None and first[0] <= now:
            request = self.unsettled[first[1]]
            if first[0] < request.deadline:
                self._deadlines.drop_first()  # it has got its time back
                continue
            expired += 1
            self.old_commands.expire(request)
            self.order.overdue = self.order.overdue or request is self.running()
            passed_over = request.action_id in self.order.passed_over
            self._end(
                request, partial(Request.out_of_time, obstacle=obstacle, passed_over=passed_over)
            )
        return expired

    def _end(self, request: Request, error: Callable[[Request], AmiError]) -> None:
        """No more will come of this one."""
        self.discard(request)
        if request.response is not None and request.response.final_event is not None:
            request.complete()  # the rest is not worth an error
        else:
            request.fail(error(request))

    def running(self) -> Request | None:
        """The action that the server is running, if any.

        It is the list under way, or the oldest one without a response.

        One thread per connection does everything, one action at a time (do_message in
        main/manager.c). Once that one's time is over, none is known to be running until the server
        answers something: else those behind it, each with a later deadline, would excuse the
        silence of a dead server for ever.
        """
        return self.list.request or self.order.oldest_unanswered()

    def fail_all(self, error: Callable[[Request], AmiError]) -> int:
        """Fail every action, each with its own error; says how many there were."""
        requests = list(self.unsettled.values())
        self.unsettled.clear()
        self.order.clear()
        self.old_commands.clear()
        self._deadlines.clear()
        self.list.end()
        self.hastened = self.is_old = False
        for request in requests:
            self._end(request, error)
        return len(requests)

    def forget(self, action_id: str) -> None:
        """The action of that ActionID was cancelled, if it is still here."""
        if (request := self.unsettled.get(action_id)) is not None:
            self.discard(request)

    def discard(self, request: Request) -> Request:
        """Forget it; the caller settles it."""
        self.unsettled.pop(request.action_id, None)
        if request is self.list.request:
            self.list.end()
        if request.call is not None:
            self.calls.discard(request)
        return request
