"""What a client asks: ``Action`` for any action, and a class for each of the common ones.

Rule: an action is its headers in order, and says what completes it. Nearly every action is completed by its response,
or, where that says ``EventList: start``, by the closing event of the list; the few others name ``final_event``.
Facts: the named action in Asterisk's XML documentation, and the source file given where that says less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from django_ami.core.config import Secret
from django_ami.core.errors import InvalidAction

__all__ = [
    "Action",
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "Challenge",
    "Command",
    "ConfbridgeList",
    "CoreSettings",
    "CoreShowChannels",
    "CoreStatus",
    "DBDel",
    "DBGet",
    "DBPut",
    "Events",
    "ExtensionState",
    "Filter",
    "GetVar",
    "Hangup",
    "ListCommands",
    "Login",
    "Logoff",
    "MixMonitor",
    "Monitor",
    "Originate",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "Park",
    "Ping",
    "QueueAdd",
    "QueuePause",
    "QueueRemove",
    "QueueStatus",
    "QueueSummary",
    "Redirect",
    "SetVar",
    "Status",
    "UserEvent",
    "escape_variable",
]

#: What a header's value may be: a bool is sent as ``true``/``false``, None leaves the header out, a list repeats it.
Scalar = str | int | float | bool | None
Value = Scalar | Iterable[Scalar]

#: Headers whose values must never be shown; ``Key`` is one in Login alone.
_SECRET_HEADERS = frozenset({"secret", "password", "login:key"})


def _as_text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _flatten(headers: Iterable[tuple[str, Value]]) -> Iterable[tuple[str, str]]:
    for key, value in headers:
        values = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
        for item in values:
            if item is not None:
                yield str(key), _as_text(item)


class Action:
    """Any action with any headers: ``Action("QueueSummary", Queue="support")``.

    Headers that are no Python names go into a mapping: ``Action("UpdateConfig", {"Cat-000000": "x"})``. A list repeats
    its header; None leaves it out. Nothing is checked here: ``send`` refuses (InvalidAction) what cannot be written
    safely, before anything leaves. The ActionID is given by the client.

    ``timeout`` is the time in seconds within which the answer must have come (None: the option ``action_timeout``).
    """

    #: The event that completes the action after its response, if it is not the response itself.
    final_event: str | None = None

    def __init__(self, name: str, headers: Mapping[str, Value] | None = None, /, **more: Value) -> None:
        self.name = str(name)
        self.headers = tuple(
            (key, Secret(value) if self._is_secret(key) else value)
            for key, value in _flatten([*(headers or {}).items(), *more.items()])
        )
        self.timeout: float | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return (self.name, self.headers, self.final_event) == (other.name, other.headers, other.final_event)

    def __hash__(self) -> int:
        return hash((self.name, self.headers))

    def __repr__(self) -> str:
        shown = [f"{key}={value!r}" for key, value in self.headers]
        return f"<{self.name}{': ' if shown else ''}{', '.join(shown)}>"

    def _is_secret(self, key: str) -> bool:
        return not _SECRET_HEADERS.isdisjoint({key.lower(), f"{self.name}:{key}".lower()})


# --- the connection ----------------------------------------------------------------------------------------------


class Ping(Action):
    """Ask whether the server is there; answered with ``Ping: Pong`` and the server's ``Timestamp``."""

    def __init__(self) -> None:
        super().__init__("Ping")


class Challenge(Action):
    """Ask for the number that an MD5 login is computed from. The client does so by itself."""

    def __init__(self) -> None:
        super().__init__("Challenge", AuthType="MD5")


class Login(Action):
    """Log in; the client does so by itself.

    Give ``secret`` (plain) or ``key``, the lower-case hexadecimal MD5 of challenge and secret (authenticate in
    main/manager.c). ``events`` is the mask: ``on``, ``off``, or names of classes separated by commas.
    """

    def __init__(
        self, username: str, *, secret: str | None = None, key: str | None = None, events: str | None = None
    ) -> None:
        auth_type = "MD5" if key is not None else None
        super().__init__("Login", AuthType=auth_type, Username=username, Secret=secret, Key=key, Events=events)


class Logoff(Action):
    """End the session; answered with ``Response: Goodbye``, then the server closes. The client does so by itself."""

    def __init__(self) -> None:
        super().__init__("Logoff")


class Events(Action):
    """Replace the mask of events of this connection: ``on``, ``off`` or names of classes separated by commas."""

    def __init__(self, event_mask: str) -> None:
        super().__init__("Events", EventMask=event_mask)


class Filter(Action):
    """Add an event filter to this connection (class ``system``). It cannot be removed.

    Without ``match_criteria``, ``filter`` is a POSIX extended regular expression over the whole text of the event,
    unanchored, with ``!`` in front to exclude. Asterisk 16 ignores ``match_criteria`` (manager_add_filter).
    """

    def __init__(self, filter: str, *, match_criteria: str | None = None) -> None:
        super().__init__("Filter", Operation="Add", Filter=filter, MatchCriteria=match_criteria)


class ListCommands(Action):
    """The actions that this account may run: a header each, the action's name as key."""

    def __init__(self) -> None:
        super().__init__("ListCommands")


# --- calls -------------------------------------------------------------------------------------------------------


def escape_variable(value: str) -> str:
    r"""Escape a value for ``Variable``: the server splits at commas and eats quotes and backslashes.

    A backslash is put before each of ``\ " , ( ) [ ]`` (man_do_variable_value in main/manager.c and
    __ast_app_separate_args in main/app.c).
    """
    return re.sub(r'([\\",()\[\]])', r"\\\1", value)


#: A variable, or a function of the dialplan with its arguments: the server splits at commas outside of parentheses.
_VARIABLE = re.compile(r'[^\s\0=,"\\()\[\]]+(?:\([^\r\n\0"\\()\[\]]*\))?')


def _variable_name(action: str, name: str, *, forbidden: str = "") -> str:
    """The name of a variable. Raises InvalidAction for one that the server would take for something more."""
    name = str(name)
    if not _VARIABLE.fullmatch(name) or (forbidden and forbidden in name):
        raise InvalidAction(
            f"{action}: {name!r} is no name of a variable: no blanks, no quotes, no = and no comma; or a function, as "
            "in CHANNEL(language)."
        )
    return name


class Originate(Action):
    """Place a call to ``channel`` and connect it to ``context``/``exten``/``priority`` or to ``application``/``data``.

    Asynchronous by default, since otherwise the connection is mute until the call is answered or has failed. It
    completes with the server's acknowledgement that the call is queued; with ``wait=True`` with what became of the
    call: ``response.outcome`` (answered, busy, no answer, failed). ``timeout_ms`` is how long the far end may ring, in
    milliseconds (the server's default is 30,000). ``variables`` are set on the new channel, escaped as the server
    wants them; a name that ends in ``)`` is a dialplan function write. ``channel_id`` becomes the Uniqueid; a
    live channel's id must not begin with it, or the call fails with reason 0 (seen on Asterisk 22: ``x-1`` beside
    ``x-10``). Raises InvalidAction for the name of a variable that would set another one, too.
    """

    def __init__(
        self,
        *,
        channel: str,
        context: str | None = None,
        exten: str | int | None = None,
        priority: str | int | None = None,
        application: str | None = None,
        data: str | None = None,
        timeout_ms: int | None = None,
        caller_id: str | None = None,
        variables: Mapping[str, str | int] | None = None,
        account: str | None = None,
        early_media: bool | None = None,
        codecs: str | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        pre_dial_go_sub: str | None = None,
        run_async: bool = True,
        wait: bool = False,
    ) -> None:
        super().__init__(
            "Originate",
            Channel=channel,
            Context=context,
            Exten=exten,
            Priority=priority,
            Application=application,
            Data=data,
            Timeout=timeout_ms,
            CallerID=caller_id,
            Variable=[
                f"{_variable_name('Originate', name, forbidden='=')}={escape_variable(str(value))}"
                for name, value in (variables or {}).items()
            ],
            Account=account,
            EarlyMedia=early_media,
            Codecs=codecs,
            ChannelId=channel_id,
            OtherChannelId=other_channel_id,
            PreDialGoSub=pre_dial_go_sub,
            Async=run_async,
        )
        if wait and run_async:
            self.final_event = "OriginateResponse"
        if wait or not run_async:
            # The server ends the call after its Timeout; what it says of that needs a moment to get here.
            self.timeout = (30_000 if timeout_ms is None else timeout_ms) / 1000 + 10


class Hangup(Action):
    """Hang up a channel (a name or Uniqueid), or all whose names match ``/a regular expression/`` (then a list).

    ``cause`` is a Q.850 number (include/asterisk/causes.h).
    """

    def __init__(self, channel: str, *, cause: int | None = None) -> None:
        super().__init__("Hangup", Channel=channel, Cause=cause)


class Redirect(Action):
    """Send a channel, and perhaps a second one, to another place in the dialplan."""

    def __init__(
        self,
        channel: str,
        *,
        context: str,
        exten: str | int,
        priority: str | int = 1,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str | int | None = None,
        extra_priority: str | int | None = None,
    ) -> None:
        super().__init__(
            "Redirect",
            Channel=channel,
            ExtraChannel=extra_channel,
            Context=context,
            Exten=exten,
            Priority=priority,
            ExtraContext=extra_context,
            ExtraExten=extra_exten,
            ExtraPriority=extra_priority,
        )


class BlindTransfer(Action):
    """Send whoever is bridged with ``channel`` to ``exten`` in ``context``."""

    def __init__(self, channel: str, *, context: str, exten: str | int) -> None:
        super().__init__("BlindTransfer", Channel=channel, Context=context, Exten=exten)


class Atxfer(Action):
    """Begin an attended transfer by ``channel``. Success means only that the digits were queued (main/manager.c)."""

    def __init__(self, channel: str, *, exten: str | int, context: str | None = None) -> None:
        super().__init__("Atxfer", Channel=channel, Exten=exten, Context=context)


class Bridge(Action):
    """Bridge two channels. They are found by name *prefix*: give whole names (action_bridge in main/features.c)."""

    def __init__(self, channel1: str, channel2: str, *, tone: str | bool | None = None) -> None:
        super().__init__("Bridge", Channel1=channel1, Channel2=channel2, Tone=tone)


class Park(Action):
    """Park a channel. ``timeout_ms`` is how long it stays parked, in milliseconds."""

    def __init__(
        self,
        channel: str,
        *,
        timeout_channel: str | None = None,
        announce_channel: str | None = None,
        timeout_ms: int | None = None,
        parkinglot: str | None = None,
    ) -> None:
        super().__init__(
            "Park",
            Channel=channel,
            TimeoutChannel=timeout_channel,
            AnnounceChannel=announce_channel,
            Timeout=timeout_ms,
            Parkinglot=parkinglot,
        )


class Status(Action):
    """The state of one channel or all, a list; ``variables`` are read for each (they may be dialplan functions).

    Raises InvalidAction for the name of a variable that would read another one, too.
    """

    def __init__(
        self, channel: str | None = None, *, variables: Iterable[str] = (), all_variables: bool | None = None
    ) -> None:
        names = ",".join(_variable_name("Status", name) for name in variables)
        super().__init__("Status", Channel=channel, Variables=names or None, AllVariables=all_variables)


class CoreShowChannels(Action):
    """All live channels, a list."""

    def __init__(self) -> None:
        super().__init__("CoreShowChannels")


class GetVar(Action):
    """Read a variable of a channel, or a global one; the answer's ``Value``. Functions are run."""

    def __init__(self, variable: str, *, channel: str | None = None) -> None:
        super().__init__("Getvar", Channel=channel, Variable=variable)


class SetVar(Action):
    """Set a variable of a channel, or a global one. The value is stored as it is, but for leading blanks."""

    def __init__(self, variable: str, value: str | int, *, channel: str | None = None) -> None:
        super().__init__("Setvar", Channel=channel, Variable=variable, Value=value)


class Monitor(Action):
    """Record a channel with Monitor (Asterisk up to 20; later ones have MixMonitor alone)."""

    def __init__(
        self, channel: str, *, file: str | None = None, format: str | None = None, mix: bool | None = None
    ) -> None:
        super().__init__("Monitor", Channel=channel, File=file, Format=format, Mix=mix)


class MixMonitor(Action):
    """Record a channel, both directions mixed, into ``file`` on the server (class ``system``)."""

    def __init__(
        self, channel: str, *, file: str | None = None, options: str | None = None, command: str | None = None
    ) -> None:
        super().__init__("MixMonitor", Channel=channel, File=file, options=options, Command=command)


class ConfbridgeList(Action):
    """The participants of a conference, a list; an error if there is no such conference."""

    def __init__(self, conference: str) -> None:
        super().__init__("ConfbridgeList", Conference=conference)


# --- queues ------------------------------------------------------------------------------------------------------


class QueueStatus(Action):
    """Queues with members and waiting callers, a list; an unknown queue gives an empty one."""

    def __init__(self, queue: str | None = None, *, member: str | None = None) -> None:
        super().__init__("QueueStatus", Queue=queue, Member=member)


class QueueSummary(Action):
    """A line of figures for each queue, a list. ``HoldTime`` and ``LongestHoldTime`` are in seconds."""

    def __init__(self, queue: str | None = None) -> None:
        super().__init__("QueueSummary", Queue=queue)


class QueueAdd(Action):
    """Put a member into a queue (class ``agent``)."""

    def __init__(
        self,
        queue: str,
        interface: str,
        *,
        penalty: int | None = None,
        paused: bool | None = None,
        member_name: str | None = None,
        state_interface: str | None = None,
    ) -> None:
        super().__init__(
            "QueueAdd",
            Queue=queue,
            Interface=interface,
            Penalty=penalty,
            Paused=paused,
            MemberName=member_name,
            StateInterface=state_interface,
        )


class QueueRemove(Action):
    """Take a member out of a queue (class ``agent``)."""

    def __init__(self, queue: str, interface: str) -> None:
        super().__init__("QueueRemove", Queue=queue, Interface=interface)


class QueuePause(Action):
    """Pause a member or let it go on, in one queue or in all (class ``agent``)."""

    def __init__(
        self, interface: str, *, paused: bool = True, queue: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__("QueuePause", Interface=interface, Paused=paused, Queue=queue, Reason=reason)


# --- the system --------------------------------------------------------------------------------------------------


class Command(Action):
    """Run a CLI command (class ``command``: the whole CLI). ``response.output`` is what it printed.

    Some failures are answered with Success: read the text.
    """

    def __init__(self, command: str) -> None:
        super().__init__("Command", Command=command)


class CoreSettings(Action):
    """Versions and limits of the server: ``AMIversion``, ``AsteriskVersion`` … (class ``system`` or ``reporting``)."""

    def __init__(self) -> None:
        super().__init__("CoreSettings")


class CoreStatus(Action):
    """When the server started and how many calls it has (class ``system`` or ``reporting``)."""

    def __init__(self) -> None:
        super().__init__("CoreStatus")


class PJSIPShowEndpoints(Action):
    """All PJSIP endpoints, a list; an error if there is none."""

    def __init__(self) -> None:
        super().__init__("PJSIPShowEndpoints")


class PJSIPShowEndpoint(Action):
    """One PJSIP endpoint with its AORs, auths, transport and contacts, a list of events of several names."""

    def __init__(self, endpoint: str) -> None:
        super().__init__("PJSIPShowEndpoint", Endpoint=endpoint)


class DBGet(Action):
    """Read an entry of Asterisk's database: a list of one ``DBGetResponse`` with ``Val``; an error if there is none."""

    def __init__(self, family: str, key: str) -> None:
        super().__init__("DBGet", Family=family, Key=key)


class DBPut(Action):
    """Write an entry of Asterisk's database (class ``system``)."""

    def __init__(self, family: str, key: str, value: str | int) -> None:
        super().__init__("DBPut", Family=family, Key=key, Val=value)


class DBDel(Action):
    """Delete an entry of Asterisk's database (class ``system``)."""

    def __init__(self, family: str, key: str) -> None:
        super().__init__("DBDel", Family=family, Key=key)


class ExtensionState(Action):
    """The state of an extension's hint: ``Status`` -2 removed, -1 deactivated, then bits (include/asterisk/pbx.h)."""

    def __init__(self, exten: str | int, context: str) -> None:
        super().__init__("ExtensionState", Exten=exten, Context=context)


class UserEvent(Action):
    """Send an event of your own to everybody who listens (class ``user``); other headers go along as they are."""

    def __init__(self, user_event: str, headers: Mapping[str, Value] | None = None, /, **more: Value) -> None:
        super().__init__("UserEvent", {"UserEvent": user_event, **(headers or {}), **more})
