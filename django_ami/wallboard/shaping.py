"""From the objects of a server to those that a visitor may see.

Rule: objects are made small once for all (``slim``), and then one ``Shaper`` for each access, which
all its visitors share, leaves out and masks. A visitor with some queues sees nothing of others.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.utils.crypto import salted_hmac

from django_ami.live.queue_views import AgentState, Totals
from django_ami.wallboard.masking import Mask
from django_ami.wallboard.objects import SHOWN, SlimQueue, slim, slim_totals
from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.live.queue_views import Queue
    from django_ami.wallboard.access import Access

    Slim = dict[str, Any]

__all__ = ["Shaper", "interface_for", "slim", "slimmed"]

_TOTALS: Final = "totals:"
#: How many interfaces are remembered.
_REMEMBERED: Final = 1024


def slimmed(bodies: Mapping[str, str | None]) -> dict[str, Slim | None]:
    """The objects of a feed that pages see, made small; None for one that is gone."""
    return {
        key: None if body is None else slim(key, json.loads(body))
        for key, body in bodies.items()
        if key.partition(":")[0] in SHOWN
    }


class Shaper:
    """The picture of one server, for the visitors with one access.

    Raises ConfigurationError if the setting AMI_WALLBOARD is wrong.
    """

    def __init__(self, access: Access, server: str) -> None:
        self._sees = access.servers is None or server in access.servers
        self._queues = access.queues
        self._mask = _Masking() if access.masks_numbers else None
        #: The keys of the objects that are shown now.
        self._shown: set[str] = set()
        #: The queues, and the states of the agents, that the totals are made of.
        self._counted: dict[str, Queue] = {}
        self._states: dict[str, AgentState] = {}
        self._totals: Slim | None = None

    def take(self, changes: Mapping[str, Slim | None], whole: bool) -> dict[str, Slim | None]:
        """These objects are now as given, small as ``slim`` made them; None for one that is gone.

        With ``whole`` they are all that there are. Returns those that are to be shown anew: None
        for one that is gone, or that the visitors may no longer see. They are shared: change none.
        """
        if whole:
            self._shown.clear()
            self._counted.clear()
            self._states.clear()
            self._totals = None
        if not self._sees:
            return {}
        shaped: dict[str, Slim | None] = {}
        counted = whole
        for key, subject in changes.items():
            kind = key.partition(":")[0]
            seen = None if subject is None else self._seen(kind, key, subject)
            if seen is None and key not in self._shown:
                continue
            self._note(key, seen)
            counted = self._count(kind, key, seen) or counted
            shown_key, shown = key, seen
            if self._mask is not None:
                shown_key, shown = self._mask(kind, key, seen)
            shaped[shown_key] = shown
        if counted:
            self._add_totals(shaped)
        return shaped

    def shown_key(self, key: str) -> str:
        """The key under which the visitors know the object of a key of the feed."""
        return key if self._mask is None else self._mask(key.partition(":")[0], key, None)[0]

    def _note(self, key: str, seen: Slim | None) -> None:
        if seen is None:
            self._shown.discard(key)
        else:
            self._shown.add(key)

    # --- the objects that may be seen ---

    def _seen(self, kind: str, key: str, subject: Slim) -> Slim | None:
        """The object, as far as it is of the queues that may be seen; None if it is of none."""
        queues = self._queues
        if queues is None or kind == "server":
            return subject
        match kind:
            case "call" | "caller":
                return subject if subject.get("queue") in queues else None
            case "queue" | "curve":
                return subject if key.partition(":")[2] in queues else None
            case "agent":
                return _agent_of(subject, queues)
        # Parking lots and conferences are of no queue: the calls in them tell where they are.
        return None

    # --- totals ---

    def _count(self, kind: str, key: str, seen: Slim | None) -> bool:
        """Take an object into the totals. Whether they may have changed."""
        if kind == "queue":
            _put(self._counted, key, seen.queue if isinstance(seen, SlimQueue) else None)
        elif kind == "agent":
            _put(self._states, key, None if seen is None else AgentState(seen["state"]))
        return kind in {"queue", "agent"}

    def _add_totals(self, shaped: dict[str, Slim | None]) -> None:
        totals = slim_totals(Totals.of(self._counted.values(), self._states.values()))
        if totals != self._totals:
            self._totals = shaped[_TOTALS] = totals


def _put(table: dict[str, Any], key: str, value: object) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _agent_of(agent: Slim, queues: frozenset[str]) -> Slim | None:
    """An agent in these queues alone: a caller of another one is somebody else on the phone."""
    own = {name: paused for name, paused in agent.get("queues", {}).items() if name in queues}
    if not own:
        return None
    seen = {**agent, "queues": own}
    if "talk" in seen and seen["talk"]["queue"] not in queues:
        del seen["talk"]
        if seen["state"] == AgentState.TALKING:
            seen["state"] = AgentState.TALKING_OTHER.value
    return seen


# --- masks ---


class _Masking:
    """Masks the objects of one access."""

    def __init__(self) -> None:
        self._mask = Mask(options().mask)
        self.interface = lru_cache(_REMEMBERED)(self._interface)
        self._kinds: Mapping[str, Callable[[Slim], Slim]] = {
            "call": self._call,
            "caller": self._person,
            "agent": self._agent,
            "parked": self._person,
            "conference": self._conference,
        }

    def __call__(self, kind: str, key: str, subject: Slim | None) -> tuple[str, Slim | None]:
        """The key and the object, without a number that the visitors may not know."""
        if kind == "agent":
            key = f"agent:{self.interface(key.removeprefix('agent:'))}"
        elif kind == "conference":
            key = f"conference:{self.interface(key.removeprefix('conference:'))}"
        masked = self._kinds.get(kind)
        return key, subject if subject is None or masked is None else masked(subject)

    def _interface(self, interface: str) -> str:
        """An interface that has a number in it (``Local/0301234567@agents``) stays one of its own.

        So does a conference that has one for its name. The end tells two of them apart.
        """
        masked = self._mask.device(interface)
        if masked == interface:
            return interface
        mark = salted_hmac(__name__, interface, algorithm="sha256").hexdigest()
        return f"{masked}#{mark[:8]}"

    def _person(self, one: Slim, *numbers: str) -> Slim:
        """Somebody with a number, a name, or a device; ``numbers`` are those of others."""
        masked = dict(one)
        number = one.get("number", "")
        if number:
            masked["number"] = self._mask.number(number)
        if "name" in one:
            masked["name"] = self._mask.text(one["name"], number, *numbers)
        if "device" in one:
            masked["device"] = self._mask.device(one["device"], number, *numbers)
        return masked

    def _agent(self, agent: Slim) -> Slim:
        masked = self._person(agent)
        masked["interface"] = self.interface(agent["interface"])
        if "talk" in agent:
            masked["talk"] = self._person(agent["talk"])
        if "pause_reason" in agent:
            masked["pause_reason"] = self._mask.text(agent["pause_reason"])
        return masked

    def _conference(self, conference: Slim) -> Slim:
        return {**conference, "name": self.interface(conference["name"])}

    def _call(self, call: Slim) -> Slim:
        masked, roles = dict(call), [role for role in ("caller", "callee") if role in call]
        numbers = [call[role].get("number", "") for role in roles]
        for role in roles:
            masked[role] = self._person(call[role], *numbers)
        if "requested" in call:
            masked["requested"] = self._mask.number(call["requested"])
        if "agent" in call:
            masked["agent"] = self.interface(call["agent"])
        if "conference" in call:
            masked["conference"] = self.interface(call["conference"])
        return masked


def interface_for(access: Access, interface: str) -> str:
    """The interface of an agent, as visitors with that access see it.

    Compare with it what they send: ``interface_for(access, agent.interface) == sent``.
    """
    return _Masking().interface(interface) if access.masks_numbers else interface
