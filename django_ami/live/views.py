"""Read-only views of the live picture: snapshots, made when somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, ValuesView

__all__ = ["View"]

S_co = TypeVar("S_co", covariant=True)


class Live(Protocol[S_co]):
    """A live object that can be drawn as it is now."""

    def snapshot(self) -> S_co: ...


class View(Mapping[str, S_co], Generic[S_co]):
    """A mapping of keys to snapshots, over live objects."""

    def __init__(self, live: Mapping[str, Live[S_co]]) -> None:
        self._live = live

    def __getitem__(self, key: str) -> S_co:
        return self._live[key].snapshot()

    # One thread may look while another feeds: things that are gone by then are drawn as they were
    # at their ends.

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._live))

    def items(self) -> ItemsView[str, S_co]:
        """The keys and their snapshots, all of one moment."""
        return {key: live.snapshot() for key, live in list(self._live.items())}.items()

    def values(self) -> ValuesView[S_co]:
        """The snapshots, all of one moment."""
        return dict(self.items()).values()

    def __len__(self) -> int:
        return len(self._live)
