"""Questions to a server about itself and its speed, over a short connection of their own.

Rule: every question has an end. The answer to a question that the account may not ask stays
unknown; nothing is guessed.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.actions import Command, CoreShowChannels, CoreStatus, ListCommands, Ping
from django_ami.core.deadline import Deadline
from django_ami.core.errors import ActionFailed, ActionTimeout, AmiError, AuthenticationFailed
from django_ami.core.numerals import whole_number
from django_ami.core.options import EVENT_CLASSES
from django_ami.tools.notes import listeners_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.actions import Action
    from django_ami.core.client import ServerHandle
    from django_ami.core.config import ServerConfig
    from django_ami.core.messages import Response
    from django_ami.tools.notes import Neighbour

__all__ = ["Enquiry", "Health", "Latency", "Rights", "addresses", "clock", "examine"]

PINGS: Final = 10

#: Actions of the core that every version has, each with its only class: one that is not listed
#: proves the class absent.
_PROOFS: Final = {
    "Command": "command",
    "Filter": "system",
    "Originate": "originate",
    "Redirect": "call",
    "UpdateConfig": "config",
    "UserEvent": "user",
}
_PRIVILEGES: Final = re.compile(r"\(Priv: ([\w,]+)\)$")
_PERMISSIONS: Final = re.compile(r"^ *(read|write) perm: (.*)$", re.MULTILINE)
#: A row of ``manager show connected``: user, address, start, time since then (handle_showmanconn in
#: main/manager.c).
_SESSION: Final = re.compile(r"^ *(\S.{0,14}?) {2,}(\S+) +\d{6,} +\d+ ", re.MULTILINE)
_LONGEST_USERNAME_CHARACTERS: Final = 15


@dataclass(frozen=True, slots=True)
class Latency:
    """How many seconds a Ping took: the shortest, median and longest of several."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class Rights:
    """The classes of ``read=`` and ``write=`` of the account; None if they cannot be known.

    ``commands`` are the names of the actions that the account may run, None if it was not told.
    """

    read: tuple[str, ...] | None = None
    write: tuple[str, ...] | None = None
    commands: tuple[str, ...] | None = None


class Enquiry:
    """Questions to one server, all of them within a time in seconds."""

    def __init__(self, handle: ServerHandle, config: ServerConfig, within: float) -> None:
        self._handle = handle
        self._config = config
        self._deadline = Deadline(within)

    def ask(self, action: Action) -> Response | None:
        """The answer; None if the server refuses it. Raises every other AmiError."""
        left = self._deadline.left
        if not left:
            raise ActionTimeout("it takes too long to answer.", server=self._handle.name)
        try:
            return self._handle.send(action, timeout=left).result()
        except ActionFailed:
            return None

    def connect(self) -> None:
        """Log in.

        Raises AmiError, which says why there is no connection, and not which question could not be
        sent.
        """
        try:
            self.ask(Ping())
        except AmiError as error:
            words = None if error.sent else self._handle.status().last_error
            if not words:
                raise
            raise error.saying(words) from None

    def pings(self) -> tuple[Latency, float | None]:
        """How long a Ping takes, and by how many seconds the server's clock is before ours.

        The latter is None if the server does not say.
        """
        took: list[float] = []
        skews: list[tuple[float, float]] = []
        for _ in range(PINGS):
            sent, began = time.time(), time.perf_counter()
            response = self.ask(Ping())
            took.append(time.perf_counter() - began)
            stamp = "" if response is None else response.get("Timestamp", "")
            if re.fullmatch(r"[0-9]{1,12}\.[0-9]+", stamp):
                skews.append((took[-1], float(stamp) - (sent + took[-1] / 2)))
        # The answer that took the least time says it best.
        return Latency(min(took), median(took), max(took)), min(skews)[1] if skews else None

    def rights(self) -> Rights:
        """The rights of the account.

        ``manager show user`` tells all of them, if the account may run it.
        """
        listed = self.ask(ListCommands())
        if listed is None:
            return Rights()
        commands = {
            key: value
            for key, value in listed.headers
            if _PRIVILEGES.search(value) or "Priv: <none>" in value
        }
        told = self._permissions() if "Command" in commands else {}
        return Rights(
            read=told.get("read"),
            write=told.get("write") or _deduced(commands),
            commands=tuple(commands),
        )

    def sessions(self, rights: Rights) -> dict[str, int] | None:
        """How many sessions the account has from each address, this one included.

        None if it may not ask.
        """
        if "Command" not in (rights.commands or ()):
            return None
        answer = self.ask(Command("manager show connected"))
        if answer is None:
            return None
        mine = self._config.username[:_LONGEST_USERNAME_CHARACTERS].lower()
        return dict(
            Counter(
                address for user, address in _SESSION.findall(answer.output) if user.lower() == mine
            )
        )

    def _permissions(self) -> dict[str, tuple[str, ...]]:
        username = self._config.username
        if not re.fullmatch(r"[\w.@-]+", username):
            return {}  # the console would split it
        answer = self.ask(Command(f"manager show user {username}"))
        text = "" if answer is None else answer.output
        return {which: _classes(names) for which, names in _PERMISSIONS.findall(text)}


def _classes(names: str) -> tuple[str, ...]:
    given = set(names.strip().split(","))
    return tuple(name for name in EVENT_CLASSES if name in given or "all" in given)


def _deduced(commands: Mapping[str, str]) -> tuple[str, ...]:
    """The classes of ``write=``, as far as they follow from what may be run, and from what may not.

    Any one class of an action is enough, so one is proven where all others of the action are proven
    absent.
    """
    absent = {name for action, name in _PROOFS.items() if action not in commands}
    proven: set[str] = set()
    for text in commands.values():
        found = _PRIVILEGES.search(text)
        left = set(found[1].split(",")) - absent - {"all"} if found else set()
        if len(left) == 1:
            proven |= left
    return tuple(name for name in EVENT_CLASSES if name in proven)


# --- all of it ---


@dataclass(slots=True)
class Health:
    """One server as it was found. Times are in seconds; None is not known."""

    server: str
    address: str
    ok: bool = False
    reachable: bool = False
    logged_in: bool = False
    error: str | None = None
    asterisk_version: str | None = None
    ami_version: str | None = None
    uptime: float | None = None
    started: str | None = None
    read: tuple[str, ...] | None = None
    write: tuple[str, ...] | None = None
    latency: Latency | None = None
    clock_skew: float | None = None
    channels: int | None = None
    calls: int | None = None
    listeners: tuple[Neighbour, ...] = ()
    """The processes of this user on this machine that listen to the server, connected or not."""
    sessions: Mapping[str, int] | None = None
    """How many sessions the account has from each address, the one that asked included."""

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        return asdict(self)


def examine(handle: ServerHandle, config: ServerConfig, within: float) -> Health:
    """Connect and ask everything; an error is told in the result.

    ``within`` is in seconds, for all of it.
    """
    health = Health(
        server=config.name, address=config.address, listeners=tuple(listeners_of(config))
    )
    enquiry = Enquiry(handle, config, within)
    try:
        enquiry.connect()
        health.reachable = health.logged_in = True
        health.latency, health.clock_skew = enquiry.pings()
        status = handle.status()
        health.address = status.address
        health.asterisk_version, health.ami_version = (
            status.asterisk_version or None,
            status.ami_version or None,
        )
        rights = enquiry.rights()
        health.read, health.write = rights.read, rights.write
        health.sessions = enquiry.sessions(rights)
        _count_calls(enquiry, health)
    except AmiError as error:
        health.error = error.message
        health.reachable = health.reachable or isinstance(error, AuthenticationFailed)
    health.ok = health.error is None
    return health


def _count_calls(enquiry: Enquiry, health: Health) -> None:
    if (core := enquiry.ask(CoreStatus())) is not None:
        health.started = (
            f"{core.get('CoreStartupDate', '')} {core.get('CoreStartupTime', '')}".strip() or None
        )
        health.calls = whole_number(core.get("CoreCurrentCalls"))
    if (channels := enquiry.ask(CoreShowChannels())) is not None:
        health.channels = len(channels.events)


def clock(skew: float) -> str:
    """By how many seconds a clock is before ours: with its sign, and +0.000 if it agrees."""
    return f"{round(skew, 3) + 0.0:+.3f}"


def addresses(sessions: Mapping[str, int]) -> str:
    """``2 from 10.0.0.7, 1 from 127.0.0.1``, the most first."""
    shown = sorted(sessions.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} from {address}" for address, count in shown) or "none"
