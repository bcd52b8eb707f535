"""A failure in the handling of one server ends that server's connection, and nothing else."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["contained"]


class _Owner(Protocol):
    def _contain(self, error: Exception, /) -> None: ...


P = ParamSpec("P")
Owner = TypeVar("Owner", bound=_Owner)


def contained(
    method: Callable[Concatenate[Owner, P], None],
) -> Callable[Concatenate[Owner, P], None]:
    """A method that the loop calls: ``_contain`` of its object gets its exceptions."""

    @wraps(method)
    def call(self: Owner, /, *arguments: P.args, **named: P.kwargs) -> None:
        try:
            method(self, *arguments, **named)
        except Exception as error:  # noqa: BLE001  (it is told)
            self._contain(error)

    return call
