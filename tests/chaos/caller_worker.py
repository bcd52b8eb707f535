"""A process that only sends, as a web process does.

It connects when it is used, and logs off when it is idle.

``python -m tests.chaos.caller_worker WAY ROUNDS LOOKS``: WAY is how it hears of the answers,
``waits`` or ``told``. It prints a JSON object for each look at itself.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING

import django

from django_ami import ami
from django_ami.actions import Action, Originate, Ping
from django_ami.core import delivery
from django_ami.core.errors import AmiError
from tests.chaos import census
from tests.running import wait_until

if TYPE_CHECKING:
    from django_ami.core.pending import PendingAction

#: In turn, each with the seconds that it has. The simulator cuts the link instead of answering to
#: Cut.
ACTIONS = (
    (Ping(), 60),
    (Originate(channel="PJSIP/101", application="Hangup", wait=True), 60),
    (Action("Refused"), 60),
    (Action("Cut"), 60),
    (Action("Unanswered"), 0.05),
)


def settle(pending: PendingAction, *, told: bool) -> None:
    """Hear of its end."""
    if told:
        settled = threading.Event()
        pending.on_complete(lambda *_: settled.set())
        assert settled.wait(60)
    try:
        pending.result(60)
    except AmiError:
        assert pending.name != "Ping"


def at_rest() -> bool:
    """Logged off everywhere, since nothing was to be done."""
    return all(one.state == "idle" for one in ami.status().values())


def main(way: str, rounds: int, looks: int) -> None:
    django.setup()
    # So that it is reached soon.
    delivery.MOST_NOTICES = 10  # type: ignore[misc]
    names = list(ami.servers)
    for number in range(rounds):
        action, timeout = ACTIONS[number % len(ACTIONS)]
        settle(
            ami.server(names[number % len(names)]).send(action, timeout=timeout), told=way == "told"
        )
        wait_until(at_rest)
        if number % (rounds // looks) == 0:
            print(json.dumps({"round": number, **census.look()}), flush=True)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.management.listening.settings"
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
