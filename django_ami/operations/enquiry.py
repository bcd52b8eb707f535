"""The health of all listeners, asked of the database, and answered within a moment in any case.

Rule: a thread of its own waits for the database, and one question is under way at a time, for all
who ask. So probes that come often cost little, and a database that hangs holds one thread.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

from django.db import Error, connections

from django_ami import conf as settings
from django_ami.core.errors import AmiError, ConfigurationError
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.operations import conf
from django_ami.operations.connection import make_impatient
from django_ami.operations.health import Health, judge, unknown
from django_ami.operations.statuses import statuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.listeners import ListenerStatus

__all__ = ["ANSWER_SECONDS", "ask"]

logger = get_logger(__name__)

#: A probe has its answer after so long at the latest.
ANSWER_SECONDS: Final = 0.8
#: An answer is good for this time: all who ask meanwhile get it.
_KEPT_SECONDS: Final = 1.0
_LOG_SECONDS: Final = 60.0


class _Question:
    """A question after all listeners, and the answer when it comes."""

    def __init__(self) -> None:
        self.asked_at = time.monotonic()
        self.names: tuple[str, ...] = ()
        self.listeners: tuple[ListenerStatus, ...] = ()
        #: Why there is no answer, without names of hosts and accounts.
        self.error = ""
        self.is_over = threading.Event()

    def ask(self) -> None:
        """On a thread of its own."""
        try:
            make_impatient(conf.load().database, ANSWER_SECONDS)
            self.listeners = tuple(statuses())
            self.names = tuple(server.name for server in settings.load().servers)
        except Exception as error:  # noqa: BLE001  (a driver raises anything, and so do settings)
            self.error = _public(error)
            _tell(error)
        finally:
            self.is_over.set()  # before all else: drivers raise when they close what is broken
            connections.close_all()

    @property
    def is_good(self) -> bool:
        """It may still be waited for, or its answer is young enough."""
        return not self.is_over.is_set() or time.monotonic() < self.asked_at + _KEPT_SECONDS


class _Enquiry:
    """The last question of this process."""

    def __init__(self) -> None:
        self.logged_at = float("-inf")
        self.begin()

    def begin(self) -> None:
        """Anew, also in a child that was forked: the thread that waits is the parent's."""
        self._lock = threading.Lock()
        self._question: _Question | None = None

    def question(self) -> _Question:
        """The one that is under way, or was answered just now; else a new one.

        Raises ConnectionFailed if the system refuses the thread.
        """
        with self._lock:
            if self._question is None or not self._question.is_good:
                question = _Question()
                start_thread(question.ask, "django_ami-health")
                self._question = question
            return self._question


_enquiry = _Enquiry()
os.register_at_fork(after_in_child=_enquiry.begin)


def ask(servers: Sequence[str] = (), *, timeout: float = ANSWER_SECONDS) -> Health:
    """How these servers, or all of AMI_SERVERS, are listened to.

    Waits up to ``timeout`` seconds for the database; if it does not answer, the health says so.
    Raises nothing.
    """
    try:
        question = _enquiry.question()
    except AmiError as error:
        return unknown(str(error))
    if not question.is_over.wait(max(0.0, question.asked_at + timeout - time.monotonic())):
        return unknown("the database does not answer")
    if question.error:
        return unknown(question.error)
    strange = [name for name in servers if name not in question.names]
    if strange:
        return unknown(f"AMI_SERVERS has no server {strange[0]!r}")
    return judge(question.listeners, servers or question.names)


def _public(error: Exception) -> str:
    """An error as anybody may read it: those of drivers name hosts and accounts."""
    name = type(error).__name__
    if isinstance(error, ConfigurationError):
        return "the settings cannot be read: run manage.py check"
    if isinstance(error, Error):
        return f"the database refuses to tell ({name})"
    return f"the listeners are not known ({name})"


def _tell(error: Exception) -> None:
    if time.monotonic() < _enquiry.logged_at + _LOG_SECONDS:
        return
    _enquiry.logged_at = time.monotonic()
    logger.warning(
        "The health of the listeners is not known (%s: %s). Check the database, and that "
        "'manage.py migrate' has run.",
        type(error).__name__,
        next(iter(str(error).splitlines()), ""),
        extra={"error": type(error).__name__},
    )
