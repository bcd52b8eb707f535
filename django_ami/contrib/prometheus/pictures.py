"""Metrics of calls, queues and agents, in the process that keeps the live picture."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from django_ami.live.queue_views import AgentState
from django_ami.running import running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from django_ami.contrib.prometheus.families import Sheet
    from django_ami.live.tracker import Tracker

__all__ = ["MOST_QUEUES", "fill_picture"]

Word = TypeVar("Word", bound="StrEnum")

#: The most queues of a server that have series.
MOST_QUEUES: Final = 500


def fill_picture(sheet: Sheet, server: str) -> None:
    """One server, if its picture is kept here already: looking at metrics begins none."""
    dispatcher = running()
    tracking = None if dispatcher is None else dispatcher.tracking
    tracker = None if tracking is None else tracking.kept.get(server)
    if tracking is None or tracker is None:
        return
    sheet.add("ami_live_complete", tracking.is_complete(server), server)
    status = tracker.status()
    sheet.add("ami_live_faults_total", status.faults, server)
    sheet.add("ami_live_calls", status.calls, server)
    sheet.add_all("ami_calls_ended_total", _plain(tracker.outcomes), server)
    now = time.time()
    agents = tracker.totals(now).agents
    sheet.add_all("ami_agents", {one.value: agents.get(one, 0) for one in AgentState}, server)
    _fill_queues(sheet, server, tracker, now)


def _fill_queues(sheet: Sheet, server: str, tracker: Tracker, now: float) -> None:
    queues = tracker.queues
    states = {name: dict.fromkeys(AgentState, 0) for name in islice(queues, MOST_QUEUES)}
    for (queue, _), member in tracker.members.items():
        if queue in states:
            states[queue][member.at(now).state] += 1
    traffic = tracker.traffic
    for name, by_state in states.items():
        del by_state[AgentState.OFFLINE]  # such a one is a member no more
        sheet.add_all("ami_queue_agents", _plain(by_state), server, name)
        sheet.add("ami_queue_callers", queues[name].waiting, server, name)
        longest = queues[name].longest_wait_now(now) or 0.0
        sheet.add("ami_queue_longest_wait_seconds", longest, server, name)
        one = traffic.get(name)
        if one is None:
            continue  # it has gone at this moment
        sheet.add("ami_queue_joined_total", one.joined, server, name)
        sheet.add("ami_queue_answered_total", one.answered, server, name)
        sheet.add("ami_queue_abandoned_total", one.abandoned, server, name)
        sheet.add("ami_queue_short_abandons_total", one.short_abandons, server, name)
        sheet.add_all("ami_queue_left_total", _plain(one.left), server, name)
        for outcome, histogram in one.waits.items():
            sheet.add_histogram("ami_queue_wait_seconds", histogram, server, name, outcome)
    sheet.add("ami_queues_omitted", max(0, len(queues) - MOST_QUEUES), server)


def _plain(counts: Mapping[Word, int]) -> dict[str, int]:
    return {word.value: count for word, count in counts.items()}
