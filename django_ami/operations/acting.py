"""``ami`` for a user: each action is judged, counted, sent and recorded.

Rule: an action is judged as it is on the wire, and it is that copy which is sent. Every way that
leads to a server goes through ``_Judged``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Unpack

from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError

from django_ami.accessor import ami
from django_ami.core.actions import Action, Hangup, Status
from django_ami.core.arguments import plain_text
from django_ami.core.client.originating import action_of, plain_call_id
from django_ami.core.errors import InvalidAction, WouldBlock
from django_ami.operations import audit
from django_ami.operations.audit import Author
from django_ami.operations.errors import ActionRefused, TooManyCalls
from django_ami.operations.models import ActionLog
from django_ami.operations.permissions import Person, as_sent, calls_per_minute, judge
from django_ami.operations.permissions.grants import are_set
from django_ami.operations.throttle import count_call
from django_ami.operations.usercalls import UserCall

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from django_ami.core.client import OriginatedCall, ServerHandle, ServerStatus
    from django_ami.core.client.originating import CallOptions
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout

__all__ = ["Book", "UserAmi", "UserServer"]

#: An id that Asterisk itself gives to a channel: the name of the system, if it has one, the seconds
#: since 1970 and a number (main/channel_internal_api.c).
_is_asterisks_own: Final = re.compile(r"(.*-)?[0-9]{9,11}\.[0-9]+").fullmatch


class _Door:
    """The one door of a user: it judges and counts what the user wants, and keeps the book.

    ``has_own_rules`` says that the view has judged already: without AMI_PERMISSIONS that is enough.
    """

    def __init__(self, user: Any, view: str, *, has_own_rules: bool) -> None:
        self.person = Person(user)
        self._view = view
        self._has_own_rules = has_own_rules
        self._is_tested = False

    @property
    def author(self) -> Author:
        return Author(
            ActionLog.Kind.USER.value,
            self.person.name,
            self.person.pk,
            self._view or audit.program(),
        )

    def admit(self, action: Action) -> Action:
        """The action as it may be sent. Raises ActionRefused, TooManyCalls and InvalidAction."""
        self._is_tested = audit.in_tested_thread()
        try:
            copy = as_sent(action)
        except InvalidAction as error:
            audit.note(self._author(), action.name, error)
            raise
        try:
            self._judge(copy)
        except SynchronousOnlyOperation:
            raise WouldBlock(
                f"whether {action.name} may be sent is asked of the database, which would stop the "
                "event loop that is running here: write 'await' and asend, aoriginate or acall."
            ) from None
        except ActionRefused as error:
            audit.note(self._author(), copy.name, error, action=copy)
            raise
        except DatabaseError as error:
            refused = ActionRefused(
                f"{action.name} is refused: the database cannot tell who may send it "
                f"({type(error).__name__}). Look after the database."
            )
            audit.note(self._author(), copy.name, refused, action=copy)
            raise refused from None
        return copy

    def _judge(self, action: Action) -> None:
        if not self._has_own_rules or are_set():
            refusal = judge(self.person, action)
            if refusal is not None:
                raise ActionRefused(refusal.reason)
        if action.name.lower() == "originate":
            count_call(f"user {self.person.pk}", calls_per_minute(self.person, action))

    def send(self, action: Action, server: str | None, timeout: Timeout | None) -> PendingAction:
        """Send an action that was admitted."""
        with self._following(action):
            return ami.send(action, server=server, timeout=timeout)

    def originate(self, action: Action, server: str | None, call: CallOptions) -> OriginatedCall:
        """Make a call whose Originate was admitted."""
        with self._following(action):
            made = ami.originate(server=server, **call)
        if _is_asterisks_own(made.id):
            return UserCall(made, self._hang_up)  # it may be a channel of somebody else
        return self.own(made)

    def _following(self, action: Action) -> AbstractContextManager[list[Any]]:
        return audit.following(self.author, action, is_tested=self._is_tested)

    def own(self, call: OriginatedCall) -> OriginatedCall:
        """A call that the user has placed, and may end."""
        return UserCall(call.origin if isinstance(call, UserCall) else call, self._hang_up_own)

    def call(self, action: Action, server: str | None, call_id: str) -> OriginatedCall:
        """Find a call; ``action`` asks the server for it, and was admitted."""
        with self._following(action):
            found = ami.call(call_id, server=server)
        return UserCall(found, self._hang_up)

    def _hang_up_own(self, call: OriginatedCall) -> None:
        action, has_ended = Hangup(call.id), call.outcome is not None
        with self._following(action) as entries:
            call.hangup()
        if not entries and not has_ended:
            why = "the call is ended as soon as its channels are known, or was withdrawn."
            audit.note_wish(self.author, action, why)

    def _hang_up(self, call: OriginatedCall) -> None:
        self.admit(Hangup(call.id))
        self._hang_up_own(call)

    def _author(self) -> Author:
        """The author, also where the database is away."""
        try:
            return self.author
        except (DatabaseError, SynchronousOnlyOperation):
            return Author(ActionLog.Kind.USER.value, via=self._view or audit.program())


def _prepared(call: CallOptions) -> tuple[Action, CallOptions]:
    """The Originate of a call, and its arguments as they cannot change any more.

    Raises InvalidAction and TypeError.
    """
    given: dict[str, Any] = {
        name: plain_text(value) if isinstance(value, str) else value for name, value in call.items()
    }
    variables = given.get("variables")
    if isinstance(variables, Mapping):
        given["variables"] = dict(variables)
    elif variables is not None:
        given["variables"] = list(variables)
    given["call_id"] = plain_call_id(given.get("call_id") or ami.new_call_id())
    action = action_of({name: value for name, value in given.items() if name != "over_limit"})
    options: Any = given
    return action, options


class UserAmi:
    """``ami`` for a user: an action beyond the user's rights raises ActionRefused, and is not sent.

    It has those methods of ``ami`` that send, and those that name servers; they raise what those of
    ``ami`` raise, too. A TooManyCalls is an ActionRefused. In a coroutine ``asend``, ``aoriginate``
    and ``acall`` are to be awaited: the others ask the database, and raise WouldBlock there. Make
    one for each request or task: it looks the user up when it is needed, and after half a minute
    again.
    """

    def __init__(self, user: Any, view: str = "", *, has_own_rules: bool = False) -> None:
        self._door = _Door(user, view, has_own_rules=has_own_rules)

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction:
        """Send an action that the user may send; see ``ami.send``."""
        return self._door.send(self._door.admit(action), server, timeout)

    async def asend(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> Response:
        """Send an action that the user may send, and return its answer."""
        copy = await sync_to_async(self._door.admit)(action)
        return await self._door.send(copy, server, timeout)

    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall:
        """Make a call that the user may place; see ``ami.originate``."""
        action, options = _prepared(call)
        return self._door.originate(self._door.admit(action), server, options)

    async def aoriginate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall:
        """Make a call that the user may place: as ``originate``, in a coroutine."""
        action, options = _prepared(call)
        copy = await sync_to_async(self._door.admit)(action)
        return self._door.originate(copy, server, options)

    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall:
        """Find a call, if the user may send Status; to end it needs Hangup, too."""
        call_id = plain_call_id(call_id)
        return self._door.call(self._door.admit(Status(call_id)), server, call_id)

    async def acall(self, call_id: str, *, server: str | None = None) -> OriginatedCall:
        """Find a call: as ``call``, in a coroutine."""
        call_id = plain_call_id(call_id)
        copy = await sync_to_async(self._door.admit)(Status(call_id))
        return self._door.call(copy, server, call_id)

    def new_call_id(self) -> str:
        """An id for a call that no other one has; see ``ami.new_call_id``."""
        return ami.new_call_id()

    def choose_server(self) -> str:
        """The name of the server that an action which names none would go to now."""
        return ami.choose_server()

    def server(self, name: str) -> UserServer:
        """One server by name, for this user. Raises ConfigurationError if it is not known."""
        return UserServer(self, ami.server(name))

    @property
    def servers(self) -> Mapping[str, UserServer]:
        """All servers by name, for this user."""
        return {name: UserServer(self, server) for name, server in ami.servers.items()}

    @property
    def default(self) -> UserServer:
        """The default server, for this user."""
        return UserServer(self, ami.default)


class UserServer:
    """One server, for a user: send to it, and look at it."""

    def __init__(self, owner: UserAmi, server: ServerHandle) -> None:
        self._owner = owner
        self._server = server

    @property
    def name(self) -> str:
        """The name of the server."""
        return self._server.name

    @property
    def ready(self) -> bool:
        """True while it is logged in and booted."""
        return self._server.ready

    @property
    def address(self) -> str:
        """Where we are connected, or try to: ``host:port``."""
        return self._server.address

    def status(self) -> ServerStatus:
        """How it is now."""
        return self._server.status()

    def send(self, action: Action, *, timeout: Timeout | None = None) -> PendingAction:
        """Send an action to this server, as ``UserAmi.send``."""
        return self._owner.send(action, server=self.name, timeout=timeout)

    async def asend(self, action: Action, *, timeout: Timeout | None = None) -> Response:
        """Send an action to this server, as ``UserAmi.asend``."""
        return await self._owner.asend(action, server=self.name, timeout=timeout)

    def originate(self, **call: Unpack[CallOptions]) -> OriginatedCall:
        """Make a call on this server, as ``UserAmi.originate``."""
        return self._owner.originate(**call, server=self.name)

    async def aoriginate(self, **call: Unpack[CallOptions]) -> OriginatedCall:
        """Make a call on this server, as ``UserAmi.aoriginate``."""
        return await self._owner.aoriginate(**call, server=self.name)

    def call(self, call_id: str) -> OriginatedCall:
        """Find a call on this server, as ``UserAmi.call``."""
        return self._owner.call(call_id, server=self.name)

    async def acall(self, call_id: str) -> OriginatedCall:
        """Find a call on this server, as ``UserAmi.acall``."""
        return await self._owner.acall(call_id, server=self.name)

    def __repr__(self) -> str:
        return f"<UserServer {self.name}>"


class Book:
    """The app as the base app knows it: see ``django_ami.acting``."""

    def as_user(self, user: Any, view: str) -> UserAmi:
        """``ami`` for a user."""
        return UserAmi(user, view)

    def in_view(self, user: Any, view: str) -> UserAmi:
        """``ami`` for a user of a view that has rules of its own."""
        return UserAmi(user, view, has_own_rules=True)

    def note_refusal(self, user: Any, view: str, what: str, reason: str, *, status: int) -> None:
        """A view has refused a user, by a rule of its own."""
        person = Person(user)
        try:
            author = Author(ActionLog.Kind.USER.value, person.name, person.pk, view)
        except (DatabaseError, SynchronousOnlyOperation):
            author = Author(ActionLog.Kind.USER.value, via=view)
        is_limit = status == TooManyCalls.status
        audit.note(author, what, TooManyCalls(reason) if is_limit else ActionRefused(reason))

    def own_call(self, user: Any, view: str, call: OriginatedCall) -> OriginatedCall:
        """A call that the user has placed, as the view knows: the user may end it."""
        return _Door(user, view, has_own_rules=True).own(call)

    def by_command(self, who: str, command: str, action: Action) -> AbstractContextManager[Any]:
        """A command sends an action inside, for a user of this machine."""
        return audit.following(Author(ActionLog.Kind.SYSTEM.value, who, via=command), action)
