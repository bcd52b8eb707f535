"""``Action``: any action with any headers, and the bytes that it becomes.

The typed actions are built on it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django_ami.core.actions.values import Value, items, mapped, named
from django_ami.core.arguments import Discreet, raise_discreetly
from django_ami.core.calls import channel_id_for
from django_ami.core.config import Secret
from django_ami.core.errors import InvalidAction
from django_ami.core.redaction import MASK, is_secret_of, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LARGEST_ACTION_BYTES",
    "MAX_HEADERS",
    "MAX_LINE_BYTES",
    "Action",
    "BareAction",
    "TypedAction",
    "encode",
]

#: get_input in main/manager.c: a buffer of 1,024 bytes holds a line of 1,022 and its CR LF; longer
#: ones are cut.
MAX_LINE_BYTES: Final = 1022
#: do_message in main/manager.c: AST_MAX_MANHEADERS lines, Action and ActionID included.
MAX_HEADERS: Final = 128
LARGEST_ACTION_BYTES: Final = MAX_HEADERS * (MAX_LINE_BYTES + 2) + 2

_KEY: Final = re.compile(r"[!-9;-~]+")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_OURS: Final = frozenset({"action", "actionid"})


#: By action and header: the header that may have line ends in its place (main/message.c).
_INSTEAD: Final = {
    (
        "messagesend",
        "body",
    ): "give the text in base64 as base64_body, which is the header Base64Body.",
}


class Action:
    """Any action with any headers: ``Action("QueueSummary", Queue="support")``.

    Headers that are no Python names go into a mapping: ``Action("UpdateConfig", {"Cat-000000":
    "x"})``. A list repeats its header; None leaves it out. Nothing is checked here: ``send``
    refuses (InvalidAction) what cannot be written safely, before anything leaves. The ActionID is
    given by the client.

    A value is a text (a lazy translation, too), a number, a bool (``true``, ``false``), a Decimal,
    UUID, date, time, path or member of an Enum (its value). Raises InvalidAction for anything else,
    such as bytes, a mapping or a list in a list: decode it, or name what is meant. The traceback of
    what is raised has none of the values.

    ``timeout`` is the time in seconds within which the answer must have come (None: the option
    ``action_timeout``).
    """

    name = ""
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    #: The event that completes the action after its response, if it is not the response itself.
    final_event: str | None = None
    #: True for OriginateResponse, which goes to every account with the class ``call``, not to the
    #: sender alone.
    final_broadcast: bool = False

    def __init__(
        self, name: str, headers: Mapping[str, Value] | None = None, /, **more: Value
    ) -> None:
        try:
            self.name = name = name if type(name) is str else named("the name of an action", name)
            if headers is not None or more:
                self.headers = tuple(
                    [
                        (key, Secret(text) if is_secret_of(name, key) else text)
                        for key, value in (
                            more.items()
                            if headers is None
                            else [*mapped(name, headers).items(), *more.items()]
                        )
                        if value is not None
                        for text in ((value,) if type(value) is str else items(name, key, value))
                    ]
                )
        except Exception as error:  # noqa: BLE001  (it is raised again)
            raised = error
        else:
            return
        del headers, more  # they may hold a secret
        raise_discreetly(raised)

    def headers_for(self, action_id: str) -> tuple[tuple[str, str], ...]:
        """The headers as they are sent with that ActionID.

        A call whose outcome is wanted needs a known ChannelId.
        """
        if not self.final_broadcast or any(key.lower() == "channelid" for key, _ in self.headers):
            return self.headers
        return (*self.headers, ("ChannelId", channel_id_for(action_id)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return (self.name, self.headers, self.final_event) == (
            other.name,
            other.headers,
            other.final_event,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.headers))

    def __repr__(self) -> str:
        pairs = zip(self.headers, redacted(self.headers, action=self.name), strict=True)
        shown = [f"{key}={_shown(value, masked)}" for (key, value), (_, masked) in pairs]
        return f"<{self.name}{': ' if shown else ''}{', '.join(shown)}>"


def _shown(value: str, masked: str) -> str:
    """A value for the repr.

    One that cannot be sent is not shown: it may be a password that was pasted.
    """
    if (
        isinstance(value, Secret)
        or masked == MASK
        or not value.isprintable()
        or len(value) > MAX_LINE_BYTES
    ):
        return MASK
    return repr(masked)


class BareAction(Action):
    """An action without headers. Its class gives the name."""

    def __init__(self) -> None:
        """It takes no arguments."""


class TypedAction(Action, metaclass=Discreet):
    """An action with arguments of its own, which may be secrets."""


def encode(action: Action, action_id: str) -> bytes:
    """The bytes of an action. Raises InvalidAction for what the server would cut, split or misread.

    That is: CR, LF or NUL in a value (a header injection), a key that is empty or has blanks,
    colons or control characters, a line over 1,022 bytes, more than 128 lines, and an ActionID of
    the caller's own.
    """
    headers = action.headers_for(action_id) if action.final_broadcast else action.headers
    text = f"Action: {action.name}\r\nActionID: {action_id}\r\n"
    plain = _is_plain(action.name)
    for key, value in headers:
        plain = plain and _is_plain(key)
        text += f"{key}: {value}\r\n"
    try:
        wire = (text + "\r\n").encode()
    except UnicodeEncodeError:
        plain, wire = False, b""
    # Short enough as a whole, and nothing in it ends a line that should not.
    if plain and len(wire) <= MAX_LINE_BYTES:
        if not headers:
            return wire
        lines = len(headers) + 3
        if (
            lines <= MAX_HEADERS
            and wire.count(b"\n") == wire.count(b"\r") == lines
            and b"\0" not in wire
        ):
            return wire
    headers, text, value, wire = (), "", "", b""  # a traceback may be shown with its locals
    careful = _encode_carefully(action, action_id)
    if isinstance(careful, str):
        raise InvalidAction(careful)
    return careful


@lru_cache(1024, typed=True)
def _is_plain(key: str) -> bool:
    """True for what may be a key, and the name of an action.

    A plain str alone, which is what it says it is.
    """
    return type(key) is str and _KEY.fullmatch(key) is not None and key.lower() not in _OURS


def _encode_carefully(action: Action, action_id: str) -> bytes | str:
    """Encode any action, line by line. Returns its bytes, or a description of its fault."""
    name, headers = action.name, action.headers_for(action_id)
    if not _KEY.fullmatch(name):
        return f"{name!r} cannot be the name of an action: use letters and digits, without blanks."
    for key, _ in headers:
        if not _KEY.fullmatch(key):
            return (
                f"{name}: {key!r} cannot be the key of a header: use ASCII letters and signs, "
                "no blank or colon."
            )
        if key.lower() in _OURS:
            return f"{name}: the header {key} is given by the client itself: remove it."
    lines = []
    for key, value in (("Action", name), ("ActionID", action_id), *headers):
        lines.append(f"{key}: {value}")
        if fault := _fault_of_line(name, key, lines[-1]):
            return fault
    if len(lines) > MAX_HEADERS:
        return (
            f"{name}: {len(lines)} lines, but the server takes {MAX_HEADERS}: send less, or in "
            "several actions."
        )
    return "\r\n".join([*lines, "", ""]).encode()


def _fault_of_line(name: str, key: str, line: str) -> str:
    """The fault of a line; empty if it has none.

    The text is checked as it is sent: a subclass of str may change.
    """
    if found := _FORBIDDEN.search(line):
        cure = _INSTEAD.get((name.lower(), key.lower()), "remove it.")
        return (
            f"{name}: the value of {key} has a {found[0]!r} in it, which would end the header: "
            f"{cure}"
        )
    try:
        length = len(line.encode())
    except UnicodeEncodeError:
        return (
            f"{name}: the value of {key} has a lone surrogate in it, which cannot be sent: "
            "remove it."
        )
    if length > MAX_LINE_BYTES:
        return (
            f"{name}: the line of {key} has {length} bytes, but the server takes "
            f"{MAX_LINE_BYTES}: shorten it."
        )
    return ""
