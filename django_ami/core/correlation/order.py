"""The order of answers: which action a server is running, and which ones it has passed over.

One connection runs one action at a time and answers in the order in which it was asked (do_message
in main/manager.c). So an action is over, too, when a later one is answered: the server passed it
over, left out the end of its list, or answered with text that is not a message. There is no action
of Asterisk that answers out of order. A proxy may, which answers some by itself: so an action of
which nothing at all was seen, and a list, have a moment more. If it is answered after all, the
order of answers says nothing from then on.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.request import Request

__all__ = ["REMEMBERED_ACTIONS", "AnswerOrder"]

#: How many settled actions that were passed over are remembered, in case they are answered after
#: all.
REMEMBERED_ACTIONS: Final = 256
#: Bytes of text, which is no message, that may be an answer.
_MOST_TEXT_BYTES: Final = 2**20


class AnswerOrder:
    """The order of answers on one connection, for its ``unsettled`` actions, by ActionID.

    ``is_kept``: the server answers in the order in which it was asked. ``overdue``: the time of the
    action that the server was running is over, and it has answered nothing since.
    """

    def __init__(self, unsettled: Mapping[str, Request]) -> None:
        self.is_kept = self.overdue = False
        #: The ActionIDs of those that were handed over for writing, and of some that are settled.
        self.written: deque[str] = deque()
        #: The deadlines that the actions had that were passed over.
        self.passed_over: dict[str, float] = {}
        #: Text since the last answer that is no message; empty if it was empty lines.
        self.text: bytearray | None = None
        self._unsettled = unsettled

    def clear(self) -> None:
        """The connection is over."""
        self.is_kept = self.overdue = False
        self.written.clear()
        self.passed_over.clear()
        self.text = None

    def unanswered(self, action_id: str) -> Request | None:
        """The action of that ActionID, if it has left and has no response."""
        request = self._unsettled.get(action_id)
        return request if request is not None and request.response is None else None

    def oldest_unanswered(self) -> Request | None:
        """The action that the server is running, unless a list is under way."""
        self.forget_settled()
        return self._unsettled[self.written[0]] if self.written and not self.overdue else None

    def forget_settled(self) -> None:
        """Forget the settled ones in front of the first that is not."""
        while self.written and self.unanswered(self.written[0]) is None:
            self.written.popleft()

    def take_before(self, request: Request) -> list[Request]:
        """The actions written before one that is answered, and not answered themselves.

        Those, and the answered one, are forgotten.
        """
        before = []
        while (action_id := self.written.popleft()) != request.action_id:
            if (each := self.unanswered(action_id)) is not None:
                before.append(each)
        return before

    def pass_over(self, request: Request) -> None:
        """A later action is answered."""
        self.passed_over[request.action_id] = request.deadline

    def forget_passed_over(self) -> None:
        """Keep those that may still be answered: that they are is what tells of another order."""
        if len(self.passed_over) > REMEMBERED_ACTIONS:
            for action_id in list(self.passed_over)[:-REMEMBERED_ACTIONS]:
                if self.unanswered(action_id) is None:
                    del self.passed_over[action_id]

    def give_time_back(self) -> None:
        """An action that was passed over is answered after all.

        The other side does not keep to the order.
        """
        self.is_kept = False
        for action_id, deadline in self.passed_over.items():
            if action_id in self._unsettled:
                self._unsettled[action_id].deadline = deadline
        self.passed_over.clear()

    def add_text(self, text: bytes | bytearray) -> bool:
        """Text came that is no message, or an empty line (no text).

        It may be the whole answer of the action that is running: ``IAXnetstats``
        (manager_iax2_show_netstats in channels/chan_iax2.c) and ``Queues`` up to Asterisk 13 say no
        ``Response``. True if nothing else was written that would be answered behind it, and tell.
        """
        running = self.oldest_unanswered()
        if not self.is_kept or running is None:
            return False
        if self.text is None:
            self.text = bytearray()
        if len(self.text) < _MOST_TEXT_BYTES:
            self.text += text
        return self.written[-1] == running.action_id
