"""The engine, as the forwarder sees it.

Rule: batches that ``publish`` has returned from are safe on the engine. Batches for which it has
raised may not be: they are given again, all of them, in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_ami.core.event_id import EventId

__all__ = ["Batch", "Outlet", "OutletAway"]


class OutletAway(Exception):
    """The engine cannot be reached, refuses what is published, or does not answer in time.

    The message is one line for the log, without secrets: which engine (its address without its
    password), what happened, and what to do about it. The forwarder adds what is kept, and tries
    again later.
    """


class Batch(NamedTuple):
    """Events of one server and one partition, encoded: one message on the engine.

    * ``partition``: from 0 up to the option ``PARTITIONS``, that excluded
    * ``data``: bytes that ``envelope.decode`` reads
    * ``first``, ``last``: the ids of its first and its last event
    * ``source``, ``position``: the run that numbered the batches, and the number, from 1. Of one
      source the batches of a partition come with rising positions, each once, but for a repeated
      ``publish``: so an outlet that remembers the last position of each source knows what it has
      already. A source is one run of one listener; batches that its spool kept may come in a later
      run, behind those of other sources.
    """

    partition: int
    data: bytes
    first: EventId
    last: EventId
    source: str
    position: int


class Outlet(Protocol):
    """An engine, seen from a listener. It is made with one argument, the ``conf.Forward``.

    One thread calls ``open``, ``publish`` and ``close``; another one may call ``lag``. None of them
    waits for longer than a timeout of its own: an engine that is frozen is away. Any other
    exception than OutletAway is a bug of the outlet: it is logged with its traceback, and handled
    as OutletAway.

    A class may have a static method ``check``, which Django's system checks call with the
    ``conf.Forward``. It raises ConfigurationError for a wrong option, and gives why a listener
    would not start all the same, or an empty text; it connects to nothing.
    """

    def open(self) -> None:
        """Connect, anew if it was open. Raises OutletAway."""

    def publish(self, batches: Sequence[Batch]) -> None:
        """Publish batches in order; returns when the engine has confirmed all of them.

        Raises OutletAway if it is not known to have all. ``open`` is called then, until it returns,
        and ``publish`` again with the same batches first.
        """

    def lag(self) -> Mapping[int, int] | None:
        """How many batches no consumer has finished, by partition; None if that is not known.

        Raises nothing.
        """

    def close(self, timeout: float) -> None:
        """Let go of the engine; takes up to ``timeout`` seconds. Raises nothing."""
