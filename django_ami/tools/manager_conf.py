"""The stanza of ``manager.conf`` for a project: least privileges, a filter, ``writetimeout``.

Facts: main/manager.c (__init_manager reads it). A user without ``secret`` can never log in, so the
stanza does no harm until somebody fills in his own.
"""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from django_ami.checks.receivers import unheard
from django_ami.checks.security import is_loopback
from django_ami.core.catalog import action as find_action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.config import ServerConfig
    from django_ami.tools.needs import Needs

__all__ = ["Stanza"]

#: They say that a server is ready, and that it goes; at login alone FullyBooted passes every
#: filter.
_ALWAYS: Final = ("FullyBooted", "Shutdown")
#: A line of a configuration file has 8,191 bytes (main/config.c); this is far less, and can be
#: read.
_NAMES_IN_A_LINE: Final = 10


class Stanza:
    """The rights that one account needs."""

    def __init__(self, server: ServerConfig, needs: Needs) -> None:
        self.server = server
        self.needs = needs
        self.read = needs.read(server.options.events)
        self.write = needs.write(filters=server.options.server_filters == "auto")

    @property
    def filters(self) -> list[str]:
        """Values of ``eventfilter``: regular expressions of which one must match an event.

        None if all are wanted.
        """
        if self.needs.every_event:
            return []
        outcomes = ("OriginateResponse",) if self.needs.usage.outcomes else ()
        names = sorted({*_ALWAYS, *outcomes, *(wanted.name for wanted in self.needs.events)})
        lines = [names[at : at + _NAMES_IN_A_LINE] for at in range(0, len(names), _NAMES_IN_A_LINE)]
        # The text of an event begins so, and the end of the line is a carriage return.
        return [f"^Event: ({'|'.join(map(_escaped, line))})[[:space:]]" for line in lines]

    def lines(self) -> Iterator[str]:
        """The stanza with its reasons."""
        server = self.server
        yield from _comment(
            f"The account of {server.name} ({server.address}). Put it into manager.conf there, "
            "then: manager reload"
        )
        yield f"[{server.username}]"
        yield from _comment(
            f"secret = the SECRET of {server.name} in the settings; without it nobody can log in"
        )
        if is_loopback(server.host):
            yield "deny = 0.0.0.0/0.0.0.0"
            yield "permit = 127.0.0.1/255.255.255.255"
        else:
            yield from _comment("let in nobody but the machines of this site:")
            yield "; deny = 0.0.0.0/0.0.0.0"
            yield "; permit = ADDRESS/255.255.255.255"
        yield from self._reading()
        yield from self._writing()
        yield from _comment(
            "by default Asterisk hangs up on a reader that lets one write wait for 100 ms"
        )
        yield "writetimeout = 5000"

    def _reading(self) -> Iterator[str]:
        needs = self.needs
        names = ", ".join(sorted({wanted.name for wanted in needs.events}))
        who = "every event" if needs.every_event else names or "no event"
        outcomes = ", call for OriginateResponse" if needs.usage.outcomes else ""
        yield from _comment(f"receivers of: {who}; system for FullyBooted{outcomes}")
        never = {
            wanted.name: found.why
            for wanted in needs.events
            if not wanted.custom and (found := unheard(wanted.name)) is not None and found.sure
        }
        for why in never.values():
            yield from _comment(f"never received: {why}")
        unknown = ", ".join(
            wanted.name
            for wanted in needs.events
            if wanted.classes is None and wanted.name not in never
        )
        if unknown:
            yield from _comment(
                f"add the classes of {unknown}, which are not known here (setting "
                "AMI_CUSTOM_EVENTS)"
            )
        yield f"read = {','.join(self.read)}"
        if self.filters:
            yield from _comment(
                "what no receiver wants is not sent: make these lines anew when there are new "
                "receivers, and leave them out if other programs use this account"
            )
        for text in self.filters:
            yield f"eventfilter = {text}"

    def _writing(self) -> Iterator[str]:
        usage = self.needs.usage
        if not usage.places:
            yield from _comment("no actions were found in the source; name them with --actions")
        for name, places in sorted(usage.places.items()):
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            yield from _comment(f"sends {name}: {places[0]}{more}")
        unknown = ", ".join(sorted(name for name in usage.places if find_action(name) is None))
        if unknown:
            yield from _comment(f"add the classes of {unknown}, which are not known here")
        if usage.outcomes:
            yield from _comment(
                "system for the event filter of those who wait for the outcome of a call"
            )
        if self.server.options.server_filters == "auto":
            yield from _comment("system for the event filters of ami_listen (server_filters)")
        if not {"system", "reporting"} & set(self.write):
            yield from _comment("add reporting if ami_status shall show versions and calls")
        yield f"write = {','.join(self.write)}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "server": self.server.name,
            "username": self.server.username,
            "read": self.read,
            "write": self.write,
            "eventfilter": self.filters,
            "writetimeout": 5000,
            "actions": self.needs.usage.places,
        }


def _escaped(name: str) -> str:
    """A name in a POSIX regular expression, and in a file where a semicolon begins a comment."""
    return re.sub(r"[^\w-]", ".", name)


def _comment(text: str) -> list[str]:
    """A remark in lines of moderate length.

    Asterisk would take the text behind 8,191 bytes for another line.
    """
    return [f"; {line}" for line in wrap(text, 100)]
