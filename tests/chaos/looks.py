"""Looks at a process (tests.chaos.census), again and again.

Their figures, and that nothing has grown.
"""

from __future__ import annotations

from statistics import median
from typing import Any

Looks = list[dict[str, Any]]

#: Memory may grow by so much of itself.
GROWTH = 0.02
#: There may be so many more blocks that Python's objects have in use; with them no allocator has a
#: say, and little changes. Every cancelled timer that waits for its time has four.
BLOCKS = 1000
#: There may be so many more in a container in the end: a deadline that is not over. One that is
#: left behind by every lost link is more than that, between the first looks and the last ones; by
#: every action or event, many more.
SLACK = 10
#: And these may be up to so many: cancelled timers go when they are more than that, or when it is
#: their time. Notices of two servers are kept up to MOST_NOTICES each; random bits are drawn for 32
#: ActionIDs at a time.
AT_MOST = {
    "Timers._heap": 100,
    "Timer": 100,
    "EventQueue.batches": 200,
    "EventQueue.batches[]": 200,
    "_Batch": 200,
    "Ready": 200,
    "Lost": 200,
}


def show(looks: Looks) -> None:
    """The series.

    And what is in the containers that are not as long as they were when it was warm.
    """
    warm, end = looks[len(looks) // 3], looks[-1]
    print("round, memory (bytes), blocks of Python, descriptors, threads, garbage collected")
    for one in looks:
        print(
            *(
                one[what]
                for what in ("round", "rss", "blocks", "descriptors", "threads", "collected")
            )
        )
    for what in ("containers", "instances"):
        print(f"{len(end[what])} {what}, {sum(end[what].values())} in all; the changed ones: ")
        for name in sorted({*warm[what], *end[what]}):
            if warm[what].get(name, 0) != end[what].get(name, 0):
                print(f"  {name}: {warm[what].get(name, 0)} -> {end[what].get(name, 0)}")


def parts(looks: Looks) -> tuple[Looks, Looks]:
    """The first looks at the warm process, and the last ones.

    Of the time that is left a third each.
    """
    warm = looks[len(looks) // 3 :]
    third = len(warm) // 3
    return warm[:third], warm[-third:]


def check_memory(looks: Looks, *, steps: int) -> None:
    """When it is warm the memory stays as it is.

    The median of the first looks, and of the last ones.

    A single look is chance: it says what the allocators hold, which grows in steps and hardly ever
    shrinks. All looks are at rest, so that no queue is in it. ``steps`` is by how many bytes it may
    grow if 2 % are less than that.
    """
    first, last = (median(one["rss"] for one in part) for part in parts(looks))
    print(f"memory: {first:.0f} -> {last:.0f} bytes, {(last / first - 1):+.2%}")
    assert last - first <= max(GROWTH * first, steps)
    check_blocks(looks)


def check_blocks(looks: Looks) -> None:
    """Check the number of objects alone."""
    first, last = (median(one["blocks"] for one in part) for part in parts(looks))
    print(f"blocks: {first:.0f} -> {last:.0f}")
    assert last - first <= BLOCKS


def check_what_is_held(looks: Looks) -> None:
    """No container and no type has more in the end than when it was warm.

    Nor are there more descriptors or threads.

    Their contents differ a little from look to look. One that grows has more in all of the last
    looks than it ever had in the first ones.
    """
    first, last = parts(looks)
    for what in ("containers", "instances"):
        names = {name for one in last for name in one[what]}
        assert names & {"Session", "Exchange.waiting"}, f"{what} of ours were not found"
        before = {name: max(one[what].get(name, 0) for one in first) for name in names}
        after = {name: min(one[what].get(name, 0) for one in last) for name in names}
        grown = {
            name: (before[name], after[name])
            for name in names
            if after[name] > AT_MOST.get(name, before[name] + SLACK)
        }
        assert not grown, grown
    for what in ("descriptors", "threads"):
        assert len({one[what] for one in (*first, *last)}) == 1, [one[what] for one in looks]
