"""A stop on a busy machine: the main thread may be held up anywhere in its signal handler."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from django_ami.testing import Simulator
from tests.deploy.supervisord import PATIENCE_SECONDS, ROOT

#: ami_listen that gets its TERM when it is about to wait for events, and is held up while it logs
#: off until the reactor thread has ended.
_PROGRAM = """
import signal
import threading

from django.core.management import execute_from_command_line

from django_ami.core.client import Client
from django_ami.core.client.inbox import Inbox
from django_ami.signals import server_ready

begin_close, take = Client.begin_close, Inbox.take
ready = []


def begin_close_and_be_held_up(client, *args):
    begin_close(client, *args)
    for thread in threading.enumerate():
        if thread.name == "django_ami-reactor":
            thread.join()


def be_told_and_take(client, *args, **named):
    if ready:
        ready.clear()
        signal.raise_signal(signal.SIGTERM)
    return take(client, *args, **named)


def on_ready(**_):
    ready.append(True)


server_ready.connect(on_ready)
Client.begin_close = begin_close_and_be_held_up
Inbox.take = be_told_and_take
execute_from_command_line(["manage.py", "ami_listen", "--server=node_1"])
"""


def test_a_held_up_signal_handler_still_ends_the_waiting_for_events() -> None:
    with Simulator() as simulator:
        environment = {"DJANGO_SETTINGS_MODULE": "tests.deploy.settings"}
        environment |= {"AMI_NODE1_URL": simulator.url, "AMI_NODE2_URL": simulator.url}
        command = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS / 2,
        )
        assert done.returncode == 0, done.stderr
        assert re.match(r"node_1: ready, .*\nStopped: ", done.stdout)
        assert simulator.logoffs == 1
