"""A system that refuses: this process gets no further descriptor, or no further thread.

For child processes of tests.

The limits are real ones, of the kernel: it refuses here as on a machine that is full.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A thread's stack is so large that no other one fits, while there is memory for all else.
STACK_BYTES = 1 << 30
#: How much more memory the process may have meanwhile.
SPARE_BYTES = 1 << 28


@contextlib.contextmanager
def no_descriptors(*, but: int = 0) -> Iterator[None]:
    """Refuse every descriptor but so many, with EMFILE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    most = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + but, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(held[0]))  # the numbers that are free below
        for _ in range(but):
            os.close(held.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)


@contextlib.contextmanager
def no_threads() -> Iterator[None]:
    """Refuse every thread: there is no room for its stack."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    usual = threading.stack_size(STACK_BYTES)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + SPARE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        threading.stack_size(usual)
