"""Queues and their members."""

from __future__ import annotations

from django_ami.core.actions.base import TypedAction

__all__ = ["QueueAdd", "QueuePause", "QueueRemove", "QueueStatus", "QueueSummary"]


class QueueStatus(TypedAction):
    """Queues with members and waiting callers, a list; an unknown queue gives an empty one."""

    def __init__(self, queue: str | None = None, *, member: str | None = None) -> None:
        super().__init__("QueueStatus", Queue=queue, Member=member)


class QueueSummary(TypedAction):
    """A line of figures for each queue, a list.

    ``HoldTime`` and ``LongestHoldTime`` are in seconds.
    """

    def __init__(self, queue: str | None = None) -> None:
        super().__init__("QueueSummary", Queue=queue)


class QueueAdd(TypedAction):
    """Put a member into a queue (class ``agent``).

    ``reason`` is why it is paused; ``wrapup_time`` the rest after each of its calls, in seconds.
    """

    def __init__(
        self,
        queue: str,
        interface: str,
        *,
        penalty: int | None = None,
        paused: bool | None = None,
        reason: str | None = None,
        member_name: str | None = None,
        state_interface: str | None = None,
        wrapup_time: int | None = None,
    ) -> None:
        super().__init__(
            "QueueAdd",
            Queue=queue,
            Interface=interface,
            Penalty=penalty,
            Paused=paused,
            Reason=reason,
            MemberName=member_name,
            StateInterface=state_interface,
            Wrapuptime=wrapup_time,
        )


class QueueRemove(TypedAction):
    """Take a member out of a queue (class ``agent``)."""

    def __init__(self, queue: str, interface: str) -> None:
        super().__init__("QueueRemove", Queue=queue, Interface=interface)


class QueuePause(TypedAction):
    """Pause a member or let it go on, in one queue or in all (class ``agent``)."""

    def __init__(
        self,
        interface: str,
        *,
        paused: bool = True,
        queue: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(
            "QueuePause", Interface=interface, Paused=paused, Queue=queue, Reason=reason
        )
