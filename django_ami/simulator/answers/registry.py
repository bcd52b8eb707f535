"""The actions there are.

Each handler registers itself under its name, with the classes that may run it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_ami.simulator.exchange import Exchange
from django_ami.simulator.masks import bits

if TYPE_CHECKING:
    from django_ami.simulator.profiles import Profile

__all__ = ["Action", "action", "available", "find"]

Handler = Callable[[Exchange], bytes | Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Action:
    """One action."""

    name: str
    privileges: str
    """Any one of these classes in the user's ``write=`` will do.

    None: everybody who is logged in.
    """
    synopsis: str
    handler: Handler
    since: int
    until: int
    module: bool
    """It comes with a module, so it is unknown while Asterisk boots."""

    @property
    def bits(self) -> int:
        """The classes as bits."""
        return bits(self.privileges)

    async def run(self, exchange: Exchange) -> bytes:
        """The answer."""
        result = self.handler(exchange)
        return await result if inspect.isawaitable(result) else result


_ACTIONS: dict[str, Action] = {}


def action(
    name: str,
    privileges: str = "",
    *,
    synopsis: str = "",
    since: int = 0,
    until: int = 99,
    module: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the handler of an action.

    Its docstring is the synopsis unless another one is given.
    """

    def register(handler: Handler) -> Handler:
        text = synopsis or (inspect.getdoc(handler) or "").partition("\n")[0]
        _ACTIONS[name.lower()] = Action(name, privileges, text, handler, since, until, module)
        return handler

    return register


def find(name: str, profile: Profile, *, booted: bool) -> Action | None:
    """The action of that name (case does not matter) if this release has it and it is loaded."""
    found = _ACTIONS.get(name.lower())
    if (
        found is None
        or not found.since <= profile.release <= found.until
        or (found.module and not booted)
    ):
        return None
    return found


def available(profile: Profile, write_bits: int, *, booted: bool) -> list[Action]:
    """The actions that an account with these rights may run, sorted by name."""
    known = (find(name, profile, booted=booted) for name in sorted(_ACTIONS))
    return [one for one in known if one is not None and (not one.bits or one.bits & write_bits)]
