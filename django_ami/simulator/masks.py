"""Classes of events and actions, and the grammar of ``Events:``, ``read=`` and the others.

It is that of ``EventMask:`` and ``write=``, too. The grammar is that of strings_to_mask() and
ast_instring() in Asterisk, oddities included: names are case-sensitive, blanks are part of a name,
an unknown name adds nothing, a token that is not the last one matches every class that begins with
it, and an empty token matches everything.
"""

from __future__ import annotations

__all__ = ["ALL", "CLASSES", "bits", "class_of_event", "event_mask", "permissions"]

CLASSES = {
    "system": 1 << 0,
    "call": 1 << 1,
    "log": 1 << 2,
    "verbose": 1 << 3,
    "command": 1 << 4,
    "agent": 1 << 5,
    "user": 1 << 6,
    "config": 1 << 7,
    "dtmf": 1 << 8,
    "reporting": 1 << 9,
    "cdr": 1 << 10,
    "dialplan": 1 << 11,
    "originate": 1 << 12,
    "agi": 1 << 13,
    "cc": 1 << 15,
    "aoc": 1 << 16,
    "test": 1 << 17,
    "security": 1 << 18,
    "message": 1 << 30,
}
ALL = (1 << 31) - 1
_LABELS = {**CLASSES, "all": ALL, "none": 0}

_FALSE = {"no", "false", "n", "f", "0", "off"}
_TRUE = {"yes", "true", "y", "t", "1", "on"}

# Events that are not of class call; everything that is not named here is.
_NOT_CALL = {
    "agent": "AgentCalled AgentComplete AgentConnect AgentDump AgentLogin AgentLogoff "
    "AgentRingNoAnswer QueueCallerAbandon QueueCallerJoin QueueCallerLeave QueueMemberAdded "
    "QueueMemberPause QueueMemberPenalty QueueMemberRemoved QueueMemberRinginuse QueueMemberStatus",
    "agi": "AGIExecEnd AGIExecStart AsyncAGIEnd AsyncAGIExec AsyncAGIStart",
    "aoc": "AOC-D AOC-E AOC-S",
    "cc": "CCAvailable CCCallerRecalling CCFailure CCMonitorFailed CCRecallComplete CCRequested",
    "cdr": "Cdr",
    "dialplan": "HangupHandlerPop HangupHandlerPush HangupHandlerRun Newexten VarSet",
    "dtmf": "DTMFBegin DTMFEnd",
    "reporting": "RTCPReceived RTCPSent TestEvent",
    "security": "ChallengeResponseFailed ChallengeSent FailedACL InvalidAccountID InvalidPassword"
    " RequestBadFormat RequestNotAllowed SessionLimit SuccessfulAuth",
    "system": "Alarm AlarmClear ContactStatus DeadlockStart FullyBooted Load LogChannel "
    "PJSIPMaintenanceStatus PeerStatus Registry Reload Shutdown SpanAlarm Unload",
    "user": "UserEvent",
}
_CLASS_OF_EVENT = {name: kind for kind, names in _NOT_CALL.items() for name in names.split()}
_CLASS_OF_EVENT["VoicemailPasswordChange"] = "system,user"


def class_of_event(name: str) -> str:
    """The class (or classes, comma-separated) that the broadcast event of this name has."""
    return _CLASS_OF_EVENT.get(name, "call")


def bits(classes: str) -> int:
    """The bits of plain class names, as written in a Privilege line without ``all``."""
    total = 0
    for name in filter(None, classes.split(",")):
        total |= _LABELS[name]
    return total


def _contains(tokens: str, label: str) -> bool:
    """ast_instring(): is ``label`` in the comma list, by its rules."""
    rest = tokens
    while True:
        token, comma, rest = rest.partition(",")
        if not comma:
            return token == label
        if label.startswith(token):
            return True
        if not rest:
            return False


def permissions(text: str) -> int:
    """The bits of a ``read=`` or ``write=`` line."""
    total = 0
    for label, bit in _LABELS.items():
        if _contains(text, label):
            total |= bit
    return total


def event_mask(text: str | None) -> int:
    """The bits of an ``Events:`` or ``EventMask:`` header; nothing given means everything."""
    if not text:
        return ALL
    if text.isascii() and text.isdigit():
        return int(text)
    if text.lower() in _FALSE:
        return 0
    if text.lower() in _TRUE:
        return ALL
    return permissions(text)
