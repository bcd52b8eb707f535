"""An event listener of supervisor: tells people when a listener of ours stays down.

``python -m django_ami.contrib.supervisor`` is started by supervisor, with the section in
``deploy/supervisor/django_ami_alerts.conf``. It needs neither Django nor settings, since these may
be why a listener is down.

Each alert is a line on stderr; with DJANGO_AMI_ALERT_COMMAND also a run of that command, which gets
the alert on its stdin: ``mail -s ami_listen ops@example.com``, or a script that calls a webhook.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import socket
import subprocess
import sys
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from django_ami.core.escaping import printable
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

__all__ = ["Watch", "events", "main", "tell"]

logger = get_logger(__name__)

#: This number of restarts in this time is an alert, too: supervisor goes on for ever.
_RESTARTS: Final = 5
_WINDOW_SECONDS: Final = 600.0
#: The command has so long, and is tried again after each of these pauses.
_COMMAND_SECONDS: Final = 30.0
_PAUSES_SECONDS: Final = (1.0, 5.0)


class Watch:
    """Judges the events of one group of programs: which of them people have to know."""

    def __init__(self, group: str, host: str) -> None:
        self._group = group
        self._host = host
        self._restarts: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=_RESTARTS)
        )

    def alert(self, event: str, facts: Mapping[str, str], now: float) -> str | None:
        """The alert that an event is worth, at a time in seconds; None if it is worth none."""
        group, process = facts.get("groupname", ""), facts.get("processname", "")
        if group != self._group:
            return None
        program = printable(f"{group}:{process}")
        if event == "PROCESS_STATE_FATAL":
            return (
                f"{program} on {self._host} is FATAL: it ended too soon, again and again, and is "
                f"not started any more. Its log says why; then: supervisorctl start {program}"
            )
        if event != "PROCESS_STATE_EXITED":
            return None
        if facts.get("expected") == "1":
            return (
                f"{program} on {self._host} has ended and stays down: the login was refused (exit "
                "code 3), a setting is wrong (2), or it was told to end (0). Its log says which; "
                f"then: supervisorctl start {program}"
            )
        return self._restarted(program, now)

    def _restarted(self, program: str, now: float) -> str | None:
        """It crashed, and supervisor starts it again: that is no alert unless it goes on so."""
        times = self._restarts[program]
        times.append(now)
        if len(times) < _RESTARTS or now - times[0] > _WINDOW_SECONDS:
            return None
        seconds = now - times[0]
        times.clear()
        return (
            f"{program} on {self._host} has ended unexpectedly {_RESTARTS} times in "
            f"{seconds:.0f} s, and was started again each time. Its log says why."
        )


def events(stdin: BinaryIO, stdout: BinaryIO) -> Iterator[tuple[str, dict[str, str]]]:
    """The events of supervisor, with their facts; each is confirmed when the next is asked for."""
    while True:
        stdout.write(b"READY\n")
        stdout.flush()
        header = _facts(stdin.readline())
        if not header:
            return  # supervisor has ended
        yield header.get("eventname", ""), _facts(stdin.read(int(header.get("len", "0"))))
        stdout.write(b"RESULT 2\nOK")
        stdout.flush()


def _facts(line: bytes) -> dict[str, str]:
    """The words ``name:value`` of a line."""
    words = line.decode(errors="replace").split()
    return dict(word.split(":", 1) for word in words if ":" in word)


def tell(alert: str, command: Sequence[str]) -> bool:
    """Log an alert, and run the command with it on its stdin. True if the command went well."""
    logger.error("%s", alert)
    if not command:
        return True
    for pause in (*_PAUSES_SECONDS, None):
        try:
            done = subprocess.run(  # noqa: S603  (the command of whoever runs supervisor)
                command,
                input=f"{alert}\n",
                text=True,
                stdout=subprocess.PIPE,  # stdout is the way to supervisor
                stderr=subprocess.STDOUT,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            why = str(error)
        else:
            if done.returncode == 0:
                return True
            why = f"exit code {done.returncode}: {printable(done.stdout)[-200:].strip()}"
        logger.warning("The command of DJANGO_AMI_ALERT_COMMAND has failed: %s", why)
        if pause is not None:
            time.sleep(pause)
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Listen until supervisor ends; says the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m django_ami.contrib.supervisor",
        description="An event listener of supervisor that tells when a listener stays down.",
    )
    parser.add_argument("--group", default="ami", help="the group of the programs (%(default)s)")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    if "SUPERVISOR_SERVER_URL" not in os.environ and sys.stdin.isatty():
        parser.error("supervisor starts it: see deploy/supervisor/django_ami_alerts.conf")
    try:
        command = shlex.split(os.environ.get("DJANGO_AMI_ALERT_COMMAND", ""))
    except ValueError as error:
        parser.error(f"DJANGO_AMI_ALERT_COMMAND cannot be read: {error}")
    watch = Watch(options.group, socket.gethostname())
    for event, facts in events(sys.stdin.buffer, sys.stdout.buffer):
        alert = watch.alert(event, facts, time.monotonic())
        if alert is not None:
            tell(alert, command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
