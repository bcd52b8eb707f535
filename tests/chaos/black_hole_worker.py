"""A client and a server in a network namespace of their own, whose loopback interface goes down,
and up again.

``python -m tests.chaos.black_hole_worker lost|closed``, in ``unshare --user --map-root-user
--net``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from django_ami.core import Action, Client, Options, ServerConfig
from django_ami.testing import Simulator
from tests.core.io_support import PATIENCE_SECONDS, ready, wait_until


def loopback(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def waiting_bytes(port: int) -> int:
    """Bytes that the kernel still wants to bring to that port, also of sockets that nobody has any
    more.
    """
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        int(line[4].partition(":")[0], 16) for line in lines if line[2].endswith(f":{port:04X}")
    )


def main() -> None:
    given_up = sys.argv[1]
    loopback("up")
    with Simulator() as sim:
        times = {"read_timeout": 1, "heartbeat_interval": 0.5} if given_up == "lost" else {}
        options = Options(reconnect_initial=0.05, reconnect_max=0.1, boot_grace=0.05, **times)
        settings = {"host": "127.0.0.1", "port": sim.port, "username": "admin", "secret": "amp111"}
        client = Client([ServerConfig(name="node_1", options=options, **settings)])
        client.start(connect=True)
        ready(client)
        loopback("down")
        pending = client.send(Action("UserEvent", UserEvent="ghost"), timeout=0.5)
        if given_up == "closed":
            while not pending.sent:
                pass
            client.close()
        error = pending.exception(PATIENCE_SECONDS)
        wait_until(lambda: not client.server("node_1").ready)
        told = {
            "error": type(error).__name__,
            "sent": getattr(error, "sent", None),
            "waiting": waiting_bytes(sim.port),
        }
        loopback("up")
        if given_up == "closed":
            client = Client([ServerConfig(name="node_1", options=options, **settings)])
            client.start(connect=True)
        ready(client)
        told["ready again"] = client.send(Action("Ping")).result(PATIENCE_SECONDS).ok
        told["ghosts"] = sum(action.get("UserEvent") == "ghost" for action in sim.received)
        client.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
