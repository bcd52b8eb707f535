"""``manage.py demo``: all of it, with a simulated call centre unless there is a real server."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils.crypto import get_random_string

from django_ami import ami
from django_ami.actions import QueueStatus
from django_ami.errors import AmiError
from django_ami.signals import server_ready
from django_ami.testing import CallCentre, Simulator

logger = logging.getLogger(__name__)

EXTENSIONS = ("500", "501", "busy", "502")


class Command(BaseCommand):
    """Simulator, listener, feed, database and site in one process."""

    help = (
        "Listen to a server, serve the wallboard to this machine, and show the receivers at work. "
        "Without AMI_NODE1_HOST in the environment the server is a simulated call centre on a free "
        "loopback port."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            default=8000,
            help="of the site (default: %(default)s, or a free one)",
        )
        parser.add_argument(
            "--seconds", type=float, default=None, help="end after so many (default: at Ctrl-C)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            # ami_listen has the signals while it runs; before and behind it Ctrl-C ends all at once
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        with ExitStack() as stack:
            simulated = "AMI_NODE1_HOST" not in os.environ
            if simulated:
                self._simulate(stack)
            settings.AMI_FEED = "memory"  # listener and site are one process
            call_command("migrate", verbosity=0)
            password = "demo" if simulated else get_random_string(10)
            self._serve(stack, password, options["port"])
            caller = Caller()
            server_ready.connect(caller.on_ready)
            stack.callback(caller.stop)
            stack.callback(server_ready.disconnect, caller.on_ready)
            limit = [] if options["seconds"] is None else [f"--run-for={options['seconds']}"]
            call_command("ami_listen", "--server=node_1", "--drain-timeout=1", *limit)

    def _say(self, line: str) -> None:
        """Say it at once: a program that reads it from a pipe waits for it."""
        self.stdout.write(line)
        self.stdout.flush()

    def _serve(self, stack: ExitStack, password: str, port: int) -> None:
        """The site, and somebody who may see and do all that is on the wallboard."""
        try:
            from demo_project.site import Site
        except ModuleNotFoundError as error:
            raise CommandError(
                f"the demo needs {error.name}: pip install -e '.[demo]'", returncode=2
            ) from None
        user, _ = User.objects.get_or_create(username="demo")
        user.set_password(password)
        user.save()
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="ami_wallboard")
        )
        site = stack.enter_context(Site(port))
        board = reverse("ami_wallboard:wallboard").removeprefix("/")
        self._say(
            f"The wallboard is {site.url}{board}: log in as demo, with the password {password}"
        )
        self._say(f"The page of the calls is {site.url}")

    def _simulate(self, stack: ExitStack) -> None:
        simulator = stack.enter_context(Simulator(call_centre=CallCentre()))
        settings.AMI_SERVERS = {"node_1": {"URL": simulator.url}}
        self._say(
            "AMI_NODE1_HOST is not set: simulating an Asterisk on "
            f"{simulator.host}:{simulator.port}, a call centre. Ctrl-C ends the demo."
        )


class Caller:
    """Places a few calls from a thread of its own, as a view would.

    The receivers' thread has other things to do.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def on_ready(self, **kwargs: Any) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._place_calls, name="demo-caller", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(5)

    def _place_calls(self) -> None:
        try:
            queues = ami.send(QueueStatus()).result(timeout=5).events
            logger.info(
                "node_1  queues: %s",
                ", ".join(sorted({event["Queue"] for event in queues})) or "none",
            )
            for exten in EXTENSIONS:
                if self._stopped.wait(1):
                    return
                self._call(exten)
        except AmiError as error:
            logger.error("%s", error)

    def _call(self, exten: str) -> None:
        channel = settings.DEMO_CHANNEL.format(exten=exten)
        call = ami.originate(server="node_1", to=channel, application="Wait", data="2", timeout=10)
        logger.info("node_1  %-20s %s: %s", "our call was:", channel, call.wait(30).description)
