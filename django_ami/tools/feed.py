"""Brings the events of a client, and lists that are asked for now and again, to a wallboard."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from django_ami.conf import read_live
from django_ami.core.actions import CoreShowChannels, QueueStatus
from django_ami.core.deadline import Deadline
from django_ami.core.errors import ActionFailed, AmiError, AuthenticationFailed
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Ready
from django_ami.tools.board import Wallboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.client import Client
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction
    from django_ami.core.session import Notice
    from django_ami.tools.board import ServerBoard

__all__ = ["Feed"]


class Feed:
    """Brings the events of a client to a wallboard, on the thread that calls ``follow``."""

    def __init__(self, client: Client, interval: float, run_for: float | None) -> None:
        self.board = Wallboard(client.servers, read_live())
        #: What to add to the clock for Unix time: a clock that is set meanwhile makes no jump.
        self._epoch = time.time() - time.monotonic()
        self.interval = interval
        #: Why no server can be watched, if it is so.
        self.refused: AuthenticationFailed | None = None
        self._client = client
        self._end = Deadline(run_for)
        self._ask_at: dict[str, float] = {}
        self._asked: dict[tuple[str, str], PendingAction] = {}
        self._refusals: set[str] = set()

    def follow(self, seconds: float) -> bool:
        """Take what comes for so many seconds; False if that is the end."""
        deadline = Deadline(min(seconds, self._end.left))
        while self.refused is None and not deadline.over:
            self._turn(deadline.left)
        for name, status in self._client.status().items():
            self.board.servers[name].dropped = status.dropped
        return self.refused is None and not self._end.over

    def _turn(self, timeout: float) -> None:
        """Wait up to so many seconds for something new."""
        asking = min(self._ask_at.values(), default=math.inf) - time.monotonic()
        calls, items = self._client.inbox.take(max(0.0, min(timeout, asking)))
        # An answer comes before the events that came behind it.
        for call in calls:
            call()
        now = self.now
        for item in items:
            if isinstance(item, Event):
                self._client.inbox.delivered(item.server, 1)
                self.board.servers[item.server].apply(item, now)
            else:
                self._notice(item)
        self._ask(time.monotonic())

    @property
    def now(self) -> float:
        """Unix time."""
        return time.monotonic() + self._epoch

    def _notice(self, notice: Notice) -> None:
        server = self.board.servers[notice.server]
        if isinstance(notice, Ready):
            self._refusals.discard(notice.server)
            server.ready(notice.asterisk_version)
            self._ask_at[notice.server] = 0.0
        elif isinstance(notice, Lost):
            self._lost(server, notice)
        elif notice.server in self._ask_at:  # events were dropped: the lists know better
            self._ask_at[notice.server] = 0.0

    def _lost(self, server: ServerBoard, notice: Lost) -> None:
        self._ask_at.pop(notice.server, None)
        server.lost(notice.error.message)
        if isinstance(notice.error, AuthenticationFailed):
            self._refusals.add(notice.server)
            self.refused = notice.error if len(self._refusals) == len(self.board.servers) else None

    # --- the lists ---

    def _ask(self, now: float) -> None:
        for name, when in self._ask_at.items():
            if now >= when:
                server = self.board.servers[name]
                self._ask_at[name] = now + self.interval
                self._list(server, "channels", CoreShowChannels(), server.list_channels)
                self._list(server, "queues", QueueStatus(), server.list_queues)

    def _list(
        self, server: ServerBoard, what: str, action: Action, take: Callable[..., None]
    ) -> None:
        under_way = self._asked.get((server.name, what))
        if under_way is not None and not under_way.done():
            return  # a slow server is not asked twice
        asked = self.now

        def answered(error: AmiError | None, response: Response | None) -> None:
            if error is None and response is not None:
                server.notes.pop(what, None)
                take(response.events, asked, self.now)
            elif isinstance(error, ActionFailed):
                server.notes[what] = f"only the {what} that events tell of: {error.message}"

        pending = self._asked[server.name, what] = self._client.server(server.name).send(action)
        pending.on_complete(answered)
