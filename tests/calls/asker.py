"""A program that has a call stored and made, and is killed at the moment that it is told.

Arguments: the telephone to ring, and the moment. ``commit``: it kills itself before the row is
committed; ``committed``: behind that, before anything is sent. At all other moments it lives.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django
from django.db import transaction
from django.db.models.signals import post_save


def die(*_: Any, **__: Any) -> None:
    """End at once, as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_when_committed(*_: Any, **__: Any) -> None:
    """End at once behind the commit."""
    transaction.on_commit(die)


def main() -> int:
    """Make the call, tell its states, and wait for its end."""
    django.setup()
    from django_ami.calls.models import Origination

    to, moment = sys.argv[1:]
    hooks = {"commit": die, "committed": die_when_committed}
    if moment in hooks:
        post_save.connect(hooks[moment], sender=Origination)
    row = Origination.objects.originate(
        to=to, context="default", exten="102", timeout=5, key=to, asked_by=moment
    )
    row.call.on_change(lambda _, state: print("state", state, flush=True))
    print(row.wait().result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
