"""Hypothesis as this suite wants it: the same examples in every run, and no clock.

``AMI_TEST_LEADING=0`` runs every client here without leaders: its threads wait for the reactor
thread.
"""

from __future__ import annotations

import os

from hypothesis import settings

from django_ami.core.client import Client
from tests.core.io_support import authority, no_bugs, sim  # noqa: F401  (fixtures of the tests over real TCP)

settings.register_profile("django_ami", deadline=None, derandomize=True, database=None)
settings.load_profile("django_ami")

if os.environ.get("AMI_TEST_LEADING") == "0":
    assert Client.__init__.__kwdefaults__ is not None
    Client.__init__.__kwdefaults__["leading"] = False
