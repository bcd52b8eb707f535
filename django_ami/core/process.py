"""Which process is this? A fork need not run Python's hooks: uWSGI forks by the C library.

Rule: asking costs no system call where the kernel can help, so it can be asked for every action.
"""

from __future__ import annotations

import mmap
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mark_process"]

#: In include/uapi/asm-generic/mman-common.h of Linux, from 4.14 on: a forked child finds the page
#: full of zeros.
_MADV_WIPEONFORK: Final = 18


def mark_process() -> Callable[[], object]:
    """A function that is true in this process, and false in every child that is forked from it."""
    if sys.platform == "linux":
        try:
            page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            page.madvise(_MADV_WIPEONFORK)
        except OSError:
            pass  # no memory; an older kernel, or one that only looks like Linux
        else:
            page[0] = 1
            return partial(page.__getitem__, 0)
    made_in = os.getpid()
    return lambda: os.getpid() == made_in
