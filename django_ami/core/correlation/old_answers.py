"""Answers of old servers: lists without a beginning, and Commands whose output is text.

The Command of up to Asterisk 13 answers ``Response: Follows``. Before AMI 2.7 (Asterisk 13.2) some
lists say neither where they begin nor where they end.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.core.messages import Event, Response

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from django_ami.core.correlation.action_ids import OwnIds
    from django_ami.core.request import Request
    from django_ami.core.tail import Oversized

__all__ = ["LAST_ITEMS", "OldCommands", "closing_events", "response_of_text"]

#: By action, in lower case: the only item of its list, behind which an Asterisk of before 12 may
#: write no closing event (manager_dbget in main/db.c).
_ONLY_ITEM: Final = {"dbget": "dbgetresponse"}
#: Items that may close their list.
LAST_ITEMS: Final = frozenset(_ONLY_ITEM.values())

#: How many Commands without an answer in time are remembered.
_REMEMBERED_COMMANDS: Final = 256


class OldCommands:
    """The Commands that ``Response: Follows`` may answer, among the ``unsettled`` actions.

    ``may_omit_ids``: an old answer to a Command need not begin with its ActionID: nothing says that
    the server is one of AMI 3 (Asterisk 14) or later, which has no such answers.
    """

    def __init__(
        self, unsettled: Mapping[str, Request], own_ids: OwnIds, passed_over: Collection[str]
    ) -> None:
        self.may_omit_ids = False
        #: Those that had no answer in time, but may have one yet.
        self._expired: deque[str] = deque(maxlen=_REMEMBERED_COMMANDS)
        self._unsettled = unsettled
        self._own_ids = own_ids
        self._passed_over = passed_over

    def clear(self) -> None:
        """The connection is over."""
        self.may_omit_ids = False
        self._expired.clear()

    def expire(self, request: Request) -> None:
        """The time of an action is over."""
        if request.name.lower() == "command" and request.response is None:
            self._expired.append(request.action_id)

    def answered(self, action_id: str) -> None:
        """An answer came, too late or again."""
        if action_id in self._expired:
            self._expired.remove(action_id)

    def answers(self, action_id: str, messages: Sequence[Event | Response | Oversized]) -> bool:
        """True if ``Response: Follows`` with that ActionID answers a Command.

        The Command is under way, or was too late, or was passed over. ``messages`` were read before
        it, and not matched yet: a Command that one of them answers is no longer open. Without an
        ActionID in front of its output it may come from a proxy, but from none that tells of a
        newer Asterisk.
        """
        asked = {
            each.action_id
            for each in self._unsettled.values()
            if each.response is None and _is_command(each)
        }
        asked |= {*self._expired, *(self._passed_over if action_id else ())}
        for message in messages:
            if isinstance(message, Response):
                asked.discard(self._own_ids.of(message))
            elif not isinstance(message, Event):
                asked.discard(message.action_id or "")
        return action_id in asked if action_id else self.may_omit_ids and bool(asked)


def _is_command(request: Request) -> bool:
    return request.position is not None and request.name.lower() == "command"


def closing_events(request: Request, response: Response) -> tuple[str, ...]:
    """The events that close a list which does not say that it begins; empty if none begins.

    QueueStatus, Status, Agents and others of before AMI 2.7 say no more than that something "will
    follow".
    """
    from django_ami.core import catalog  # of old servers alone

    info = catalog.action(request.name)
    if (
        info is None
        or not info.items
        or info.final_event is None
        or "follow" not in response.message.lower()
    ):
        return ()
    name = info.name.lower()
    return _ONLY_ITEM.get(name, info.final_event.lower()), f"{name}complete"


def response_of_text(action_id: str, text: bytes | bytearray, server: str) -> Response:
    """An answer of mere text as that of an old Command: its lines are the ``output``."""
    lines = bytes(text).removesuffix(b"\n").split(b"\n")
    raw = [
        b"Response: Follows",
        b"ActionID: " + action_id.encode(),
        *[b"Output: " + line for line in lines],
    ]
    return Response("Follows", b"\r\n".join(raw), server)
