"""A consumer in a process of its own: events come in about their order, and some of them twice.

``python -m tests.forwarding.once_worker NUMBER`` begins when the file AMI_TEST_GO is there; with
``NUMBER dies`` it is killed in the middle of the work for an event. ``… migrate`` makes the tables,
and ``… tell`` says how much is in them. ``… hold`` works for one event, and ``… wait`` wants to.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from itertools import count
from pathlib import Path

import django
from django.conf import settings

if not settings.configured:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.forwarding.once_settings")
    django.setup()

from django.core.management import call_command
from django.db import OperationalError, close_old_connections, connection, transaction

from django_ami.core.event_id import EventId
from django_ami.core.messages import Event
from django_ami.forwarding import once
from django_ami.forwarding.models import ProcessedEvent

EVENTS = 500
EPOCH = "01KB7QZX3V0123456789ABCDEF"


#: A process that is to die does so in the middle of its first effect: it may not get another one.
LIFE_EFFECTS = 1
effects = count(1)


class CrmAway(Exception):
    """A receiver raises this in the middle of its work."""


@once
def effect(event: Event) -> None:
    """One row for the event; now and then the receiver raises behind it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO effects (number, process) VALUES (%s, %s)",
            [event.id.sequence, os.getpid()],
        )
        if random.random() < 0.1:
            raise CrmAway
        if sys.argv[2:] and next(effects) == LIFE_EFFECTS:
            os.kill(os.getpid(), signal.SIGKILL)


def event_of(sequence: int) -> Event:
    return Event("Hangup", b"Event: Hangup", EventId("node_1", EPOCH, sequence))


def deliver(event: Event) -> None:
    """As a listener does: again, as long as the receiver raises, or the database is busy."""
    while True:
        try:
            effect(event=event)
        except (CrmAway, OperationalError):
            close_old_connections()
        else:
            return


def work(number: int) -> None:
    random.seed(number)
    numbers = [*range(EVENTS), *random.sample(range(EVENTS), EVENTS // 5)]
    # Two processes each begin at the same place: at the events of one, nobody else is quicker.
    begin = number % 4 * EVENTS // 4
    order = sorted(numbers, key=lambda one: (one - begin) % EVENTS + random.uniform(0, 20))
    print("ready", flush=True)
    while not Path(os.environ["AMI_TEST_GO"]).exists():
        time.sleep(0.005)
    for sequence in order:
        deliver(event_of(sequence))


def hold() -> None:
    """Work for an event until the file AMI_TEST_GO is there."""
    with once(event_of(0), "held"):
        print("held", flush=True)
        while not Path(os.environ["AMI_TEST_GO"]).exists():
            time.sleep(0.005)


def wait() -> None:
    """Tell whether that event was processed, or why ``once`` cannot say so."""
    try:
        with once(event_of(0), "held") as first:
            print(f"first: {first}")
    except OperationalError as error:
        print(error)


def migrate() -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE effects (number integer, process integer)")


def tell() -> None:
    """Effects, events that have one, processes that had any, and claims."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*), COUNT(DISTINCT number), COUNT(DISTINCT process) FROM effects"
        )
        print(json.dumps([*cursor.fetchone(), ProcessedEvent.objects.count()]))


if __name__ == "__main__":
    job = sys.argv[1]
    {"migrate": migrate, "tell": tell, "hold": hold, "wait": wait}.get(
        job, lambda: work(int(job))
    )()
