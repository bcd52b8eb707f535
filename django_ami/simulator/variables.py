"""Reading and writing variables and the few dialplan functions that are simulated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django_ami.simulator.channels import STATES, Channel

if TYPE_CHECKING:
    from django_ami.simulator.pbx import Pbx

__all__ = ["read_variable", "write_variable"]

_FUNCTION = re.compile(r"(\w+)\((.*)\)\Z", re.DOTALL)


def read_variable(pbx: Pbx, channel: Channel | None, name: str) -> str | None:
    """The value as Getvar finds it; None if there is none. An unknown function is simply empty."""
    function = _FUNCTION.match(name)
    if function:
        return _call(pbx, channel, function[1].upper(), function[2])
    if channel is not None:
        own = {"EXTEN": channel.exten, "CONTEXT": channel.context, "CHANNEL": channel.name}
        value = own.get(name, channel.variables.get(name))
        if value is not None:
            return value
    return pbx.globals.get(name)


def _call(pbx: Pbx, channel: Channel | None, function: str, argument: str) -> str:
    if function == "GLOBAL":
        return pbx.globals.get(argument, "")
    if function == "DB_EXISTS":
        return "1" if f"/{argument}" in pbx.database else "0"
    if function == "DEVICE_STATE":
        return pbx.device_state(argument)
    if channel is None:
        return ""
    if function == "CHANNEL":
        facts = {
            "state": STATES[channel.state],
            "name": channel.name,
            "language": "en",
            "linkedid": channel.linkedid,
        }
        return facts.get(argument.lower(), "")
    if function == "CALLERID":
        everything = f'"{channel.caller_name}" <{channel.caller_num}>'
        facts = {"num": channel.caller_num, "name": channel.caller_name, "all": everything}
        return facts.get(argument.lower(), "")
    return ""


def write_variable(pbx: Pbx, channel: Channel | None, name: str, value: str) -> bool:
    """Set a variable; False for a function that is not known."""
    function = _FUNCTION.match(name)
    if not function:
        pbx.set_variable(channel, name, value)
        return True
    kind, argument = function[1].upper(), function[2].lower()
    if kind == "GLOBAL":
        pbx.set_variable(None, function[2], value)
        return True
    if kind == "CALLERID" and channel is not None and argument in {"num", "name"}:
        if argument == "num":
            channel.caller_num = value
        else:
            channel.caller_name = value
        pres = ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
        pbx.emit("NewCallerid", [*channel.snapshot(), pres])
        return True
    return False
