"""The recorder: a thread of its own writes the calls that have ended, in batches.

Rule: putting a call never waits, whatever the database does; see ``django_ami.batches``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.batches import Batches, Words
from django_ami.batches import BatchesStatus as RecorderStatus
from django_ami.calls import conf
from django_ami.calls.store import save_calls
from django_ami.live.changes import Kind
from django_ami.live.snapshots import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.calls.conf import CallsOptions
    from django_ami.live.changes import Change

__all__ = ["Recorder", "RecorderStatus"]

_WORDS: Final = Words(
    "The history of calls", "calls", "The option 'buffer_calls' of AMI_CALLS", "calls"
)


class Recorder(Batches[Call]):
    """Writes calls that have ended. ``options`` are by default those of ``AMI_CALLS``.

    The thread starts with the first call. Close it at the end: the calls that wait are written
    then.
    """

    def __init__(self, options: CallsOptions | None = None) -> None:
        self._options = options = conf.load() if options is None else options
        super().__init__(
            _WORDS,
            name="django_ami-calls",
            most=options.buffer_calls,
            batch=options.batch_calls,
            flush_seconds=options.flush_seconds,
            close_seconds=options.close_seconds,
        )

    def take(self, changes: Iterable[Change]) -> None:
        """Have the calls written that ended by these changes of the live picture."""
        for change in changes:
            if change.kind is Kind.ENDED and isinstance(change.subject, Call):
                self.put(change.subject)

    def write(self, items: Sequence[Call]) -> None:
        """Write these calls in one transaction."""
        save_calls(items, mask=self._options.mask)

    def key(self, item: Call) -> tuple[str, str]:
        """The server and the id of a call."""
        return item.server, item.id

    def name(self, item: Call) -> str:
        """A call, for the log."""
        return f"call {item.id} of {item.server}"
