"""An action of the command line: making it from its arguments, waiting for it, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django_ami.core.actions import Action
from django_ami.core.errors import ActionFailed, ActionTimeout, AmiError, ConfigurationError
from django_ami.core.numerals import whole_number
from django_ami.tools.text import headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Event, Response
    from django_ami.core.pending import PendingAction

__all__ = ["Answer", "action_of", "left", "wait"]

#: How long Asterisk lets a call ring by default, and how long its report may take to get here.
_RING_SECONDS: Final = 30.0
_REPORT_SECONDS: Final = 10.0


class Answer:
    """The answer to an action, or its error."""

    def __init__(
        self, server: str, response: Response | None, error: AmiError | None, took: float
    ) -> None:
        self.server = server
        self.response = response
        self.error = error
        self.took = took

    @property
    def ok(self) -> bool:
        """True if the server says Success; of a call that was waited for: if it was answered."""
        if self.error is not None or self.response is None:
            return False
        outcome = self.response.outcome
        return self.response.ok and (outcome is None or outcome.answered)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        response, error = self.response, self.error
        final = None if response is None else response.final_event
        return {
            "server": self.server,
            "ok": self.ok,
            "seconds": round(self.took, 3),
            "response": None if response is None else headers(response, without=("ActionID",)),
            "events": [] if response is None else [_item(event) for event in response.events],
            "final_event": None if final is None else _item(final),
            "error": None
            if error is None
            else {"type": type(error).__name__, "message": error.message, "sent": error.sent},
        }


def _item(event: Event) -> dict[str, str | list[str]]:
    return headers(event, without=("ActionID",))


def action_of(name: str, given: Iterable[str], wait_event: str | None) -> Action:
    """The action of the arguments. Raises ConfigurationError for one that is no KEY=VALUE."""
    collected: dict[str, list[str]] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            example = (
                'Channel=PJSIP/101-00000001, or "Command=core show uptime" where there are blanks'
            )
            raise ConfigurationError(
                f"{text!r} is no KEY=VALUE: {name} was not sent. Write a header as in {example}."
            )
        collected.setdefault(key, []).append(value)
    action = Action(name, collected)
    if name.lower() == "originate":
        action = _asynchronous(action, collected)
    action.final_event = wait_event
    # The Hangup of the call tells its outcome, too.
    action.final_broadcast = name.lower() == "originate" and wait_event == "OriginateResponse"
    return action


def _asynchronous(action: Action, collected: dict[str, list[str]]) -> Action:
    """An Originate leaves the connection free, and has the time that it rings.

    The class Originate does so, too.
    """
    keys = {key.lower(): values[0] for key, values in collected.items()}
    if "async" not in keys:
        action = Action(action.name, {**collected, "Async": "true"})
    rings = whole_number(keys.get("timeout"))
    action.timeout = (_RING_SECONDS if rings is None else rings / 1000) + _REPORT_SECONDS
    return action


def wait(pending: PendingAction) -> tuple[Response | None, AmiError | None]:
    """The answer, if there is one, and the error, if there is one."""
    try:
        return pending.result(), None
    except ActionFailed as error:
        return error.response, error
    except AmiError as error:
        return (pending.response if isinstance(error, ActionTimeout) else None), error


def left(pending: PendingAction) -> str:
    """Whether the action has left, for a reader who has stopped waiting."""
    if not pending.sent:
        return f"{pending.name} was not sent."
    return f"{pending.name} was sent, so it may be carried out: look before you repeat it."
