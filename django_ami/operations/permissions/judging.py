"""Whether a grant allows an action, as it is on the wire.

Rule: a header that can steer a call, or run something, is refused until a grant says which values
it may have. A header that comes several times is judged each time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django_ami.core.arguments import shown
from django_ami.core.catalog import action as find_action
from django_ami.operations.permissions.risks import DANGERS, Risk, classes_of, risk_of
from django_ami.operations.permissions.wire import values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.operations.permissions.grants import Grant

    #: Says why a value of a header is refused; empty if it is allowed.
    Rule = Callable[[Grant, str], str]

__all__ = ["fault_of", "named_in"]

#: ``local_alloc`` in main/core_local.c: options begin at the first slash, the context at the first
#: @. A text of another shape leads to another place than it seems to.
_LOCAL: Final = re.compile(
    r"local/(?P<number>[^@/]*)@(?P<context>[^@/,]+)(?:/[A-Za-z]*)?", re.IGNORECASE | re.ASCII
)
#: ``__ast_separate_app_args`` in main/app.c splits at commas that no backslash escapes.
_PART: Final = re.compile(r"(?:[^\\,]|\\.)*+,?", re.DOTALL)


def named_in(grant: Grant, action: str) -> bool:
    """Whether the grant has the action: by its name, or by a class if it is not dangerous."""
    return action.lower() in grant.actions or not grant.classes.isdisjoint(classes_of(action))


def fault_of(grant: Grant, action: Action) -> str:
    """Why the grant does not allow this action, with the cure; empty if it does."""
    name = action.name.lower()
    if not named_in(grant, name):
        return _not_named(action.name)
    patterns = grant.actions.get(name, {})
    for key, pattern in patterns.items():
        # One that is missing is judged as empty, unless the action does without it.
        may_be_missing = _RULES.get(name, {}).get(key, _context) not in _WANTED
        values = _judged(action, key) or ([] if may_be_missing else [""])
        for value in values:
            for part in _parts(value) if key.startswith("variable") else [value]:
                if pattern.fullmatch(part) is None:
                    return _no_match(action, key, part)
    for key, rule in _RULES.get(name, {}).items():
        if key in patterns:
            continue
        for value in _judged(action, key) or [""]:
            if why := rule(grant, value):
                return f"{_header(action, key)} {why}"
    return ""


def _judged(action: Action, key: str) -> list[str]:
    """The values of a header. A variable of no channel is one of the whole server."""
    values = list(values_of(action, key))
    if action.name.lower() != "setvar" or key != "variable":
        return values
    # ``astman_get_header`` in main/manager.c takes the first one, also if it is empty.
    channel = next(values_of(action, "channel"), "")
    return values if channel else [f"GLOBAL({value})" for value in values]


def _not_named(action: str) -> str:
    if risk_of(action) is Risk.DANGEROUS:
        why = DANGERS.get(action.lower(), "Asterisk has no such action that we know")
        return f"it is dangerous ({why}): a grant must name it in 'actions'."
    return "no grant has it: name it in 'actions', or one of its classes in 'classes'."


def _no_match(action: Action, key: str, value: str) -> str:
    header, place = _header(action, key), f"'actions', {action.name}"
    if not value:
        return f"{header} is missing or empty: add it. The grant has a pattern for it ({place})."
    return f"{header} may not be {shown(value)}: the pattern of the grant does not match ({place})."


def _header(action: Action, key: str) -> str:
    """The header as the action spells it, else as Asterisk documents it."""
    info = find_action(action.name)
    documented = [parameter.name for parameter in info.parameters] if info else []
    names = {name.lower(): name for name in (*documented, *(name for name, _ in action.headers))}
    return f"its header {names.get(key, key)}"


def _parts(value: str) -> list[str]:
    """The parts of a value, as the server splits it; rather too many than too few."""
    return [part.removesuffix(",").strip() for part in _PART.findall(value) if part] or [""]


# --- rules ---


def _context(grant: Grant, value: str) -> str:
    if not value:
        return "is missing: name a context, else the call goes on in its own."
    if value in grant.contexts:
        return ""
    return f"may not be {shown(value)}: add the context to 'contexts' of the grant."


def _context_if_given(grant: Grant, value: str) -> str:
    return _context(grant, value) if value else ""


def _number(grant: Grant, value: str) -> str:
    if not value or grant.numbers.fullmatch(value):
        return ""
    return f"may not be {shown(value)}: 'numbers' of the grant says what may be dialled."


def _first(grant: Grant, value: str) -> str:  # noqa: ARG001  (a rule)
    if value in {"", "1"}:
        return ""
    return f"may not be {shown(value)}: an extension is entered at 1; give a pattern for others."


def _device(grant: Grant, value: str) -> str:
    if not value or grant.devices.fullmatch(value):
        return ""
    local = _LOCAL.fullmatch(value)
    if local is None:
        return (
            f"may not be {shown(value)}: 'devices' of the grant says what may be rung, and "
            "Local/NUMBER@CONTEXT needs its context in 'contexts'."
        )
    return _number(grant, local["number"] or "?") or _context(grant, local["context"])


def _subroutine(grant: Grant, value: str) -> str:
    """``context,exten,priority(arguments)``; the shorter forms stay in the context of the call."""
    place = value.partition("(")[0].split(",")
    if not value:
        return ""
    if len(place) < 3:
        return f"may not be {shown(value)}: write context,exten,priority."
    return (
        _context(grant, place[0].strip())
        or _number(grant, place[1].strip())
        or _first(grant, ",".join(place[2:]).strip())
    )


def _pattern_needed(grant: Grant, value: str) -> str:  # noqa: ARG001  (a rule)
    if not value:
        return ""
    return (
        f"may not be {shown(value)}: the grant must have a pattern for it, as in "
        "'actions': {ACTION: {HEADER: PATTERN}}."
    )


def _pattern_needed_always(grant: Grant, value: str) -> str:
    return _pattern_needed(grant, value or "empty")


def _function(grant: Grant, value: str) -> str:
    """Functions of the dialplan read files, ask other servers, and run programs."""
    return _pattern_needed(grant, value) if "(" in value or "$" in value else ""


def _not_all(grant: Grant, value: str) -> str:
    """A regular expression is for many channels."""
    return _pattern_needed(grant, value) if value.startswith("/") else ""


_NEEDED: Final = _pattern_needed
#: The rules of headers that must be there.
_WANTED: Final = (_context, _pattern_needed_always)

#: By action and header, both in lower case. A pattern in a grant takes the place of the rule.
_RULES: Final[dict[str, dict[str, Rule]]] = {
    "originate": {
        "channel": _device,
        "context": _context_if_given,
        "exten": _number,
        "priority": _first,
        "application": _NEEDED,
        "data": _NEEDED,
        "variable": _NEEDED,
        "predialgosub": _subroutine,
    },
    "redirect": {
        "context": _context,
        "exten": _number,
        "priority": _first,
        "extracontext": _context_if_given,
        "extraexten": _number,
        "extrapriority": _first,
    },
    "blindtransfer": {"context": _context, "exten": _number},
    "atxfer": {"context": _context, "exten": _number},
    "park": {"timeoutchannel": _device},
    "dahdidialoffhook": {"number": _number},
    "queueadd": {"interface": _device},
    "command": {"command": _pattern_needed_always},
    "agi": {"command": _pattern_needed_always},
    "setvar": {"variable": _pattern_needed_always},
    "getvar": {"variable": _function},
    "status": {"variables": _function},
    "dbput": {"family": _pattern_needed_always},
    "dbdel": {"family": _pattern_needed_always},
    "dbdeltree": {"family": _pattern_needed_always},
    "hangup": {"channel": _not_all},
    "mixmonitor": {"file": _NEEDED, "options": _NEEDED, "command": _NEEDED},
    "monitor": {"file": _NEEDED},
    "changemonitor": {"file": _NEEDED},
    "confbridgestartrecord": {"recordfile": _NEEDED},
    "messagesend": {"destination": _NEEDED, "to": _NEEDED, "variable": _NEEDED},
    "pjsipnotify": {"uri": _NEEDED, "variable": _NEEDED},
    "sipnotify": {"variable": _NEEDED},
    "moduleload": {"module": _NEEDED},
}
