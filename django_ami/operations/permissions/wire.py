"""An action as it is on the wire: judged in that form, and sent in that form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.actions import Action
from django_ami.core.actions.base import encode
from django_ami.core.calls import channel_id_for
from django_ami.core.config import Secret
from django_ami.core.redaction import is_secret_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_sent", "values_of"]

#: The lines that the client gives: Action and ActionID.
_OWN_LINES: Final = 2
#: The ActionID of an action that is looked at; and the header that one whose outcome is wanted
#: gets with it.
_ANY_ID: Final = "0"
_OWN_CHANNEL: Final = ("ChannelId", channel_id_for(_ANY_ID))
#: ``ast_skip_blanks`` in include/asterisk/strings.h skips them before a value.
_SKIPPED: Final = "".join(map(chr, range(1, 33)))


def as_sent(action: Action) -> Action:
    """A plain copy of an action, made of the bytes that it becomes.

    So an object that gives other headers when it is asked again is judged by those that are sent.
    Raises InvalidAction, as sending does.
    """
    secrets = {str(value) for _, value in action.headers if isinstance(value, Secret)}
    lines = encode(action, _ANY_ID).decode().split("\r\n")[:-2]
    copy = Action(lines[0].partition(": ")[2])
    pairs = [line.partition(": ")[::2] for line in lines[_OWN_LINES:]]
    copy.headers = tuple(
        (key, Secret(value) if value in secrets or is_secret_of(copy.name, key) else value)
        for key, value in pairs
        if (key, value) != _OWN_CHANNEL  # each sending gives it another one
    )
    copy.timeout = action.timeout
    copy.final_event, copy.final_broadcast = action.final_event, action.final_broadcast
    return copy


def values_of(action: Action, key: str) -> Iterator[str]:
    """The values of a header, whatever its case, without the blanks that the server skips."""
    wanted = key.lower()
    return (value.lstrip(_SKIPPED) for name, value in action.headers if name.lower() == wanted)
