"""How many bytes of events a server sends, and how many of them a listener's filters would let in.

Rule: it is measured on the wire, for a moment. A server that is quiet then tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.deadline import Deadline
from django_ami.core.messages import Event

if TYPE_CHECKING:
    from django_ami.core.client import Client
    from django_ami.core.filters import Selection

__all__ = ["SAMPLE_SECONDS", "sample"]

SAMPLE_SECONDS: Final = 2.0
#: The end of the last line, and the empty line behind it.
_END_BYTES: Final = 4


def sample(client: Client, selection: Selection, within: float) -> str:
    """Read events for a moment, for ``within`` seconds at most, and say what filters would save.

    The events of the client's server are to be on.
    """
    before = frozenset({"fullybooted"})
    client.set_interest(None)
    seconds = min(SAMPLE_SECONDS, within)
    deadline, sent, let_in = Deadline(seconds), 0, 0
    try:
        while left := deadline.left:
            for item in client.inbox.take(left)[1]:
                if isinstance(item, Event):
                    size = len(item.raw) + _END_BYTES
                    sent += size
                    let_in += size * selection.passes(item)
    finally:
        client.set_interest(before)
    if not sent:
        return f"in {seconds:g} s there was no event to measure the saving"
    return (
        f"in {seconds:g} s that is {let_in / seconds:,.0f} of {sent / seconds:,.0f} bytes/s of "
        f"events, {1 - let_in / sent:.0%} less"
    )
