"""Follows calls on one connection, from their Originate to their end.

Events tell. Where they cannot, lists do: behind a gap, for a call that another process has made,
and for an account that gets no events of calls. Each list is asked for by the call's own id first,
so it costs the server little.

Rule: all of this runs on the connection's thread, except for ``settled`` of an action that its
sender has cancelled.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.actions import Action, Hangup, Status
from django_ami.core.causes import CallResult
from django_ami.core.errors import ActionCancelled, ActionFailed, AmiError
from django_ami.core.promise import Promise
from django_ami.core.sent_on import LocalChannels
from django_ami.core.session.followed import FIRST_PAUSE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event, Response
    from django_ami.core.pending import PendingAction
    from django_ami.core.request import Request
    from django_ami.core.session.followed import Followed
    from django_ami.core.session.login import Ask

__all__ = ["Following"]

#: How seldom a server is asked, in the end, that has not told anything of a call.
LONGEST_PAUSE_SECONDS: Final = 10.0
#: A call of which events come is asked for when it was silent for so long: its end may have been
#: missed.
SILENCE_SECONDS: Final = 300.0
#: How long the server may be away before a call is given up.
AWAY_SECONDS: Final = 300.0
#: How an Originate to an extension that the context has not is refused (action_originate in
#: main/manager.c).
NO_SUCH_EXTENSION: Final = "Extension does not exist."


class Following:
    """The calls that are followed on one connection.

    ``ask`` sends an action of the session's own; ``listen`` lets the events of a call come;
    ``hush`` is called when no call is followed any more.
    """

    def __init__(
        self,
        ask: Ask,
        listen: Callable[[str], None],
        hush: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._listen = listen
        self._hush = hush
        self._clock = clock
        #: By id. One call may be followed several times: it was made, and looked for, here.
        self.calls: dict[str, tuple[Followed, ...]] = {}
        self._locals = LocalChannels()
        #: By the Uniqueid of the channel in the place of the phone that sent a call on: its id.
        self._sent_on: dict[str, str] = {}
        #: The calls that the list under way is for, and those that came behind it: a list has all
        #: channels of the server, so there is one at a time.
        self._listed: list[Followed] = []
        self._unlisted: list[Followed] = []
        #: Why the client leaves; empty as long as it does not.
        self._leaving = ""

    # --- which calls ---

    def add(self, request: Request) -> None:
        """An action about a call is for this connection: its Originate, or the search for it."""
        followed = request.followed
        assert followed is not None  # noqa: S101  (its session has looked)
        self._leaving = ""
        before, followed.home = followed.home, self
        if before is not None:
            before.discard(followed)  # the action has moved on from another server
        call_id = followed.progress.id
        others = self.calls.get(call_id, ())
        if others and others[0].progress.halves:
            followed.progress.sent_on(others[0].progress.halves)
        self.calls[call_id] = (*others, followed)
        if request.done():  # another thread has just cancelled it
            self.discard(followed)

    def discard(self, followed: Followed) -> None:
        """Follow it no more."""
        call_id = followed.progress.id
        left = tuple(each for each in self.calls.pop(call_id, ()) if each is not followed)
        if left:
            self.calls[call_id] = left
        else:
            self._sent_on = {one: of for one, of in self._sent_on.items() if of != call_id}
        if not self.calls:
            self._locals.clear()
            self._hush()

    def _all(self) -> list[Followed]:
        return [followed for several in list(self.calls.values()) for followed in several]

    # --- the connection ---

    def ready(self) -> None:
        """The server is there, perhaps again: let the events come, then ask what was missed."""
        for followed in self._all():
            if followed.settled:  # else its action is about to leave, and sees to that
                self._listen(followed.progress.first)
                self._seek(followed)

    def lost(self) -> None:
        """The connection is gone."""
        self._locals.clear()
        for followed in self._all():
            followed.heard, followed.pause = False, FIRST_PAUSE_SECONDS
            if followed.settled:
                followed.ask_at = self._clock() + AWAY_SECONDS
                followed.progress.lost()

    def end(self, why: str) -> None:
        """The client leaves: ``why``, a sentence."""
        self._leaving = why
        for followed in self._all():
            if followed.settled:
                followed.progress.give_up(why, self._clock())
                self._after(followed)

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do; None if there is no such time."""
        earliest = min((each.ask_at for each in self._all()), default=inf)
        return None if earliest == inf else earliest

    def tick(self, now: float, *, ready: bool) -> None:
        """Do what is due."""
        for followed in self._all():
            if followed.ask_at > now:
                continue
            if ready:
                self._seek(followed)
            else:
                why = f"the server has been away for {AWAY_SECONDS:g} s."
                followed.progress.give_up(why, now)
                self._after(followed)

    # --- events ---

    def observe(self, event: Event) -> None:
        """An event of ``PROGRESS_EVENTS`` came, about a call of ours or not."""
        several = self._of(event.get("Linkedid") or event.get("DestLinkedid") or "")
        if several is None:
            # Another call may have taken this one in: then its own channel alone has its id.
            first = event.get("Uniqueid") or event.get("DestUniqueid") or ""
            several = self._of(first.removesuffix(";2"))
        for followed in several or ():
            self._hear(followed, event)

    def _of(self, some_id: str) -> tuple[Followed, ...] | None:
        """The calls with an id, or with that of the channel in the place of their first one."""
        return self.calls.get(self._sent_on.get(some_id, some_id))

    def look_whether_sent_on(self, event: Event) -> None:
        """A phone that forwards ends its channel; the call goes on by another one.

        It comes before anybody is told of the event: an Originate may be settled by it.
        """
        if not self.calls or event.name not in {"Newchannel", "DialBegin", "DialEnd"}:
            return
        self._locals.note(event)
        halves = self._locals.in_place_of(event)
        for followed in self.calls.get(event.get("DestUniqueid") or "", ()) if halves else ():
            followed.progress.sent_on(halves)
            self._sent_on[halves[0]] = followed.progress.id
            self._listen(halves[0])
            if followed.progress.unwanted:
                self._ask(Hangup(halves[0]), _ignore)

    def _hear(self, followed: Followed, event: Event) -> None:
        now, progress = self._clock(), followed.progress
        followed.heard = True
        if followed.settled:
            followed.ask_at = now + SILENCE_SECONDS
        progress.observe(event, now)
        if progress.unwanted and event.name == "Newchannel":
            self._ask(Hangup(event["Uniqueid"]), _ignore)
        self._after(followed)

    # --- the action about a call ---

    def settled(self, followed: Followed, pending: PendingAction) -> None:
        """The Originate has its answer, or the search for a call has."""
        followed.settled = True
        error = Promise.exception(pending, 0)
        if error is None:
            response = Promise.result(pending, 0)
            if followed.search:
                self._sought(followed, pending)
            elif response.outcome is not None:
                followed.ask_at = self._clock() + SILENCE_SECONDS
                followed.progress.told(response.outcome, self._clock())
            else:
                self._unheard(followed, "the server tells no outcome of the call")
        else:
            assert isinstance(error, AmiError)  # noqa: S101  (for the type checker)
            self._failed(followed, pending, error)
        if self._leaving and not followed.progress.ended:
            followed.progress.give_up(self._leaving, self._clock())
        self._after(followed)

    def _failed(self, followed: Followed, pending: PendingAction, error: AmiError) -> None:
        progress = followed.progress
        if followed.search:
            if isinstance(error, ActionFailed):
                self._sought(followed, pending)
            else:
                progress.error = error
                progress.give_up(error.message, self._clock())
        elif isinstance(error, ActionCancelled):
            progress.failed(error, CallResult.CANCELLED)
        elif isinstance(error, ActionFailed):
            nowhere = error.response.message == NO_SUCH_EXTENSION
            progress.failed(error, CallResult.NOT_FOUND if nowhere else CallResult.FAILED)
        elif not error.sent:
            progress.failed(error)
        elif pending.response is not None:
            self._unheard(followed, error.message)
        else:
            followed.ask_at = self._clock() + AWAY_SECONDS
            progress.lost(error)
            if not isinstance(error, ConnectionError):
                followed.ask_at = self._clock() + followed.pause

    def _unheard(self, followed: Followed, why: str) -> None:
        followed.progress.unheard(why)
        followed.ask_at = self._clock() + followed.pause

    # --- lists ---

    def _seek(self, followed: Followed) -> None:
        """Ask for the first channel of a call, which mostly is there."""
        if followed.heard:
            followed.ask_at = self._clock() + SILENCE_SECONDS
        else:
            followed.ask_at = self._clock() + followed.pause
            followed.pause = min(2 * followed.pause, LONGEST_PAUSE_SECONDS)
        self._ask(Status(followed.progress.first), partial(self._sought, followed))

    def _sought(self, followed: Followed, pending: PendingAction) -> None:
        """Status of one channel is here; an unknown channel is an error."""
        error = Promise.exception(pending, 0)
        if error is None and pending.events:
            self._found(followed, list(pending.events))
        elif isinstance(error, ActionFailed) and _is_denied(error.response):
            self._denied(followed, error)
        elif error is None or isinstance(error, ActionFailed):
            self._unlisted.append(followed)
            if not self._listed:
                self._list()

    def _list(self) -> None:
        """Ask for all channels: of an optimised Local channel the telephones are left."""
        self._listed, self._unlisted = self._unlisted, []
        self._ask(Status(), self._take_list)

    def _take_list(self, pending: PendingAction) -> None:
        listed, self._listed = self._listed, []
        if Promise.exception(pending, 0) is not None:
            self._ask_again((*listed, *self._unlisted))
            self._unlisted.clear()
            return
        channels: dict[str, list[Event]] = {}
        for channel in pending.events:
            channels.setdefault(channel.get("Linkedid", ""), []).append(channel)
        for followed in listed:
            if not followed.progress.ended:
                self._look_up(followed, channels.get(followed.progress.first, []))
        if self._unlisted:
            self._list()

    def _ask_again(self, several: tuple[Followed, ...]) -> None:
        """The list of these failed. Most are due anyway, or when the connection is back."""
        for followed in several:
            if followed.ask_at == inf:
                followed.ask_at = self._clock() + followed.pause

    def _look_up(self, followed: Followed, channels: list[Event]) -> None:
        """The channels of a call in the list of all."""
        if channels:
            self._found(followed, channels)
        elif followed.progress.seen or followed.missed:
            followed.progress.absent(self._clock())
        else:
            followed.missed = True
            followed.ask_at = self._clock() + FIRST_PAUSE_SECONDS
        self._after(followed)

    def _found(self, followed: Followed, channels: list[Event]) -> None:
        progress = followed.progress
        progress.found(channels, self._clock())
        if progress.unwanted:
            for channel in progress.channels:
                self._ask(Hangup(channel), _ignore)
        if followed.search and not followed.heard:
            self._listen(progress.id)
        if followed.ask_at == inf:
            followed.ask_at = self._clock() + followed.pause
        bridge = next((item["BridgeID"] for item in channels if item.get("BridgeID")), "")
        if bridge:
            self._ask(Action("BridgeInfo", BridgeUniqueid=bridge), partial(self._bridged, followed))
        self._after(followed)

    def _bridged(self, followed: Followed, pending: PendingAction) -> None:
        error = Promise.exception(pending, 0)
        last = None if error is not None else Promise.result(pending, 0).final_event
        if last is not None:  # else the bridge is gone, which an event or the next list tells
            followed.progress.bridged(last, pending.events, self._clock())

    def _denied(self, followed: Followed, error: ActionFailed) -> None:
        if not followed.heard:
            followed.progress.give_up(error.message, self._clock())
            self._after(followed)

    def _after(self, followed: Followed) -> None:
        if followed.progress.ended:
            self.discard(followed)


def _is_denied(response: Response) -> bool:
    return response.message == "Permission denied"


def _ignore(_: PendingAction) -> None:
    """No caller waits for it."""
