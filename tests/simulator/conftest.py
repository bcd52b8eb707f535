"""A simulator that loses no time where Asterisk sleeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_ami.testing import CallTimes, Faults, Simulator, User

USERS = {
    "admin": User(secret="amp111"),
    "readonly": User(secret="ro", write=""),
    "limited": User(secret="li", read="call,reporting", write="reporting"),
    "single": User(secret="si", allowmultiplelogin=False),
    "outsider": User(secret="ou", acl_refused=True),
    "filtered": User(secret="fi", eventfilters=("Event: Hangup", "!Channel: PJSIP/9")),
    "nosecret": User(secret=""),
}


def make(**options: object) -> Simulator:
    faults = options.pop("faults", None) or Faults(login_delay=0.0)
    times = CallTimes(ring=0.01, duration=0.05, queue_patience=0.2)
    return Simulator(**{"users": USERS, "faults": faults, "times": times, "seed": 7, **options})  # type: ignore[arg-type]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with make() as simulator:
        yield simulator
