"""The project inside the ``ami_listen`` of these tests.

Receivers that misbehave as the environment says.

``CHAOS_RECEIVERS`` is JSON: the name of an event (``*``: every one) -> ``"note"``, or a trouble and
what it needs. Each event is noted in the file ``CHAOS_FILE`` before the trouble begins, whatever
becomes of the process after that.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

from django_ami import ami
from django_ami.actions import Action
from django_ami.signals import ami_event, events, server_ready

if TYPE_CHECKING:
    from collections.abc import Callable

_seen: list[Any] = []


class ChaosConfig(AppConfig):
    """Patches what is to be patched, and connects the receivers."""

    name = "tests.chaos"

    def ready(self) -> None:
        for path, value in json.loads(os.environ.get("CHAOS_PATCHES", "{}")).items():
            owner, name = _find(path)
            setattr(owner, name, tuple(value) if isinstance(value, list) else value)
        for name, how in json.loads(os.environ.get("CHAOS_RECEIVERS", "{}")).items():
            kind, *needs = how.split()
            signal_of = ami_event if name == "*" else events[name]
            signal_of.connect(_receiver(kind, *needs), weak=False)
        server_ready.connect(keep_the_client)
        atexit.register(tell_the_status)
        if moment := os.environ.get("CHAOS_SIGNAL_AT"):
            _signal_at(moment)


def _receiver(kind: str, *needs: str) -> Callable[..., object]:
    """A function with a name of its own, for the log."""
    is_async, kind = kind.startswith("async_"), kind.removeprefix("async_")
    trouble = globals()[kind]

    def receive(sender: Any, event: Any, **_: Any) -> None:
        os.write(_file(), f"{event.server} {event.name} {event.get('Number', '-')}\n".encode())
        trouble(sender, event, *needs)

    async def receive_async(sender: Any, event: Any, **named: Any) -> None:
        receive(sender, event, **named)

    made: Any = receive_async if is_async else receive
    if kind == "keyless":
        return Unhashable(receive)
    made.__module__, made.__qualname__ = __name__, "async_" * is_async + kind
    return made


class Unhashable:
    """Like a dataclass: no key for a dict, but a receiver like any other."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, receive: Callable[..., object]) -> None:
        self._receive = receive

    def __eq__(self, other: object) -> bool:
        return self is other

    def __call__(self, **named: Any) -> None:
        self._receive(**named)


def _file(made: list[int] = []) -> int:  # noqa: B006  (opened once)
    if not made:
        made.append(os.open(os.environ["CHAOS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    return made[0]


# --- troubles ---


def note(sender: Any, event: Any) -> None:
    """None."""


def keyless(sender: Any, event: Any) -> None:
    """None, but the receiver has no hash."""


def sleeps(sender: Any, event: Any, seconds: str) -> None:
    """Every event takes so long."""
    time.sleep(float(seconds))


def dozes(sender: Any, event: Any, seconds: str) -> None:
    """The same under another name."""
    time.sleep(float(seconds))


def sleeps_once(sender: Any, event: Any, seconds: str) -> None:
    """The first event takes so long."""
    if not _seen:
        _seen.append(event)
        time.sleep(float(seconds))


def waits_for_a_loss(sender: Any, event: Any) -> None:
    """The first event takes until the connection is lost."""
    if not _seen:
        _seen.append(event)
        while sender.ready:
            threading.Event().wait(0.005)


def waits(sender: Any, event: Any) -> None:
    """Until so many events were received as the event says, all of this server together."""
    while sender.status().received < int(event["Received"]):
        threading.Event().wait(0.005)


def blocks(sender: Any, event: Any) -> None:
    """For ever."""
    threading.Event().wait()


def computes(sender: Any, event: Any) -> None:
    """Block for ever in C, where Python runs no signal handler; other threads still run."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def raises(sender: Any, event: Any) -> None:
    """Every time."""
    raise ValueError("no")


def exits(sender: Any, event: Any) -> None:
    """Or tries to."""
    sys.exit(9)


def cancels(sender: Any, event: Any) -> None:
    """As a task does that it runs, and that was cancelled: no Exception, either."""
    raise asyncio.CancelledError


def sends(sender: Any, event: Any) -> None:
    """An action that tells the server who it is."""
    sender.send(Action("UserEvent", UserEvent="Told"))


def logs(sender: Any, event: Any) -> None:
    """Itself, as a project does: it waits for its handlers."""
    logging.getLogger("project").warning("%s", event.name)


def takes_the_wakeup(sender: Any, event: Any) -> None:
    """As any asynchronous code does that has a handler for a signal of its own for a while."""

    async def have_a_handler() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.remove_signal_handler(signal.SIGUSR1)

    asyncio.run(have_a_handler())


def takes_the_handlers(sender: Any, event: Any) -> None:
    """As asynchronous code does that wanted to end on SIGTERM, and has ended by itself."""

    async def have_handlers() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, print)
            loop.remove_signal_handler(number)

    asyncio.run(have_handlers())


def takes_the_wakeup_and_computes(sender: Any, event: Any) -> None:
    """Take the wake-up, and do not return from C, where Python runs no handler."""
    takes_the_wakeup(sender, event)
    computes(sender, event)


def takes_the_handlers_and_computes(sender: Any, event: Any) -> None:
    """The system would end the process at SIGTERM."""
    takes_the_handlers(sender, event)
    computes(sender, event)


def waits_for_its_signal(sender: Any, event: Any) -> None:
    """A handler of its own, for as long as it runs."""

    async def have_a_handler() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, heard.set)
        os.write(_file(), f"{event.server} Waiting -\n".encode())
        await heard.wait()
        loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(have_a_handler())
    os.write(_file(), f"{event.server} Heard -\n".encode())


def ignores_signals(sender: Any, event: Any) -> None:
    """It is not for a receiver to say so, but a library that it calls may do."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)


def hoards(sender: Any, event: Any) -> None:
    """A cache without bounds."""
    _seen.append(event.raw * 20)


def takes_all_memory(sender: Any, event: Any) -> None:
    """To the last byte, and lets nobody know."""
    size = 2**20
    while size:
        try:
            _seen.append(bytearray(size))
        except MemoryError:
            size //= 2


def starts_a_child(sender: Any, event: Any) -> None:
    """Which a SIGTERM is to end."""
    child = subprocess.Popen(["sleep", "1000"])
    child.terminate()
    os.write(_file(), f"{event.server} Child {abs(child.wait())}\n".encode())


def forks_a_child(sender: Any, event: Any) -> None:
    """A SIGTERM is to end it, though it begins with the handlers of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are threads: this child needs none of theirs
        child = os.fork()
    if not child:
        time.sleep(1000)
    os.kill(child, signal.SIGTERM)
    number = os.WTERMSIG(os.waitpid(child, 0)[1])
    os.write(_file(), f"{event.server} Child {number}\n".encode())


# --- handlers of LOGGING ---


class Raises(logging.Handler):
    """As one does whose collector is gone."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the collector is gone")


class Blocks(logging.Handler):
    """For ever."""

    def emit(self, record: logging.LogRecord) -> None:
        threading.Event().wait()


class Sleeps(logging.StreamHandler):
    """Two seconds for each record, as a slow SMTP server takes."""

    def emit(self, record: logging.LogRecord) -> None:
        time.sleep(2)
        super().emit(record)


# --- reports about the process ---


def keep_the_client(sender: Any, **_: Any) -> None:
    _seen_client.append(ami._process.client)


_seen_client: list[Any] = []


def tell_the_status() -> None:
    """The status of every server, at the very end, beside the file."""
    if _seen_client:
        status = {name: one.as_dict() for name, one in _seen_client[0].status().items()}
        Path(os.environ["CHAOS_FILE"]).with_suffix(".status").write_text(json.dumps(status))


def _signal_at(moment: str) -> None:
    """Send SIGTERM to ourselves when that function, ``module:Class.method``, is called, or
    (``…()``) has returned.
    """
    path, after = moment.removesuffix("()"), moment.endswith("()")
    owner, name = _find(path)
    function = getattr(owner, name)

    def told(*arguments: Any, **named: Any) -> Any:
        if not after:
            _once(_signal_ourselves)
        try:
            return function(*arguments, **named)
        finally:
            if after:
                _once(_signal_ourselves)

    setattr(owner, name, told)


def _find(path: str) -> tuple[Any, str]:
    """The owner and the name of ``module:a.b``."""
    module, _, names = path.partition(":")
    *owners, name = names.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    return owner, name


def _signal_ourselves() -> None:
    # The clock is the system's, for all processes.
    Path(os.environ["CHAOS_FILE"]).with_suffix(".signalled").write_text(str(time.monotonic()))
    os.kill(os.getpid(), signal.SIGTERM)


_done: list[bool] = []


def _once(function: Callable[[], object]) -> None:
    if not _done:
        _done.append(True)
        function()
