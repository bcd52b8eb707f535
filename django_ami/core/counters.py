"""The counters of one server, as its status shows them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """How often a server, or its connection, did something strange; over all its connections.

    ``late_answers`` are answers to us that came late or twice, ``unmatched_answers`` those without
    an ActionID of ours. ``unexpected_errors`` are connections that an error of our own has ended.
    """

    late_answers: int = 0
    unmatched_answers: int = 0
    garbage_bytes: int = 0
    oversized_messages: int = 0
    suspect_messages: int = 0
    swallowed_messages: int = 0
    unexpected_errors: int = 0
