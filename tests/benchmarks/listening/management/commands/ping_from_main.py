"""``manage.py ping_from_main``: one action after the other from the main thread, as in a command of
a project.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from django_ami import ami
from django_ami.actions import Ping
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, latencies, package

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Ping the server, one after the other, and print how long each took."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pings", type=int, required=True)

    def handle(self, *args: Any, pings: int, **options: Any) -> None:
        ami.send(Ping()).result(PATIENCE_SECONDS)  # the first one connects
        taken, meter = [], Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            ami.send(Ping()).result(PATIENCE_SECONDS)
            taken.append(time.perf_counter() - begun)
        meter.end()
        self.stdout.write(json.dumps({**meter.result(**latencies(taken)), **package()}))
