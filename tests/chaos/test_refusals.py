"""The system refuses a real ``ami_listen`` what it needs, in the moment of a reconnect, and when it
begins.

It is the kernel that refuses, by a limit.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.support import COMMAND, ami_listen
from tests.running import Program, wait_until

SAID = "too many open files in this process: raise the limit (ulimit -n)."

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process")


def test_no_descriptor_in_the_moment_of_a_reconnect() -> None:
    with FakeAsterisk() as sim, ami_listen(sim) as worker:
        worker.wait_for_out("node_1: ready")
        process = worker.process.pid
        usual = resource.prlimit(process, resource.RLIMIT_NOFILE)
        last = max(int(path.name) for path in Path(f"/proc/{process}/fd").iterdir())
        # The descriptors of the lost connection are above the limit, too; so there may be none
        # below it.
        resource.prlimit(process, resource.RLIMIT_NOFILE, (last, usual[1]))
        sim.drop()
        wait_until(lambda: sum(SAID in line for line in worker.err) >= 3, what=str(worker))
        assert sim.logins == 1
        resource.prlimit(process, resource.RLIMIT_NOFILE, usual)
        worker.wait_for_out("node_1: ready again")
        sim.emit("UserEvent", Number=1)
        worker.wait_for_notes(1)
        assert worker.stop(signal.SIGTERM, 10) == 0
        assert worker.summary.reconnects == 1


@pytest.mark.parametrize("most", [5, 6, 7, 8, 9])
def test_too_few_descriptors_at_the_start_are_one_line_or_tried_again(most: int) -> None:
    """A worker that cannot begin says so, with a code for which supervisors start it again."""
    begin = ["bash", "-c", f'ulimit -n {most}; exec "$@"', "bash", *COMMAND, "--run-for=0.3"]
    with FakeAsterisk() as sim, Program(begin, AMI_NODE1_URL=sim.url) as worker:
        code = worker.wait()
    assert "Traceback" not in "\n".join(worker.err), str(worker)
    assert code == (9 if worker.err[-1:] == [f"CommandError: {SAID}"] else 0), str(worker)
