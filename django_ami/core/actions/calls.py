"""Calls: placing, moving, recording and looking at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.actions.base import BareAction, TypedAction
from django_ami.core.actions.values import listed
from django_ami.core.actions.variables import variable_headers, variable_name, variable_text
from django_ami.core.arguments import shown
from django_ami.core.errors import InvalidAction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.actions.variables import Variables

__all__ = [
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "ConfbridgeList",
    "CoreShowChannels",
    "GetVar",
    "Hangup",
    "MixMonitor",
    "Monitor",
    "Originate",
    "Park",
    "Redirect",
    "SetVar",
    "Status",
]


#: The server reads the time into a C int (action_originate in main/manager.c).
_MOST_MS: Final = 2**31 - 1


class Originate(TypedAction):
    """Place a call to ``channel`` and connect it to a place in the dialplan or an application.

    The place is ``context``/``exten``/``priority``, the application ``application``/``data``.

    Asynchronous by default, since otherwise the connection is mute until the call is answered or
    has failed. It completes with the server's acknowledgement that the call is queued; with
    ``wait=True`` with what became of the call: ``response.outcome`` (answered, busy, rejected, no
    answer, unavailable, not found, cancelled, failed).

    ``timeout_ms`` is how long the far end may ring, in milliseconds (the server's default is
    30,000; 0 is no limit). ``variables`` are set on the new channel, escaped as the server wants
    them; one that is None is left out, and a name that ends in ``)`` is a dialplan function write.
    ``channel_id`` becomes the Uniqueid; a live channel's id must not begin with it, or the call
    fails with reason 0 (seen on Asterisk 22: ``x-1`` beside ``x-10``). With ``wait=True`` the
    client gives one if there is none.

    Raises InvalidAction for the name of a variable that would set another one, too, for a variable
    that is True or False, for a negative ``timeout_ms``, and for one of 0 if the end is waited for.
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
        variables: Variables | None = None,
        account: str | None = None,
        early_media: bool | None = None,
        codecs: str | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        pre_dial_go_sub: str | None = None,
        run_async: bool = True,
        wait: bool = False,
    ) -> None:
        if timeout_ms is not None and (
            not isinstance(timeout_ms, int) or isinstance(timeout_ms, bool)
        ):
            raise InvalidAction(
                f"Originate: timeout_ms is a whole number of milliseconds, not {shown(timeout_ms)}."
            )
        if timeout_ms is not None and timeout_ms > _MOST_MS:
            raise InvalidAction(
                f"Originate: timeout_ms is more than {_MOST_MS}, which is all that the server can "
                "count."
            )
        if timeout_ms is not None and (
            timeout_ms < 0 or (timeout_ms == 0 and (wait or not run_async))
        ):
            raise InvalidAction(
                f"Originate: timeout_ms={timeout_ms} is no limit for the server, so the end of the "
                "call might never be told: set the milliseconds that it may ring."
            )
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
            Variable=variable_headers("Originate", variables),
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
            self.final_broadcast = True
        if wait or not run_async:
            # The server ends the call after its Timeout; its report of that needs a moment to get
            # here.
            self.timeout = (30_000 if timeout_ms is None else timeout_ms) / 1000 + 10


class Hangup(TypedAction):
    """Hang up a channel by name or Uniqueid, or all that match ``/a regular expression/``.

    The answer is a list then.

    ``cause`` is a Q.850 number (include/asterisk/causes.h).
    """

    def __init__(self, channel: str, *, cause: int | None = None) -> None:
        super().__init__("Hangup", Channel=channel, Cause=cause)


class Redirect(TypedAction):
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


class BlindTransfer(TypedAction):
    """Send the channel that is bridged with ``channel`` to ``exten`` in ``context``."""

    def __init__(self, channel: str, *, context: str, exten: str | int) -> None:
        super().__init__("BlindTransfer", Channel=channel, Context=context, Exten=exten)


class Atxfer(TypedAction):
    """Begin an attended transfer by ``channel``.

    Success means only that the digits were queued (main/manager.c).
    """

    def __init__(self, channel: str, *, exten: str | int, context: str | None = None) -> None:
        super().__init__("Atxfer", Channel=channel, Exten=exten, Context=context)


class Bridge(TypedAction):
    """Bridge two channels.

    They are found by name *prefix*: give whole names (action_bridge in main/features.c).
    """

    def __init__(self, channel1: str, channel2: str, *, tone: str | bool | None = None) -> None:
        super().__init__("Bridge", Channel1=channel1, Channel2=channel2, Tone=tone)


class Park(TypedAction):
    """Park a channel, in ``parking_space`` if that is free.

    ``timeout_ms`` is how long it stays, in milliseconds.
    """

    def __init__(
        self,
        channel: str,
        *,
        timeout_channel: str | None = None,
        announce_channel: str | None = None,
        timeout_ms: int | None = None,
        parkinglot: str | None = None,
        parking_space: str | int | None = None,
    ) -> None:
        super().__init__(
            "Park",
            Channel=channel,
            TimeoutChannel=timeout_channel,
            AnnounceChannel=announce_channel,
            Timeout=timeout_ms,
            Parkinglot=parkinglot,
            ParkingSpace=parking_space,
        )


class Status(TypedAction):
    """The state of one channel or all, a list.

    ``variables`` are read for each (they may be dialplan functions).

    Raises InvalidAction for the name of a variable that would read another one, too.
    """

    def __init__(
        self,
        channel: str | None = None,
        *,
        variables: Iterable[str] = (),
        all_variables: bool | None = None,
    ) -> None:
        names = ",".join(
            variable_name("Status", name) for name in listed("Status", "variables", variables)
        )
        super().__init__(
            "Status", Channel=channel, Variables=names or None, AllVariables=all_variables
        )


class CoreShowChannels(BareAction):
    """All live channels, a list."""

    name = "CoreShowChannels"


class GetVar(TypedAction):
    """Read a variable of a channel, or a global one; the answer's ``Value``. Functions are run."""

    def __init__(self, variable: str, *, channel: str | None = None) -> None:
        super().__init__("Getvar", Channel=channel, Variable=variable)


class SetVar(TypedAction):
    """Set a variable of a channel, or a global one.

    The value is stored as it is, but for leading blanks.

    Raises InvalidAction for a value that is None, True or False.
    """

    def __init__(self, variable: str, value: str | float, *, channel: str | None = None) -> None:
        if value is None:
            raise InvalidAction(
                f"Setvar: the variable {variable} has no value: give '' to empty it."
            )
        super().__init__(
            "Setvar",
            Channel=channel,
            Variable=variable,
            Value=variable_text("Setvar", variable, value),
        )


class Monitor(TypedAction):
    """Record a channel with Monitor (Asterisk up to 20; later ones have MixMonitor alone)."""

    def __init__(
        self,
        channel: str,
        *,
        file: str | None = None,
        format: str | None = None,
        mix: bool | None = None,
    ) -> None:
        super().__init__("Monitor", Channel=channel, File=file, Format=format, Mix=mix)


class MixMonitor(TypedAction):
    """Record a channel, both directions mixed, into ``file`` on the server (class ``system``)."""

    def __init__(
        self,
        channel: str,
        *,
        file: str | None = None,
        options: str | None = None,
        command: str | None = None,
    ) -> None:
        super().__init__("MixMonitor", Channel=channel, File=file, options=options, Command=command)


class ConfbridgeList(TypedAction):
    """The participants of a conference, a list; an error if there is no such conference."""

    def __init__(self, conference: str) -> None:
        super().__init__("ConfbridgeList", Conference=conference)
