"""A program that records a call every 10 ms until SIGTERM, and then says what became of them.

With ``--exit`` it makes the tables, closes nothing itself, and says the number of calls alone.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from itertools import count

import django


def main() -> int:
    """Record, and sum up in a line: put, the longest put in ms, written, lost, failed, all well."""
    django.setup()
    from django.core.management import call_command

    from django_ami.calls.listening import on_call_ended, recorder
    from tests.calls.support import a_queue_call

    leaves_it_to_the_exit = "--exit" in sys.argv
    if leaves_it_to_the_exit:
        call_command("migrate", "ami_calls", verbosity=0)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print("ready", flush=True)
    longest, number = 0.0, 0
    for number in count(1):
        begin = time.monotonic()
        on_call_ended(sender=None, call=a_queue_call(number), inferred=False)
        longest = max(longest, time.monotonic() - begin)
        if stop.wait(0.01):
            break
    if leaves_it_to_the_exit:
        print(number)
        return 0
    well = recorder().close()
    status = recorder().status
    print(number, round(1000 * longest), status.written, status.lost, status.failed, well)
    return 0


if __name__ == "__main__":
    sys.exit(main())
