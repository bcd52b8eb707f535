"""Originate, and the OriginateResponse that everybody of class call gets."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action
from django_ami.simulator.channels import Channel, Step
from django_ami.simulator.dialling import ANSWER, Order, Outcome
from django_ami.simulator.frames import encode
from django_ami.simulator.masks import CLASSES
from django_ami.simulator.requests import split_variables

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange

__all__ = ["caller_id", "originate"]

_CALLER_ID = re.compile(r'\s*(?:"?([^"<]*?)"?\s*)?(?:<([^>]*)>)?\s*\Z')
_MAX_ID_CHARACTERS = 149
_NEEDS_SYSTEM = (
    "agi",
    "dbdeltree",
    "exec",
    "externalivr",
    "mixmonitor",
    "originate",
    "reload",
    "system",
)


def caller_id(text: str) -> tuple[str, str]:
    """``"Name" <number>`` as number and name; a bare number is a number."""
    if re.fullmatch(r"[+0-9*#]+", text):
        return text, ""
    found = _CALLER_ID.match(text)
    return (found[2] or "", found[1] or "") if found else ("", text)


def _refusal(x: Exchange) -> str:
    """Why the request is not taken; empty if it is."""
    channel, exten, priority = x.get("Channel"), x.get("Exten"), x.get("Priority")
    checks = (
        (not channel, "Channel not specified"),
        (bool(priority) and not priority.isdecimal(), "Invalid priority"),
        (not x.get("Timeout", "0").isdecimal(), "Invalid timeout"),
        ("/" not in channel or channel.endswith("/"), "Invalid channel"),
        (
            len(encode(x.get("ChannelId"))) > _MAX_ID_CHARACTERS,
            f"Uniqueid length exceeds maximum of {_MAX_ID_CHARACTERS}",
        ),
        (_is_forbidden(x), "Originate Access Forbidden: app or data blacklisted"),
        (_no_destination(x), "Originate with 'Exten' requires 'Context' and 'Priority'"),
        (exten == "nosuch" and not x.get("Application"), "Extension does not exist."),
    )
    return next((text for wrong, text in checks if wrong), "")


def _no_destination(x: Exchange) -> bool:
    """Neither an application nor a whole place in the dialplan.

    An application wins over an extension.
    """
    return not x.get("Application") and not all(
        x.get(key) for key in ("Exten", "Context", "Priority")
    )


def _is_forbidden(x: Exchange) -> bool:
    """Applications that reach the shell want class system as well."""
    name = x.get("Application").lower()
    return (
        any(word in name for word in _NEEDS_SYSTEM) and not x.session.write_bits & CLASSES["system"]
    )


def _order(x: Exchange) -> Order:
    number, name = caller_id(x.get("CallerID"))
    step = Step(
        context=x.get("Context") or "default",
        exten=x.get("Exten"),
        priority=int(x.get("Priority") or 1),
        application=x.get("Application"),
        data=x.get("Data"),
    )
    variables = [
        pair for header in x.request.get_all("Variable") for pair in split_variables(header)
    ]
    return Order(
        channel=x.get("Channel")[:255],
        step=step,
        timeout=x.milliseconds("Timeout", 30_000) / 1000,
        caller_num=number,
        caller_name=name,
        account=x.get("Account"),
        variables=variables,
        channel_id=x.get("ChannelId"),
        other_channel_id=x.get("OtherChannelId"),
    )


@action("Originate", "originate")
async def originate(x: Exchange) -> bytes:
    """Make a call."""
    refusal = _refusal(x)
    if refusal:
        return x.error(refusal)
    order = _order(x)
    if x.get("Async").lower() in {"yes", "true", "y", "t", "1", "on"}:
        x.server.spawn(_call_later(x, order))
        return x.ok("Originate successfully queued")
    # The session does nothing else and sends nothing until somebody answers or the call fails. If
    # its connection goes away meanwhile, the call does not: hence the shield.
    outcome, _ = await asyncio.shield(asyncio.ensure_future(_call(x, order)))
    return (
        x.ok("Originate successfully queued") if outcome is ANSWER else x.error("Originate failed")
    )


async def _call(x: Exchange, order: Order) -> tuple[Outcome, Channel | None]:
    if not x.server.booted:
        return Outcome("CHANUNAVAIL", 0, 0), None
    return await x.pbx.calls.originate(order)


async def _call_later(x: Exchange, order: Order) -> None:
    if x.server.faults.originate_response_first:
        with x.server.events_held():
            result = await _call(x, order)
            _respond(x, order, *result, first=True)
    else:
        _respond(x, order, *await _call(x, order))


def _respond(
    x: Exchange, order: Order, outcome: Outcome, channel: Channel | None, *, first: bool = False
) -> None:
    response = "Success" if outcome is ANSWER else "Failure"
    what = (
        [("Application", order.step.application), ("Data", order.step.data)]
        if order.step.application or not order.step.exten
        else [("Context", order.step.context), ("Exten", order.step.exten)]
    )
    shown = channel.shown_variables if channel else ()
    event = x.server.event(
        "OriginateResponse",
        [
            *x.echo,
            ("Response", response),
            ("Channel", channel.name if channel else order.channel),
            *what,
            ("Reason", str(outcome.reason_of(order.channel))),
            ("Uniqueid", channel.uniqueid if channel else order.channel_id or "<unknown>"),
            ("CallerIDNum", order.caller_num or "<unknown>"),
            ("CallerIDName", order.caller_name or "<unknown>"),
            *(
                (f"ChanVariable({channel.name})", f"{name}={channel.variables.get(name, '')}")
                for name in shown
                if channel is not None
            ),
        ],
    )
    x.server.broadcast(event, held=not first)
