"""The history of calls: its batch writer, and a receiver that saves a row for each event.

``DJANGO_SETTINGS_MODULE`` is ``tests.calls.settings``; the database of the arguments is a real one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Final

#: Ended calls in a second: a large call centre has about 15,000 events a second then.
PACE: Final = 500


def main() -> None:
    task, arguments = sys.argv[1], json.loads(sys.argv[2])
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.calls.settings"
    os.environ["AMI_TEST_DATABASE"] = json.dumps(arguments["database"])
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    measured = {"batches": batches, "rows": rows, "paced": paced}[task](arguments["calls"])
    print(json.dumps(measured))


def batches(calls: int) -> dict[str, Any]:
    """A number of calls with a visit to a queue, through the recorder: rows, seconds, CPU."""
    from django_ami.calls.models import PARTS, Call
    from django_ami.calls.recorder import Recorder
    from tests.calls.support import a_queue_call

    some = [a_queue_call(number) for number in range(calls)]
    recorder = Recorder()
    begin, used = time.monotonic(), time.process_time()
    for call in some:
        recorder.put(call)
    well = recorder.close(300)
    seconds, cpu = time.monotonic() - begin, time.process_time() - used
    if not well or Call.objects.count() != calls:
        raise SystemExit(f"not all were written: {recorder.status}")
    written = calls + sum(model.objects.count() for model in PARTS)
    return {"rows": written, "calls": calls, "seconds": seconds, "cpu": cpu}


def paced(calls: int) -> dict[str, Any]:
    """``PACE`` ended calls in a second: the most that wait, in the first half and in the second."""
    from django_ami.calls.recorder import Recorder
    from tests.calls.support import a_queue_call

    some = [a_queue_call(number) for number in range(calls)]
    recorder = Recorder()
    begin, used, most = time.monotonic(), time.process_time(), [0, 0]
    for number, call in enumerate(some):
        time.sleep(max(0.0, begin + number / PACE - time.monotonic()))
        recorder.put(call)
        half = 2 * number // calls
        most[half] = max(most[half], recorder.status.waiting)
    seconds = time.monotonic() - begin
    well = recorder.close(300)
    cpu = time.process_time() - used
    if not well or recorder.status.lost:
        raise SystemExit(f"not all were written: {recorder.status}")
    return {"calls": calls, "seconds": seconds, "cpu": cpu, "first": most[0], "second": most[1]}


def rows(calls: int) -> dict[str, Any]:
    """A receiver that saves one row per event, with the few columns of a leg."""
    from django.utils import timezone

    from django_ami.calls.models import Call, CallLeg

    now = timezone.now()
    call = Call.objects.create(
        server="pbx", call_id="1", started=now, ended=now,
        batch="00000000-0000-0000-0000-000000000000",
    )  # fmt: skip
    begin, used = time.monotonic(), time.process_time()
    for place in range(calls):
        CallLeg.objects.create(
            call=call, place=place, uniqueid=f"{place}", device="PJSIP/bob", number="6002",
            begin=now, outcome="answered",
        )  # fmt: skip
    seconds, cpu = time.monotonic() - begin, time.process_time() - used
    return {"rows": calls, "seconds": seconds, "cpu": cpu}


if __name__ == "__main__":
    main()
