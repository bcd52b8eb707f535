"""The writer of the action log: a thread of its own, in batches, one for each process.

Rule: nothing waits for it, and no entry is lost in silence: one that the database does not take is
a line of the log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from django_ami.batches import Batches, Words
from django_ami.core.log import get_logger
from django_ami.operations.audit.entries import Entry, as_dict, row_of
from django_ami.operations.audit.masking import headers_of, masked
from django_ami.operations.models import ActionLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.operations.conf import OperationsOptions

__all__ = ["Writer"]

logger = get_logger(__name__)

_WORDS: Final = Words(
    "The action log", "entries", "The option 'audit_buffer' of AMI_OPERATIONS", "actions"
)
_BATCH_ENTRIES: Final = 500
#: For how long entries are gathered: a process that ends without a word loses no more.
_FLUSH_SECONDS: Final = 0.2


class Writer(Batches[Entry]):
    """Writes entries into the table ``ActionLog``."""

    def __init__(self, options: OperationsOptions) -> None:
        self._options = options
        super().__init__(
            _WORDS,
            name="django_ami-audit",
            most=options.audit_buffer,
            batch=_BATCH_ENTRIES,
            flush_seconds=_FLUSH_SECONDS,
            close_seconds=options.audit_close_seconds,
        )

    def write(self, items: Sequence[Entry]) -> None:
        """Write these entries in one transaction."""
        rows = [self._row(entry) for entry in items]
        ActionLog.objects.using(self._options.database).bulk_create(rows)

    def key(self, item: Entry) -> int:
        """Each entry is another one."""
        return id(item)

    def name(self, item: Entry) -> str:
        """An entry, for the log."""
        return f"an entry about {item.name} of {item.author.who or item.author.via}"

    def not_stored(self, items: Sequence[Entry]) -> None:
        """Entries that are in no table are lines of the log."""
        for entry in items:
            try:
                told = json.dumps(as_dict(self._row(entry)))
            except Exception as error:  # noqa: BLE001  (what cannot be stored may be odd)
                told = f"{self.name(entry)}, which cannot be shown ({type(error).__name__})"
            logger.error("The action log: not stored: %s", told)

    def _row(self, entry: Entry) -> ActionLog:
        mask = self._options.audit_mask
        headers = [] if entry.action is None else headers_of(entry.action, mask)
        return row_of(entry, headers, lambda text: masked(text, mask))
