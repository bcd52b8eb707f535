"""Which process is this?

Told without Python's hooks for a fork, and without a system call where the kernel helps.
"""

from __future__ import annotations

import pytest

from tests.running import run_python

SOURCE = """
import ctypes, os, sys
{before}
from django_ami.core.process import mark_process

is_here = mark_process()
print(bool(is_here()))
sys.stdout.flush()
if {fork} == 0:
    mine = mark_process()
    print(bool(is_here()), bool(mine()))
    sys.stdout.flush()
    if {fork} == 0:
        print(bool(is_here()), bool(mine()))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    os._exit(0)
os.wait()
print(bool(is_here()))
"""
REFUSED = """
import mmap
class Old(mmap.mmap):
    def madvise(self, *_): raise OSError(22, "Invalid argument")
mmap.mmap = Old
"""


@pytest.mark.parametrize("fork", ["os.fork()", "ctypes.PyDLL(None).fork()"])
@pytest.mark.parametrize("before", ["", 'sys.platform = "other"', REFUSED])
def test_mark_is_true_in_the_process_that_made_it_and_in_no_child(fork: str, before: str) -> None:
    out = run_python(SOURCE.format(fork=fork, before=before))
    assert out.split("\n") == ["True", "False True", "False False", "True"]
