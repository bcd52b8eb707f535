"""Actions as asyncio programs send many: a task for each, and a semaphore.

Apart from ``measuring``, since programs that use no asyncio should not load it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.benchmarks.clients.measuring import variable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def wrong_of_tasks(
    send: Callable[[str], Awaitable[Any]], actions: int, outstanding: int
) -> int:
    """A task for each action, and a semaphore that lets so many of them run.

    ``send`` asks for a variable; the number of answers that are of another one.
    """
    free = asyncio.Semaphore(outstanding)

    async def is_wrong(name: str) -> bool:
        async with free:
            answer = await send(name)
        return bool(answer["Variable"] != name)

    return sum(await asyncio.gather(*(is_wrong(variable(number)) for number in range(actions))))
