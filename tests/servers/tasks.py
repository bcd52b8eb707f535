"""The tasks for Celery. As a program it sends tasks, and prints the result of each, as JSON."""

from __future__ import annotations

import json
import os
import sys

from celery import Celery

from tests.servers import site

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task(name="call")
def call(number: int) -> dict[str, object]:
    """Dial, and say who has done it."""
    return {"pid": os.getpid(), "message": site.dial(number).result().message}


if __name__ == "__main__":
    results = [call.delay(number) for number in map(int, sys.argv[1:])]
    print(json.dumps([result.get(timeout=site.SECONDS) for result in results]))
