"""How the people at the telephones behave: whether they answer, and how long everything takes.

Here they do as the words of dial strings and the times of a test say. A call centre has people of
another kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.dialling import outcome_of

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel
    from django_ami.simulator.dialling import Outcome
    from django_ami.simulator.options import CallTimes

__all__ = ["Behaviour"]


class Behaviour:
    """People who do as they are told. All times are in seconds."""

    #: How soon a caller in a queue looks for a free member again.
    retry_seconds = 0.05

    def __init__(self, times: CallTimes) -> None:
        self.times = times

    def outcome(self, dialed: str) -> Outcome:
        """The outcome of dialling a telephone that can be reached."""
        return outcome_of(dialed)

    def answer_seconds(self) -> float:
        """How long a telephone rings until it is answered."""
        return self.times.ring

    @property
    def dial_seconds(self) -> float:
        """How long Dial lets a telephone ring."""
        return self.times.ring * 4

    @property
    def member_seconds(self) -> float:
        """How long a queue lets a member's telephone ring."""
        return self.times.ring * 2

    def talk_seconds(self) -> float:
        """How long two talk."""
        return self.times.duration

    @property
    def queue_seconds(self) -> float:
        """How long a queue keeps a caller at most."""
        return self.times.queue_patience

    def application_seconds(self, application: str) -> float:
        """How long an application takes that only plays or waits."""
        del application
        return self.times.duration

    def joins(self, caller: Channel) -> None:
        """A caller begins to wait in a queue."""

    def connects(self, caller: Channel, member: Channel) -> None:
        """A caller of a queue and a member begin to talk."""
