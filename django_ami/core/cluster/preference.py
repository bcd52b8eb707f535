"""In which order the addresses of a server are tried: pure, without sockets or a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.addresses import Address

__all__ = ["Preference"]


class Preference:
    """Remembers which address of one server worked last, and how often the others failed."""

    def __init__(self) -> None:
        #: By socket address. The one that worked last has -1.
        self._failures: dict[Any, int] = {}

    def order(self, found: Iterable[Address]) -> list[Address]:
        """The address that worked last, then those that failed least since.

        Equal ones stay in the order of the resolver.
        An address that the resolver no longer gives is forgotten.
        """
        addresses = list(dict.fromkeys(found))
        self._failures = {place: self._failures.get(place, 0) for *_, place in addresses}
        return sorted(addresses, key=lambda address: self._failures[address[4]])

    def worked(self, address: Address) -> None:
        """The login was accepted here: failures of before say nothing any more."""
        self._failures = {address[4]: -1}

    def failed(self, address: Address) -> None:
        """It refused, was silent, or broke off before the login."""
        self._failures[address[4]] = max(0, self._failures.get(address[4], 0)) + 1
