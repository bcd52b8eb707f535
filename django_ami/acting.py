"""Actions in the name of a user, as an app with tables allows and records them.

The base app knows no users. ``django_ami.operations`` registers itself here.
"""

from __future__ import annotations

import os
import pwd
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from django_ami.core.actions import Action
    from django_ami.core.client import OriginatedCall, ServerStatus
    from django_ami.core.client.originating import CallOptions
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout

__all__ = [
    "Bookkeeper",
    "UserAmi",
    "UserServer",
    "as_user",
    "bookkeeper",
    "by_command",
    "in_view",
    "register",
]


class UserServer(Protocol):
    """One server, for a user: the methods of a ``ServerHandle`` that send, and more."""

    @property
    def name(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def address(self) -> str: ...
    def status(self) -> ServerStatus: ...
    def send(self, action: Action, *, timeout: Timeout | None = None) -> PendingAction: ...
    async def asend(self, action: Action, *, timeout: Timeout | None = None) -> Response: ...
    def originate(self, **call: Unpack[CallOptions]) -> OriginatedCall: ...
    async def aoriginate(self, **call: Unpack[CallOptions]) -> OriginatedCall: ...
    def call(self, call_id: str) -> OriginatedCall: ...
    async def acall(self, call_id: str) -> OriginatedCall: ...


class UserAmi(Protocol):
    """``ami`` for a user: an action beyond the user's rights raises ActionRefused, and is not sent.

    ``asend``, ``aoriginate`` and ``acall`` are for coroutines: the others ask the database.
    """

    @property
    def servers(self) -> Mapping[str, UserServer]: ...
    @property
    def default(self) -> UserServer: ...
    def server(self, name: str) -> UserServer: ...
    def choose_server(self) -> str: ...
    def new_call_id(self) -> str: ...
    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction: ...
    async def asend(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> Response: ...
    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall: ...
    async def aoriginate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall: ...
    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall: ...
    async def acall(self, call_id: str, *, server: str | None = None) -> OriginatedCall: ...


class Bookkeeper(Protocol):
    """An app that knows what users may send, and keeps a book of what was sent."""

    def as_user(self, user: Any, view: str) -> UserAmi:
        """``ami`` for a user."""

    def in_view(self, user: Any, view: str) -> UserAmi:
        """``ami`` for a user of a view that has rules of its own; those of the app come on top."""

    def note_refusal(self, user: Any, view: str, what: str, reason: str, *, status: int) -> None:
        """A view has refused a user, by a rule of its own. Never raises, and never waits."""

    def own_call(self, user: Any, view: str, call: OriginatedCall) -> OriginatedCall:
        """A call that the user has placed, as the view knows: the user may end it."""

    def by_command(self, who: str, command: str, action: Action) -> AbstractContextManager[Any]:
        """A command sends an action inside, for a user of this machine."""


_bookkeepers: list[Bookkeeper] = []


def register(bookkeeper: Bookkeeper) -> None:
    """Have this app keep the book; of several, the last one counts."""
    _bookkeepers.append(bookkeeper)


def bookkeeper() -> Bookkeeper | None:
    """The app that keeps the book; None if there is none."""
    return _bookkeepers[-1] if _bookkeepers else None


def by_command(command: str, action: Action) -> AbstractContextManager[Any]:
    """The block in which a command sends an action, for the user of this machine who runs it."""
    found = bookkeeper()
    return nullcontext() if found is None else found.by_command(_system_user(), command, action)


def _system_user() -> str:
    """The user of this process by the system, whatever the environment says."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container that has no such user
        name = str(os.getuid())
    # Only root is told by sudo who it was: anybody else can set the variable.
    asker = os.environ.get("SUDO_USER", "") if os.getuid() == 0 else ""
    return f"{name} (sudo by {asker})" if asker else name


def as_user(user: Any, view: str) -> UserAmi:
    """``ami`` for a user. Raises ConfigurationError if no app knows what users may send."""
    found = bookkeeper()
    if found is None:
        raise ConfigurationError(
            "what users may send is not known: add 'django_ami.operations' to INSTALLED_APPS, run "
            "migrate, and set AMI_PERMISSIONS."
        )
    return found.as_user(user, view)


def in_view(user: Any, view: str) -> UserAmi | None:
    """``ami`` for a user of a view that has rules of its own; None without such an app."""
    found = bookkeeper()
    return None if found is None else found.in_view(user, view)
