"""django_ami's core from the start of the process to the first response; prints when that was."""

from __future__ import annotations

import sys
import time
from typing import Any

from django_ami.core import Client, ServerConfig
from django_ami.core.actions import Ping
from tests.benchmarks.clients.measuring import run
from tests.benchmarks.server import SECRET, USER


def first(port: int) -> dict[str, Any]:
    server = ServerConfig(name="pbx", host="127.0.0.1", port=port, username=USER, secret=SECRET)
    client = Client([server], role="caller")
    client.start(connect=False)
    client.send(Ping()).result(10)
    answered = time.monotonic()
    client.close()
    return {
        "answered": answered,
        "modules": sorted({"asyncio", "ssl", "multiprocessing"} & set(sys.modules)),
    }


if __name__ == "__main__":
    run((first,))
