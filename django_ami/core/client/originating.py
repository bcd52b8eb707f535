"""Makes calls that are followed to their end: within the limits of their server, each one once."""

from __future__ import annotations

import re
import time
from abc import abstractmethod
from contextlib import suppress
from functools import partial
from math import inf
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    Required,
    TypedDict,
    TypeVar,
    Unpack,
)

from django_ami.core.actions import Originate, Status
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.calls import channel_id_for
from django_ami.core.cluster.routing import Member
from django_ami.core.errors import Backpressure, InvalidAction
from django_ami.core.promise import Promise
from django_ami.core.timeouts import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core.actions import Action
    from django_ami.core.actions.variables import Variables
    from django_ami.core.client.dialling import Dialler
    from django_ami.core.client.originated import OriginatedCall
    from django_ami.core.correlation import ActionIds
    from django_ami.core.pending import PendingAction
    from django_ami.core.progress import Progress
    from django_ami.core.request import Request
    from django_ami.core.timeouts import Timeout

__all__ = ["CallOptions", "Calling", "Originating", "Published", "action_of", "plain_call_id"]

Target = TypeVar("Target", bound=Member)

#: AST_MAX_PUBLIC_UNIQUEID in include/asterisk/channel.h is 149, and ";2" comes behind it.
_LONGEST_ID_CHARACTERS: Final = 140
_LONGEST_WAITS_SECONDS: Final[dict[str, float | None]] = {"wait": inf, "raise": None}
_is_call_id = re.compile(r"[A-Za-z0-9_.:-]+").fullmatch


def plain_call_id(call_id: object) -> str:
    """The id of a call. Raises InvalidAction for what cannot be one."""
    if (
        not isinstance(call_id, str)
        or not _is_call_id(call_id)
        or len(call_id) > _LONGEST_ID_CHARACTERS
    ):
        raise InvalidAction(
            f"the id of a call has 1 to {_LONGEST_ID_CHARACTERS} letters, digits and _ . : -, not "
            f"{shown(call_id)}."
        )
    return str(call_id)


class Calling(Protocol):
    """The methods of its client that a call needs."""

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction: ...
    def call_user(self, function: Callable[[], object]) -> None: ...
    def before_wait(self, pending: Any, timeout: float, *, lead: bool = True) -> float: ...
    def holds_here(self) -> bool: ...


class Published(Protocol):
    """Finds calls of other processes in a live picture of this one."""

    def __call__(self, progress: Progress, server: str, seek: Callable[[], None]) -> bool:
        """Tell ``progress`` of a call from now on; False if the picture does not know it.

        ``seek`` asks the server, and tells ``progress`` from then on.
        """


class CallOptions(TypedDict, total=False):
    """The arguments of ``originate``."""

    to: Required[str]
    context: str | None
    exten: str | int | None
    priority: str | int
    application: str | None
    data: str | None
    timeout: Timeout
    caller_id: str | None
    variables: Variables | None
    account: str | None
    early_media: bool | None
    codecs: str | None
    call_id: str | None
    over_limit: Literal["wait", "raise"] | Timeout


def longest_wait(over_limit: object) -> float | None:
    """For how many seconds a call may wait for its turn; None: it may not. Raises InvalidAction."""
    if isinstance(over_limit, str):
        if over_limit in _LONGEST_WAITS_SECONDS:
            return _LONGEST_WAITS_SECONDS[over_limit]
    else:
        with suppress(ValueError):
            return in_seconds(over_limit)
    raise InvalidAction(
        "originate: over_limit must be 'wait', 'raise' or a number of seconds, not "
        f"{shown(over_limit)}."
    )


#: Words that people write who know the action, and the right ones.
_MEANT: Final = {
    "channel": "the party that rings first is 'to'",
    "timeout_ms": "'timeout' is in seconds",
    "wait": "the call that is returned has a method of that name",
}


def _checked(call: Mapping[str, object]) -> None:
    """Raises TypeError, which names the argument that is wrong, and the one that is right."""
    for name in call:
        if name not in CallOptions.__annotations__:
            known = _MEANT.get(name) or did_you_mean(name, CallOptions.__annotations__)
            raise TypeError(f"originate has no argument {name!r}: {known}")
    if "to" not in call:
        raise TypeError("originate: say who is rung first: to='PJSIP/101'.")


def action_of(call: Mapping[str, Any]) -> Originate:
    """The Originate of a call with these arguments of ``originate``, but for ``over_limit``.

    Raises InvalidAction, and TypeError for an argument that there is none of.
    """
    _checked(call)
    return originate_action(**call)


def originate_action(
    *,
    to: str,
    call_id: str | None = None,
    context: str | None = None,
    exten: str | int | None = None,
    priority: str | int = 1,
    application: str | None = None,
    timeout: Timeout = 30,
    **more: Any,
) -> Originate:
    """The Originate of a call. Raises InvalidAction."""
    if application is None and (context is None or exten is None):
        raise InvalidAction(
            "originate: say where the call goes: context and exten, or application. It was not "
            "sent."
        )
    if application is not None and (context is not None or exten is not None):
        raise InvalidAction(
            "originate: give context and exten, or application, and not both. It was not sent."
        )
    try:
        milliseconds = round(in_seconds(timeout) * 1000)
    except ValueError as error:
        raise InvalidAction(f"originate: {error}. It was not sent.") from None
    if not milliseconds:
        raise InvalidAction(
            f"originate: timeout={shown(timeout)} is no limit for the server: give the seconds "
            "that the first party may ring. It was not sent."
        )
    return Originate(
        channel=to,
        context=context,
        exten=exten,
        priority=None if exten is None else priority,
        application=application,
        timeout_ms=milliseconds,
        channel_id=call_id,
        wait=True,
        **more,
    )


class Originating(Calling, Generic[Target]):
    """The part of a client that makes and finds calls."""

    _ids: ActionIds
    #: False where no time passes, so that no call waits for its turn.
    _paced = True

    def __init__(self) -> None:
        from django_ami.core.client.dialling import Dialler

        #: Where calls of other processes are looked for before their server is asked.
        self.published: Published | None = None
        #: Those that were found there, by server and id, until they end.
        self._found: dict[tuple[str, str], OriginatedCall] = {}
        self._dialler: Dialler[Target] = Dialler(self._submit, self._call_later)

    @abstractmethod
    def _choose(self, server: str | None) -> tuple[Target, list[Target]]: ...
    @abstractmethod
    def _one(self, server: str | None) -> Target: ...
    @abstractmethod
    def _request(self, action: Action, target: Target, timeout: Timeout | None) -> Request: ...
    @abstractmethod
    def _send_to_next(self, others: list[Target], request: Request) -> bool: ...
    @abstractmethod
    def _submit(self, target: Target, request: Request) -> None: ...
    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function after some seconds, on the thread of the connections."""
        raise NotImplementedError

    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall:
        """Make a call, once, and follow it to its end. Never blocks.

        ``to`` rings first, for ``timeout`` seconds at most. When it picks up it goes to
        ``context``/``exten``/``priority``, where the second party is dialled, or to
        ``application``/``data``. ``call_id`` becomes the id of its first channel: give one to store
        it before the call is made (see ``new_call_id``). ``over_limit`` says what happens if the
        options ``max_originates_per_second`` and ``max_concurrent_originates`` hold the call back:
        with ``"wait"`` it waits for its turn; with a number of seconds, no longer than that, and
        then it is not made; with ``"raise"`` Backpressure is raised. The other arguments are those
        of ``Originate``.

        Raises InvalidAction, ConfigurationError and Backpressure, and nothing was sent then. All
        else is told by what is returned: nothing that goes wrong makes a second call.
        """
        from django_ami.core.client.originated import OriginatedCall
        from django_ami.core.progress import Progress

        over_limit = call.pop("over_limit", "wait")
        longest = longest_wait(over_limit)
        given = call.pop("call_id", None)
        call_id = self.new_call_id() if given is None else plain_call_id(given)
        call["call_id"] = call_id
        action = action_of(call)
        target, others = self._choose(server)
        request = self._request(action, target, None)
        if others:
            request.reroute = partial(self._send_to_next, others)
        progress = Progress(call_id, single=call.get("application") is not None)
        self._follow(request, progress)
        over = partial(self._dialler.over, request)
        made = OriginatedCall(self, progress, request.pending, over)
        if self._paced and self.holds_here():  # in a child it is refused: it waits for no turn
            assert request.followed is not None  # noqa: S101  (for the type checker)
            request.followed.leave_by = time.monotonic() + (longest or 0.0)
            try:
                self._dialler.dial(target, request, may_wait=longest is not None)
            except Backpressure as error:
                request.reroute = None
                request.fail(error)  # observers of actions are told, too
                raise
            except BaseException:  # of a signal's handler, as of a time limit
                request.pending.cancel()
                raise
        else:
            self._submit(target, request)
        return made

    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall:
        """Find a call by its id: one that ``originate`` has made, here or in another process.

        A live picture tells of it, if this process has one that knows it. Else the server is asked;
        until it has said, the state is ``unknown``. The outcome of a call that it does not have is
        ``unknown``, too: it was never made, or has ended. ``server`` is where to look, by default
        where actions go. Raises InvalidAction and ConfigurationError.
        """
        from django_ami.core.client.originated import NoAction, OriginatedCall
        from django_ami.core.progress import OriginateState, Progress

        call_id = plain_call_id(call_id)
        place = (self._one(server).name, call_id)
        found = self._found.get(place)
        if found is not None:
            return found
        progress = Progress(call_id, state=OriginateState.UNKNOWN)

        def over() -> None:
            self._found.pop(place, None)

        call = OriginatedCall(self, progress, NoAction(place[0]), over)
        seek = partial(self._seek, call, progress)
        self._found[place] = call  # it may end at once
        if self.published is None or not self.published(progress, place[0], seek):
            over()
            seek()
        return call

    def _seek(self, call: OriginatedCall, progress: Progress) -> None:
        """Ask the server for a call, and follow it there. Raises ConfigurationError."""
        target = self._one(call.server)
        request = self._request(Status(call.id), target, None)
        call.searched(request.pending)
        self._follow(request, progress, search=True)
        self._submit(target, request)

    def new_call_id(self) -> str:
        """An id for a call that no other one has: store it, then give it to ``originate``."""
        return channel_id_for(self._ids())

    @staticmethod
    def _follow(request: Request, progress: Progress, *, search: bool = False) -> None:
        from django_ami.core.session.followed import Followed

        request.followed = followed = Followed(progress, search=search)
        Promise.add_done_callback(request.pending, followed.settle)
