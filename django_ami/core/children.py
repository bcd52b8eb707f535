"""Children that a receiver forks, and that come back from it instead of ending.

Rule: a child has the events of its parent in hand, so it would deliver them again. It ends as soon
as the receiver returns or raises there, without anything that belongs to the parent: no handler of
``atexit``, no ``finally`` of ours, no buffer of a stream.
"""

from __future__ import annotations

import os
import traceback
from contextlib import suppress
from typing import Final, NoReturn

__all__ = ["Forks", "end_child", "forks"]

#: Python's own exit code of a program that raises.
_RAISED: Final = 1
_STDERR: Final = 2


class Forks:
    """``count`` is another number in a child than in its parent."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


forks: Final = Forks()


def end_child(receiver: str, error: BaseException | None) -> NoReturn:
    """End this process, which ``receiver`` has forked, with the exit code that it wanted.

    Writes to the descriptor: a thread of the parent may have had the locks of streams and logs.
    """
    code, text = 0, ""
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        code, text = _RAISED, "".join(traceback.format_exception(error))
    if not isinstance(error, SystemExit):
        text += (
            f"The receiver {receiver} has forked, and its child, process {os.getpid()}, came back "
            "from it. The child is ended: it would deliver the events of its parent again. Have "
            "it call os._exit in the receiver.\n"
        )
    try:
        with suppress(OSError):
            os.write(_STDERR, text.encode(errors="backslashreplace"))
    finally:
        os._exit(code)


def _note_fork() -> None:
    forks.count += 1


os.register_at_fork(after_in_child=_note_fork)
