"""Does this process move? Its event loop turns, and its receivers go on from call to call.

Rule: looking waits for nothing. A loop or a receiver that hangs is known by its silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.lease import boottime

if TYPE_CHECKING:
    from django_ami.core.client import Client

__all__ = ["Progress"]


class Progress:
    """For how long the loop of a client, or the dispatcher of its events, has stood still.

    One thread looks, again and again. The second look notices a standstill.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        #: False while the loop has not answered.
        self.loop_turns = True
        self._taken = True
        self._step = client.receivers.step
        self._moved_at = boottime()

    def standstill_seconds(self) -> float:
        """Ask both whether they move, and say for how long one of them has not answered."""
        step, now = self._client.receivers.step, boottime()
        if self.loop_turns and self._receivers_move(step):
            self._moved_at = now
        self._step = step
        if self.loop_turns:
            self.loop_turns = False
            self._client.inbox.when_turned(self._on_turn)
        if self._taken:
            self._taken = False
            self._client.inbox.when_taken(self._on_take)
        return now - self._moved_at

    def _receivers_move(self, step: tuple[object, ...]) -> bool:
        """Whether each thread of receivers is idle, or has begun a call since the last look."""
        (attempts, first, *others), (attempts_before, first_before, *others_before) = (
            step,
            self._step,
        )
        if attempts != attempts_before:
            return True
        if any(
            began is not None and began == before
            for began, before in zip(others, others_before, strict=False)
        ):
            return False
        return self._taken or first != first_before

    def _on_turn(self) -> None:
        self.loop_turns = True

    def _on_take(self) -> None:
        self._taken = True
