"""How the parameters of an action become the arguments of its class: names, types, units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.core.catalog.info import ActionInfo, Parameter

__all__ = ["Argument", "arguments"]

#: Names that say more than the parameter's own: a unit, or that there are several.
NAMES = {
    "AbsoluteTimeout.Timeout": "seconds",
    "AOCMessage.UnitAmount(0)": "unit_amounts",
    "AOCMessage.UnitType(0)": "unit_types",
    "MessageSend.From": "from_",
    "PlayDTMF.Duration": "duration_ms",
    "PlayMF.Duration": "duration_ms",
}

INTEGERS = {
    "AbsoluteTimeout.Timeout",
    "AOCMessage.ChargingAssociationId",
    "AOCMessage.ChargingAssociationPlan",
    "AOCMessage.Code",
    "AOCMessage.CurrencyAmount",
    "AOCMessage.Granularity",
    "AOCMessage.Time",
    "DAHDIDialOffhook.DAHDIChannel",
    "DAHDIDNDoff.DAHDIChannel",
    "DAHDIDNDon.DAHDIChannel",
    "DAHDIHangup.DAHDIChannel",
    "DAHDIShowChannels.DAHDIChannel",
    "DAHDITransfer.DAHDIChannel",
    "FAXSession.SessionNumber",
    "MeetmeMute.Usernum",
    "MeetmeUnmute.Usernum",
    "MWIUpdate.NewMessages",
    "MWIUpdate.OldMessages",
    "PlayDTMF.Duration",
    "PlayMF.Duration",
    "PRIDebugSet.Span",
    "PRIShowSpans.Span",
    "QueueChangePriorityCaller.Priority",
    "QueuePenalty.Penalty",
}

#: Texts that are numbers more often than not, wherever they occur.
NUMBER_LIKE = {
    "Agent",
    "Cause",
    "Conference",
    "Digit",
    "Extension",
    "Level",
    "Mailbox",
    "Meetme",
    "Number",
    "Priority",
    "ToMailbox",
}

#: Those that are read with ast_true (main/utils.c), which takes any word for yes.
BOOLEANS = {
    "AgentLogoff.Soft",
    "DialplanExtensionAdd.Replace",
    "MixMonitorMute.State",
    "ModuleLoad.Recursive",
    "PlayDTMF.Receive",
    "QueueChangePriorityCaller.Immediate",
    "QueueMemberRingInUse.RingInUse",
    "SendFlash.Receive",
    "SorceryMemoryCacheStaleObject.Reload",
}
#: Choices that are a yes and a no; the server may compare the words.
WORDS = ({"yes", "no"}, {"on", "off"})

#: Parameters that are numbered, from 0; an argument for all of them, and each of its values has a
#: number.
NUMBERED = {"UnitAmount(0)": "UnitAmount({})", "UnitType(0)": "UnitType({})"}
#: Variables with values, which are escaped, in as many headers.
VARIABLES = "Variable"


@dataclass(frozen=True)
class Argument:
    """An argument of a class: its annotation, and its header."""

    name: str
    annotation: str
    expression: str
    parameter: Parameter

    @property
    def required(self) -> bool:
        return self.parameter.required


def arguments(info: ActionInfo) -> list[Argument]:
    """The arguments of an action's class, the required ones first."""
    made = [_argument(info.name, parameter) for parameter in info.parameters]
    return sorted(made, key=lambda argument: not argument.required)


def _argument(action: str, parameter: Parameter) -> Argument:
    place = f"{action}.{parameter.name}"
    name = NAMES.get(place) or snake_case(parameter.name)
    if parameter.name == VARIABLES:
        return Argument(
            "variables", "Variables", f'variable_headers("{action}", variables)', parameter
        )
    if parameter.name in NUMBERED:
        expression = f'numbered("{NUMBERED[parameter.name]}", {name})'
        return Argument(name, "Iterable[int]", expression, parameter)
    for words in WORDS:
        if set(parameter.choices) == words:
            yes, no = sorted(words, key=lambda word: word in {"no", "off"})
            return Argument(name, "bool", f'spelled({name}, "{yes}", "{no}")', parameter)
    return Argument(name, _annotation(place, parameter.name), name, parameter)


def _annotation(place: str, name: str) -> str:
    if place in BOOLEANS:
        return "bool"
    if place in INTEGERS:
        return "int"
    return "str | int" if name in NUMBER_LIKE else "str"


def snake_case(name: str) -> str:
    """A header's name as an argument: ``BridgeUniqueid`` as bridge_uniqueid.

    ``DAHDIChannel`` becomes dahdi_channel, and ``Content-Type`` content_type.
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|-", "_", name)
    return parted.lower()
