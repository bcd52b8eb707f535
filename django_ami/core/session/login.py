"""The login of one connection: greeting, challenge, login, and the server's version.

Rule: only the very words ``Authentication failed`` are final (action_login in main/manager.c sends
them for a bad user, a bad secret and a refused address alike); every other refusal may pass, so it
is tried again.
"""

from __future__ import annotations

import re
from hashlib import md5
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from django_ami.core.actions import Challenge, CoreSettings, Events, Login
from django_ami.core.errors import (
    ActionFailed,
    AuthenticationFailed,
    ConnectionFailed,
    ConnectionLost,
)
from django_ami.core.escaping import quoted
from django_ami.core.filters import Selection
from django_ami.core.session.filtering import Filtering
from django_ami.core.session.state import Ready
from django_ami.core.timeouts import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.config import ServerConfig
    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction

__all__ = ["Ask", "Handshake", "Known"]

#: How many characters are kept of a version that a server states.
_LONGEST_VERSION_CHARACTERS: Final = 100


class Ask(Protocol):
    """Sends an action of the session's own; ``then`` is called with it when it is settled."""

    def __call__(
        self,
        action: Action,
        then: Callable[[PendingAction], None],
        *,
        timeout: float | None = None,
    ) -> None: ...


class Observer(Protocol):
    """The object that a handshake reports its progress to."""

    def logged_in(self) -> None: ...
    def identified(self) -> None: ...
    def failed(self, error: AmiError) -> None: ...


class Known:
    """The facts that connections have told of their server, this one or earlier ones.

    An account ``sees_boot`` if the last one had FullyBooted: only then is its absence a sign that
    the server boots.
    """

    __slots__ = (
        "ami_version",
        "asterisk_version",
        "refuses_filters",
        "sees_boot",
        "told_unfiltered",
    )

    def __init__(self) -> None:
        self.ami_version = ""
        self.asterisk_version = ""
        self.sees_boot = False
        #: A filter was refused behind others: the next connection does without.
        self.refuses_filters = False
        #: That there are no filters was said.
        self.told_unfiltered = False

    def is_before(self, major: int, minor: int, *, unknown: bool) -> bool:
        """True for an AMI version before that one; ``unknown`` for what is no version."""
        found = re.match(r"(\d{1,4})\.(\d{1,4})", self.ami_version)
        return unknown if found is None else (int(found[1]), int(found[2])) < (major, minor)


class Handshake:
    """Asks its way from the greeting to the answer of CoreSettings: then it is ``identified``.

    ``observer`` is told of each step. ``booted`` is set when FullyBooted comes.
    """

    def __init__(
        self,
        config: ServerConfig,
        known: Known,
        mask: str,
        ask: Ask,
        observer: Observer,
        choose: Callable[[], Selection | None],
    ) -> None:
        self.identified = False
        self.booted = False
        #: True if no events are to come.
        self.silent = False
        #: The events that this connection lets through; None: those of its mask.
        self.selection: Selection | None = None
        #: Why there are no filters, though some are wanted.
        self.unfiltered = ""
        self._denied = False
        self._config = config
        self._known = known
        self._asked = mask
        self._choose = choose
        self._ask = ask
        self._observer = observer

    def greeted(self, banner: str) -> None:
        """The greeting is complete: ``Asterisk Call Manager/<AMI version>``, or a vendor's text."""
        if "/" in banner:
            self._learn_version(banner.rpartition("/")[2])
        self.selection = self._choose()
        if self._config.options.auth_type == "md5":
            self._ask(Challenge(), self._challenged, timeout=inf)  # the whole login has a deadline
        else:
            self._log_in(secret=self._config.secret)

    def _learn_version(self, version: str) -> None:
        known = self._known
        known.ami_version = quoted(version, _LONGEST_VERSION_CHARACTERS) or known.ami_version

    def _log_in(self, *, secret: str | None = None, key: str | None = None) -> None:
        mask = _with_system("off" if self._filters else self.mask)
        login = Login(self._config.username, secret=secret, key=key, events=mask)
        self._ask(login, self._answered, timeout=inf)

    def _challenged(self, answer: PendingAction) -> None:
        response = _response(answer)
        challenge = response.get("Challenge") if response is not None and response.ok else None
        if challenge is None:
            self._refused(answer, "the MD5 challenge", "Set the option auth_type to 'plain'.")
            return
        key = md5(f"{challenge}{self._config.secret}".encode(), usedforsecurity=False).hexdigest()
        self._log_in(key=key)

    def _answered(self, answer: PendingAction) -> None:
        response = _response(answer)
        if response is None or not response.ok:
            self._refused(answer, "the login", "")
            return
        if self.selection is not None and self._filters:
            filtering = Filtering(
                self.selection, self._ask, done=self._turn_on, failed=self._filters_refused
            )
            filtering.begin()
        else:
            self._flowing(answer)

    def _turn_on(self, unfiltered: str) -> None:
        """The filters are in place, or cannot be: let events come."""
        self._ask(Events(_with_system(self.mask)), self._flowing)
        if unfiltered and self.selection is not None:
            self.unfiltered, self.selection = unfiltered, Selection(self.selection.mask)

    def _flowing(self, answer: PendingAction) -> None:
        """Events come from now on."""
        if _response(answer) is None:
            self._observer.failed(
                ConnectionLost("no answer to the login.", server=self._config.name)
            )
            return
        self._observer.logged_in()
        # Its answer comes behind FullyBooted, if that comes at all: one connection does one thing
        # after the other.
        self._ask(CoreSettings(), self._described)

    def _filters_refused(self, why: str) -> None:
        """Those that were taken keep events out that the others would let in."""
        self._known.refuses_filters = True
        text = f"an event filter was refused: {why} Connecting again without filters."
        self._observer.failed(ConnectionFailed(text, server=self._config.name))

    @property
    def narrowed(self) -> bool:
        """True if filters let only some events of the mask come."""
        return self.selection is not None and self.selection.only is not None

    @property
    def mask(self) -> str:
        """The classes of events that are asked for."""
        if self.silent:
            return "off"
        return self._asked if self.selection is None else self.selection.mask

    @property
    def _filters(self) -> bool:
        return self.selection is not None and bool(self.selection.filters(advanced=True))

    def _refused(self, answer: PendingAction, what: str, cure: str) -> None:
        error = answer.exception(0)
        name = self._config.name
        if not isinstance(error, ActionFailed):
            why = f"no usable answer. {cure}".rstrip() if error is None else str(error)
            self._observer.failed(ConnectionFailed(f"{what} failed: {why}", server=name))
        elif error.response.message.lower() == "authentication failed":
            self._observer.failed(
                AuthenticationFailed(
                    f"Authentication failed for user {self._config.username!r} at "
                    f"{self._config.address}: check USERNAME and SECRET, and secret and permit of "
                    f"that user in manager.conf. {self._when_again}",
                    server=name,
                )
            )
        else:
            reason = quoted(error.response.message).rstrip(".") or "no reason given"
            if reason == "Asterisk is shutting down":
                cure = ""  # it says so to whatever is asked
            self._observer.failed(
                ConnectionFailed(f"{what} was refused: {reason}. {cure}".rstrip(), server=name)
            )

    @property
    def _when_again(self) -> str:
        seconds = self._config.options.auth_retry_interval
        if not seconds:
            return "It is not tried again."
        # A command ends with this error, and so does a worker whose servers have all refused it.
        return (
            f"A process that stays up tries again after {in_words(seconds)} (option "
            "auth_retry_interval)."
        )

    def _described(self, answer: PendingAction) -> None:
        response = _response(answer)
        if response is None:
            self._observer.failed(
                ConnectionLost("no answer after the login.", server=self._config.name)
            )
            return
        # An account with neither system nor reporting in write= is refused, and that is all right.
        self._denied = not response.ok
        known = self._known
        version = quoted(response.get("AsteriskVersion", ""), _LONGEST_VERSION_CHARACTERS)
        known.asterisk_version = version or known.asterisk_version
        self._learn_version(response.get("AMIversion", ""))
        self.identified = True
        self._observer.identified()

    def ready(self, *, again: bool, listens: bool) -> Ready:
        """The notice of a server that is ready; its warning is for one that listens."""
        known = self._known
        warning = self._unbooted() if listens and not self.booted else ""
        if self.unfiltered and not known.told_unfiltered:
            known.told_unfiltered = True
            warning = f"{warning} {self._without_filters()}".lstrip()
        known.sees_boot = self.booted
        ami_version, version = known.ami_version, known.asterisk_version
        return Ready(self._config.name, ami_version, version, again=again, warning=warning)

    def _unbooted(self) -> str:
        """What to say of a login without FullyBooted.

        Asterisk answers nobody who asks for the classes of read=, and leaves out events without a
        word (process_events in main/manager.c): this is the only sign of an account that does not
        see everything.
        """
        account = f"read= of user {self._config.username!r} in manager.conf"
        text = f"FullyBooted did not come: {account} has no system, or Asterisk is still starting."
        if self._known.sees_boot:
            text = (
                f"FullyBooted did not come within {self._config.options.boot_timeout:g} s (option "
                f"boot_timeout): Asterisk is still starting, or {account} has no system any more."
            )
        text += " Events of classes that are not in read= never come, and nobody is told."
        if self._denied:
            text += (
                " The version is unknown: write= has neither system nor reporting. Actions of "
                "classes that are not in write= are refused with 'Permission denied'."
            )
        return text

    def _without_filters(self) -> str:
        """Why this connection has no filters, and what to do about it."""
        return (
            f"Event filters (option server_filters) are refused: {self.unfiltered}. Add system to "
            f"write= of user {self._config.username!r} in manager.conf, or set server_filters to "
            "'off'. All events of the mask come."
        )


def _with_system(mask: str) -> str:
    """The mask of the login: it needs class system, without which FullyBooted does not come."""
    names = [] if mask == "off" else mask.split(",")
    return mask if mask == "on" or "system" in names else ",".join([*names, "system"])


def _response(answer: PendingAction) -> Response | None:
    """The whole answer, good or bad.

    None if there is none, or the beginning of a list whose end never came.
    """
    error = answer.exception(0)
    if error is None:
        return answer.result(0)
    return error.response if isinstance(error, ActionFailed) else None
