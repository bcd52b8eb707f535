"""From the events of a listener to its live pictures, and from these to the signals.

Rule: all of it runs on the thread of the receivers. A list is asked for when the one before it has
been answered, after as long a pause: never two at a time. Changes are told behind the events of
their batch, each kind of each object once.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from django_ami import conf, signals
from django_ami.core.errors import (
    ActionFailed,
    AmiError,
    ConnectionFailed,
    ConnectionLost,
    InvalidAction,
)
from django_ami.core.log import get_logger
from django_ami.core.session import Gap, GapReason, Lost, Ready
from django_ami.live.changes import Kind
from django_ami.live.picture import Picture
from django_ami.live.rounds import Round, is_empty
from django_ami.live.tracker import Tracker
from django_ami.pictures import published_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.messages import Event, Response
    from django_ami.core.plans import Call
    from django_ami.core.session import Notice
    from django_ami.feeding import Feeding
    from django_ami.live.changes import Change

    #: Sends a change: the signal, its sender, and the named arguments of its receivers.
    Tell = Callable[..., None]

__all__ = ["Tracking"]

logger = get_logger(__name__)

#: How often time goes on in a picture without an event.
TICK_SECONDS: Final = 1.0
#: Lists are asked for when no more events than these wait: they are to be newer than the picture.
MOST_QUEUED: Final = 200
#: If more wait for so long, lists are asked for all the same: a picture that is late is better than
#: one that never begins.
LONGEST_WAIT_SECONDS: Final = 30.0


class _Asking:
    """A round of lists, of one server."""

    def __init__(self, round_: Round) -> None:
        self.round = round_
        #: When the next action is due; None while one is under way. By ``time.monotonic``.
        self.due: float | None = 0.0
        self.sent = 0.0


class Tracking:
    """The live pictures of a client's servers.

    ``sender`` gives the sender of a server's signals. ``feeding`` publishes the pictures. Nothing
    is told or asked of a server for which ``serves`` is false: another process delivers its events.
    Raises ConfigurationError if the setting AMI_LIVE is wrong.
    """

    def __init__(
        self,
        client: Client,
        sender: Callable[[str], ServerHandle],
        tell: Tell,
        feeding: Feeding | None = None,
        *,
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._client = client
        self._serves = serves
        #: Publishes the pictures; None if no other process looks at them.
        self._feeding = feeding
        self._sender = sender
        self._tell = tell
        self._options = conf.read_live()
        self._trackers: dict[str, Tracker] = {}
        #: The servers whose lists are wanted, and since when.
        self._unseeded: dict[str, float] = {}
        self._complete: set[str] = set()
        self._rounds: dict[str, _Asking] = {}
        self._refused: set[tuple[str, str]] = set()
        #: The servers in whose picture something may have changed.
        self._touched: set[str] = set()
        self._inferred: dict[str, list[Change]] = {}
        self._tick_at = 0.0
        for name in client.servers:
            self.tracker(name)

    def tracker(self, name: str) -> Tracker:
        """The tracker of a server; made, and to be seeded, when it is first asked for."""
        known = self._trackers.get(name)
        if known is None:
            known = self._trackers.setdefault(name, Tracker(name, self._options))
            self._unseeded[name] = time.monotonic()
        return known

    def picture(self, name: str) -> Picture:
        """The picture of a server, for others."""
        return Picture(
            partial(self.tracker, name),
            time.time,
            lambda: name in self._complete,
            partial(published_picture, name),
        )

    @property
    def kept(self) -> dict[str, Tracker]:
        """The trackers that there are, of servers whose events this process delivers."""
        return {name: one for name, one in list(self._trackers.items()) if self._serves(name)}

    def is_complete(self, name: str) -> bool:
        """True once the lists of a server were taken over."""
        return name in self._complete

    # --- events and notices, in their order ---

    def calls(self, server: str, event: str) -> list[Call]:
        """How to bring events of that name to the picture, within one batch."""
        if event not in signals.picture_events():
            return []
        self._touched.add(server)
        note, now = self.tracker(server).note, time.time()

        def feed(item: object) -> None:
            note(item, now)  # type: ignore[arg-type]  # of a Call: an event

        return [(feed, feed, "")]

    def hear(self, notice: Notice) -> None:
        """The lists of a server are wanted when it is ready, and behind dropped events."""
        match notice:
            case Ready() | Gap(reason=GapReason.OVERLOAD):
                self.tracker(notice.server)
                self._unseeded.setdefault(notice.server, time.monotonic())
                if isinstance(notice, Ready):  # perhaps another server, of the same name
                    self._unseeded[notice.server] = time.monotonic()
                    self._complete.discard(notice.server)
            case Lost():
                self._complete.discard(notice.server)
                self._rounds.pop(notice.server, None)

    def leave(self, name: str) -> None:
        """Another process delivers the server's events: begin anew when they are ours again."""
        self._forget(name)
        if self._feeding is not None:
            self._feeding.leave(name)

    def _forget(self, name: str) -> None:
        self._trackers.pop(name, None)
        self._unseeded.pop(name, None)
        self._rounds.pop(name, None)
        self._inferred.pop(name, None)
        self._touched.discard(name)
        self._complete.discard(name)

    # --- turns ---

    def patience(self, timeout: float | None) -> float | None:
        """For how long the thread may wait for events: ``timeout``, or until something is due."""
        due = min(
            (asking.due for asking in self._rounds.values() if asking.due is not None),
            default=self._tick_at,
        )
        left = max(0.0, min(due, self._tick_at) - time.monotonic())
        return left if timeout is None else min(timeout, left)

    def turn(self) -> None:
        """Behind a batch: ask for lists, let time go on, and tell what has changed."""
        now = time.monotonic()
        if now >= self._tick_at:
            self._tick_at = now + TICK_SECONDS
            self._go_on()
        for name in [name for name in list(self._unseeded) if self._may_ask(name, now)]:
            del self._unseeded[name]
            self._rounds[name] = _Asking(Round(self._options.variables))
        for name, asking in list(self._rounds.items()):
            if asking.due is not None and now >= asking.due:
                self._ask(name, asking)
        if self._touched:
            self._tell_changes()

    def _go_on(self) -> None:
        """Time goes on without an event; the picture of a server that was removed is gone."""
        for name in self._trackers.keys() - self._client.servers.keys():
            self._forget(name)
            self._refused = {refused for refused in self._refused if refused[0] != name}
            if self._feeding is not None:
                self._feeding.forget(name)
        for name, tracker in list(self._trackers.items()):  # ami.live may add one meanwhile
            if not self._serves(name):
                continue
            self._note(name, tracker.tick(time.time()))
            if self._feeding is not None:
                self._head(self._feeding, name)
                self._feeding.tick(name, tracker)

    def _head(self, feeding: Feeding, name: str) -> None:
        ready = name in self._client.servers and self._client.server(name).ready
        feeding.hold(name, self._sender(name).lease)
        feeding.head(name, ready=ready, complete=ready and name in self._complete)

    def _note(self, name: str, changes: tuple[Change, ...]) -> None:
        if changes:
            self._touched.add(name)
            self._inferred.setdefault(name, []).extend(changes)

    # --- the lists ---

    def _may_ask(self, name: str, now: float) -> bool:
        return (
            name not in self._rounds
            and self._serves(name)
            and name in self._client.servers
            and self._client.server(name).ready
            and self._is_late_enough(name, now)
        )

    def _is_late_enough(self, name: str, now: float) -> bool:
        """True if few events wait, or too many have waited for too long."""
        queued = self._client.inbox.tally[name].queued
        if queued <= MOST_QUEUED:
            return True
        if now - self._unseeded[name] < LONGEST_WAIT_SECONDS:
            return False
        logger.warning(
            "%s: more than %d events (now %d) have waited for their receivers for %g s. The live "
            "picture takes over the server's lists all the same; it is as late as the receivers "
            "are. Make them faster, or connect fewer.",
            name,
            MOST_QUEUED,
            queued,
            LONGEST_WAIT_SECONDS,
            extra={"server": name, "queue_depth": queued},
        )
        return True

    def _ask(self, name: str, asking: _Asking) -> None:
        action = asking.round.action
        assert action is not None  # noqa: S101  (a round without one is over)
        asking.due, asking.sent = None, time.monotonic()
        answered = partial(self._answered, name, asking, action.name, time.time())
        try:
            self._client.server(name).send(action).on_complete(answered)
        except InvalidAction as error:  # a conference whose name no action can have
            answered(error, None)
        except AmiError as error:
            about = {"server": name}
            logger.warning("%s: no lists for the live picture: %s", name, error, extra=about)
            self._rounds.pop(name, None)

    def _answered(
        self,
        name: str,
        asking: _Asking,
        action: str,
        asked: float,
        error: AmiError | None,
        response: Response | None,
    ) -> None:
        if self._rounds.get(name) is not asking:
            return  # the link was lost meanwhile
        if isinstance(error, ConnectionLost | ConnectionFailed):
            del self._rounds[name]  # all lists are wanted anew when it is ready again
            return
        lists = asking.round.take(self._items(name, action, error, response), asked)
        if lists is not None:
            self._note(name, self.tracker(name).seed(lists, time.time()))
        now = time.monotonic()
        asking.due = now + (now - asking.sent)
        if asking.round.action is None:
            del self._rounds[name]
            self._complete.add(name)

    def _items(
        self, name: str, action: str, error: AmiError | None, response: Response | None
    ) -> list[Event] | None:
        """The items of a list; None if the server gives none, which is reported once."""
        if error is None:
            return list(response.events) if response is not None else None
        if isinstance(error, ActionFailed) and is_empty(error.response.message):
            return []
        if (name, action) not in self._refused:
            self._refused.add((name, action))
            logger.warning(
                "%s: the live picture lacks the list of %s: %s", name, action, error,
                extra={"server": name, "action": action},
            )  # fmt: skip
        return None

    # --- the signals ---

    def _tell_changes(self) -> None:
        kinds = {kind for kind, signal in signals.LIVE.items() if signal.receivers}
        touched, self._touched = self._touched, set()
        for name in touched:
            if not self._serves(name):
                self._touched.add(name)
                continue
            tracker = self._trackers.get(name)
            of_whom = kinds if self._feeding is None else None
            changes = [*self._inferred.pop(name, ()), *(tracker.take(of_whom) if tracker else ())]
            if self._feeding is not None and tracker is not None:
                self._feeding.hold(name, self._sender(name).lease)
                self._feeding.changed(name, tracker, changes)
            sender = self._sender(name)
            for change in _coalesced([one for one in changes if one.kind in kinds]):
                signal = signals.LIVE[change.kind]
                named = {signal.argument: change.subject, "inferred": change.inferred}
                self._tell(signal, sender, signal.name, **named)


class _Named(Protocol):
    """A snapshot, as far as its identity goes."""

    id: str
    name: str
    queue: str
    interface: str


def _coalesced(changes: list[Change]) -> list[Change]:
    """Of several changes of one kind of one object the last, in the place of the first."""
    found: dict[tuple[Kind, str, str], Change] = {}
    for change in changes:
        found[_key(change.kind, change.subject)] = change  # type: ignore[arg-type]
    return list(found.values())


def _key(kind: Kind, subject: _Named) -> tuple[Kind, str, str]:
    if kind is Kind.MEMBER:
        return kind, subject.queue, subject.interface
    return kind, subject.name if kind in {Kind.QUEUE, Kind.DEVICE} else subject.id, ""
