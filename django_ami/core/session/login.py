"""The login of one connection: greeting, challenge, login, and who is there.

Rule: only the very words ``Authentication failed`` are final (action_login in main/manager.c sends them for a bad user,
a bad secret and a refused address alike); every other refusal may pass, so it is tried again.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Protocol

from django_ami.core.actions import Challenge, CoreSettings, Login
from django_ami.core.errors import ActionFailed, AuthenticationFailed, ConnectionFailed, ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.config import ServerConfig
    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction

    Ask = Callable[[Action, Callable[[PendingAction], None]], None]

__all__ = ["Handshake"]


class Observer(Protocol):
    """Who wants to know how it goes."""

    def logged_in(self) -> None: ...
    def identified(self) -> None: ...
    def failed(self, error: AmiError) -> None: ...


class Handshake:
    """Asks its way from the greeting to the answer of CoreSettings; ``observer`` is told of each step."""

    def __init__(self, config: ServerConfig, mask: str, ask: Ask, observer: Observer) -> None:
        self.ami_version = ""
        self.asterisk_version = ""
        self._denied = False
        self._config = config
        self._mask = mask
        self._ask = ask
        self._observer = observer

    def greeted(self, banner: str) -> None:
        """The greeting is complete: ``Asterisk Call Manager/<AMI version>``, or whatever a vendor made of it."""
        self.ami_version = banner.rpartition("/")[2] if "/" in banner else ""
        if self._config.options.auth_type == "md5":
            self._ask(Challenge(), self._challenged)
        else:
            self._ask(self._login(secret=self._config.secret), self._answered)

    def _login(self, *, secret: str | None = None, key: str | None = None) -> Login:
        return Login(self._config.username, secret=secret, key=key, events=self._mask)

    def _challenged(self, answer: PendingAction) -> None:
        response = _response(answer)
        challenge = response.get("Challenge") if response is not None and response.ok else None
        if challenge is None:
            self._refused(answer, "the MD5 challenge", "Set the option auth_type to 'plain'.")
            return
        key = md5(f"{challenge}{self._config.secret}".encode(), usedforsecurity=False).hexdigest()
        self._ask(self._login(key=key), self._answered)

    def _answered(self, answer: PendingAction) -> None:
        response = _response(answer)
        if response is None or not response.ok:
            self._refused(answer, "the login", "")
            return
        self._observer.logged_in()
        # Its answer comes behind FullyBooted, if that comes at all: one connection does one thing after the other.
        self._ask(CoreSettings(), self._described)

    def _refused(self, answer: PendingAction, what: str, cure: str) -> None:
        error = answer.exception(0)
        name = self._config.name
        if not isinstance(error, ActionFailed):
            why = "no usable answer" if error is None else str(error)
            self._observer.failed(ConnectionFailed(f"{what} failed: {why}", server=name))
        elif error.response.message.lower() == "authentication failed":
            self._observer.failed(
                AuthenticationFailed(
                    f"Authentication failed for user {self._config.username!r} at {self._config.address}: check "
                    "USERNAME and SECRET, and secret and permit of that user in manager.conf. It is not tried again.",
                    server=name,
                )
            )
        else:
            reason = error.response.message.rstrip(".") or "no reason given"
            if reason == "Asterisk is shutting down":
                cure = ""  # it says so to whatever is asked
            self._observer.failed(ConnectionFailed(f"{what} was refused: {reason}. {cure}".rstrip(), server=name))

    def _described(self, answer: PendingAction) -> None:
        response = _response(answer)
        if response is None:
            self._observer.failed(ConnectionLost("no answer after the login.", server=self._config.name))
            return
        # An account with neither system nor reporting in write= is refused, and that is all right.
        self._denied = not response.ok
        self.asterisk_version = response.get("AsteriskVersion", "")
        self.ami_version = response.get("AMIversion", self.ami_version)
        self._observer.identified()

    def unbooted(self, *, expected: bool) -> str:
        """What there is to say of a login without FullyBooted; ``expected`` if this account was told it before.

        Asterisk answers nobody who asks for the classes of read=, and leaves out events without a word
        (process_events in main/manager.c): this is the only sign of an account that does not see everything.
        """
        account = f"read= of user {self._config.username!r} in manager.conf"
        text = f"FullyBooted did not come: {account} has no system, or Asterisk is still starting."
        if expected:
            text = (
                f"FullyBooted did not come within {self._config.options.boot_timeout:g} s (option boot_timeout): "
                f"Asterisk is still starting, or {account} has no system any more."
            )
        text += " Events of classes that are not in read= never come, and nobody is told."
        if self._denied:
            text += (
                " The version is unknown: write= has neither system nor reporting. Actions of classes that are not "
                "in write= are refused with 'Permission denied'."
            )
        return text


def _response(answer: PendingAction) -> Response | None:
    """The whole answer, good or bad; None if there is none, or the beginning of a list whose end never came."""
    error = answer.exception(0)
    if error is None:
        return answer.result(0)
    return error.response if isinstance(error, ActionFailed) else None
