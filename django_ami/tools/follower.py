"""Follows the events of a client, and shows those that fulfil conditions as ``KEY=VALUE``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django_ami.core.deadline import Deadline
from django_ami.core.errors import AuthenticationFailed, ConfigurationError
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Ready
from django_ami.tools.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.client import Client

__all__ = ["Follower", "condition"]


class Follower:
    """Takes what a client has received and shows what fulfils all conditions."""

    def __init__(
        self,
        client: Client,
        conditions: list[Callable[[Event], bool]],
        show: Callable[[Event], None],
        flush: Callable[[], None],
    ) -> None:
        self._client = client
        self._conditions = conditions
        self._show = show
        self._flush = flush
        self._shown = 0
        self._refused: set[str] = set()

    def run(self, run_for: float | None, most: int | None) -> Exit:
        """Until the time is over, enough was shown, or nobody lets us in."""
        deadline = Deadline(run_for)
        while len(self._refused) < len(self._client.servers):
            if deadline.over:
                return Exit.OK
            _, items = self._client.inbox.take(deadline.timeout)
            for item in items:
                if isinstance(item, Event):
                    self._event(item)
                    if self._shown == most:
                        return Exit.OK
                elif isinstance(item, Lost) and isinstance(item.error, AuthenticationFailed):
                    self._refused.add(item.server)
                elif isinstance(item, Ready):
                    self._refused.discard(item.server)
            self._flush()  # a reader behind a pipe wants to see it now
        return Exit.REFUSED

    def _event(self, event: Event) -> None:
        self._client.inbox.delivered(event.server, 1)
        if all(condition(event) for condition in self._conditions):
            self._show(event)
            self._shown += 1


_WHERE: Final = re.compile(r"([^=!~]+?)(!=|=|!~|~)(.*)", re.DOTALL)


def condition(text: str) -> Callable[[Event], bool]:
    """``KEY=VALUE``, ``KEY!=VALUE``, ``KEY~REGEX`` or ``KEY!~REGEX``.

    Raises ConfigurationError for anything else.

    Of a header that is repeated, one value has to fulfil it; the two with ``!`` are the contrary of
    those without, so they are true for an event that lacks the header.
    """
    parts = _WHERE.fullmatch(text)
    if parts is None:
        raise ConfigurationError(
            f"--where {text!r} is none of KEY=VALUE, KEY!=VALUE, KEY~REGEX and KEY!~REGEX: write "
            "it as in --where 'Cause!=16' or --where 'Channel~^PJSIP/101-'."
        )
    key, operator, wanted = parts[1].strip(), parts[2], parts[3]
    if operator.endswith("="):
        return lambda event: (wanted in event.get_all(key)) is (operator == "=")
    try:
        search = re.compile(wanted).search
    except (
        re.error,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # of numbers and groups beyond all bounds
        raise ConfigurationError(
            f"--where {text!r}: {wanted!r} is not a regular expression: {error}."
        ) from None
    return lambda event: any(search(value) for value in event.get_all(key)) is (operator == "~")
