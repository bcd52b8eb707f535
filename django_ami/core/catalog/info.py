"""The catalogue's entries: an action, an event, and a parameter."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ActionInfo", "EventInfo", "Parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A header of an action or an event.

    ``choices`` are the values that are documented; a server may know others. ``default`` is what it
    takes if there is none, where that is documented. ``description`` says in a few words what an
    action does with a parameter; an event's parameters have none.
    """

    name: str
    description: str = ""
    required: bool = False
    repeatable: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """An action: its parameters, its privileges, and the event that completes it.

    ``parameters`` are without Action and ActionID.

    ``privileges``: *one* of these classes in the account's ``write`` is enough; none means that
    everybody who is logged in may. ``items`` are the events of which its list consists, if it
    answers with one, and ``final_event`` the event that completes it after its response (of a list:
    that closes it). ``description`` is what is to be known of its answer. ``since`` is the first
    version that has it, of each branch that got it late; ``removed_in`` the version of Asterisk
    that no longer has it.
    """

    name: str
    synopsis: str
    module: str
    privileges: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    description: str = ""
    since: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    final_event: str | None = None
    removed_in: int | None = None


@dataclass(frozen=True, slots=True)
class EventInfo:
    """An event: its parameters and its classes.

    ``parameters`` are without Event, Privilege, ActionID and the ones that the server's options
    add.

    ``broadcast``: it goes to everybody whose ``read`` and mask of events have *all* of
    ``privileges``. ``answers`` are the actions that are answered with it, whatever the mask. Few
    events are both. ``removed_in`` is the version of Asterisk that no longer has it.

    The names of its parameters are those on the wire. Of headers that are numbered there is the
    first one (``Report0LSR``, ``Charge/Units(0)/NumberOf``).
    """

    name: str
    synopsis: str
    module: str
    privileges: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    broadcast: bool = True
    answers: tuple[str, ...] = ()
    removed_in: int | None = None
