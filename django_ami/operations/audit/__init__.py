"""The action log: the actions with their authors, times, servers and outcomes.

``following(author)`` is the scope in which actions are those of somebody. All else is recorded if
the option ``audit`` of AMI_OPERATIONS says so.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import setting_changed

from django_ami.accessor import ami
from django_ami.batches import BatchesStatus
from django_ami.core.client.sending import Sender
from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.core.promise import Promise
from django_ami.operations import conf
from django_ami.operations.audit.entries import Author, Entry, program
from django_ami.operations.audit.writer import Writer
from django_ami.operations.transactions import in_test
from django_ami.testrun import tests_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.actions import Action
    from django_ami.core.pending import PendingAction

__all__ = [
    "Author",
    "close",
    "following",
    "in_tested_thread",
    "install",
    "note",
    "note_done",
    "note_wish",
    "program",
    "status",
]

logger = get_logger(__name__)


class _Scope:
    """The actions that somebody sends at this moment."""

    def __init__(self, author: Author, *, is_tested: bool) -> None:
        self.author = author
        self.is_tested = is_tested
        self.entries: list[Entry] = []


_scope: ContextVar[_Scope | None] = ContextVar("django_ami_audit", default=None)
_lock = threading.Lock()
#: Tests run here: at the end of the process there is no database to write to.
_tested = False
_writer: Writer | None = None
#: Those whose outcome is not known yet; a set is changed by one thread at a time.
_open: set[Entry] = set()


def install() -> None:
    """Record from now on what this process sends."""
    if _observe not in Sender.observers:
        Sender.observers += (_observe,)


def status() -> BatchesStatus:
    """How many entries of this process are written, wait, were lost, and cannot be stored."""
    writer = _writer
    if writer is None or not writer.is_here:
        return BatchesStatus(written=0, waiting=0, lost=0, failed=0, away=False)
    return writer.status


@contextmanager
def following(author: Author, action: Action, *, is_tested: bool = False) -> Iterator[list[Entry]]:
    """Actions that are sent inside are those of ``author``: their entries.

    If ``action`` is not even begun because of an error, that is an entry, too. ``is_tested`` says
    that a thread has found itself in the transaction of a test, if it is not this one.
    """
    scope = _Scope(author, is_tested=is_tested or in_tested_thread())
    token = _scope.set(scope)
    try:
        yield scope.entries
    except Exception as error:
        if not scope.entries:
            note(author, action.name, error, action=action)
        for entry in scope.entries:
            entry.end(error)
        raise
    finally:
        _scope.reset(token)


def note(author: Author, name: str, error: BaseException, *, action: Action | None = None) -> None:
    """An action of ``author`` was not sent, and this is why. Never raises, and never waits."""
    entry = Entry(author, name, _put, is_tested=in_tested_thread())
    entry.action = action
    entry.end(error)


def note_wish(author: Author, action: Action, reason: str) -> None:
    """An action of ``author`` will be sent as soon as it can be, or is not needed."""
    entry = Entry(author, action.name, _put, is_tested=in_tested_thread())
    entry.action, entry.reason = action, reason
    entry.abandon()


def note_done(author: Author, name: str, server: str, reason: str) -> None:
    """``author`` has done something that is no action of Asterisk. Never raises, never waits."""
    entry = Entry(author, name, _put, is_tested=in_tested_thread())
    entry.server = server
    entry.end(None, reason)


def close(timeout: float | None = None) -> bool:
    """Write what waits, for up to ``timeout`` seconds; False if entries are left.

    The next entry begins anew.
    """
    for entry in list(_open):
        entry.abandon()
    return _end_writer(timeout)


def _end_writer(timeout: float | None = None) -> bool:
    global _writer
    with _lock:
        writer, _writer = _writer, None
    return writer is None or writer.close(timeout)


# --- on the thread that sends, or that reads ---


def _observe(action: Action, pending: PendingAction) -> None:
    scope = _scope.get()
    if scope is not None:
        entry = _begin(scope.author, action, pending, is_tested=scope.is_tested)
        scope.entries.append(entry)
    elif _records_all():
        _begin(Author(via=program()), action, pending, is_tested=in_tested_thread())


@cache
def _options() -> conf.OperationsOptions | None:
    """The options; None if they are wrong, which a check tells."""
    try:
        return conf.load()
    except ConfigurationError:
        return None


def _records_all() -> bool:
    options = _options()
    return options is not None and options.audit == "all"


def in_tested_thread() -> bool:
    """Whether this thread is in the transaction of a test: other threads do not see its rows."""
    options = _options()
    return options is not None and in_test(options.database)


def _begin(author: Author, action: Action, pending: PendingAction, *, is_tested: bool) -> Entry:
    entry = Entry(author, action.name, _put, is_tested=is_tested)
    entry.follow(action, pending)
    _open.add(entry)
    if not is_tested:
        with suppress(ConfigurationError):  # told when the entry is over
            _here().start()  # the process may end as soon as the answer is there, or before
    Promise.add_done_callback(pending, entry.settle)
    return entry


def _put(entry: Entry) -> None:
    _open.discard(entry)
    try:
        if entry.is_tested:
            # The test alone sees its transaction, and entries must not outlive it.
            with suppress(SynchronousOnlyOperation):  # an event loop writes nothing
                if in_tested_thread():
                    _here().write([entry])
            return
        writer = _here()
        if not writer.put(entry):
            writer.not_stored([entry])
    except Exception as error:  # noqa: BLE001  (no fault of the book may stop an action)
        logger.error(  # noqa: TRY400  (one line)
            "The action log: an entry about %s is lost (%s: %s).",
            entry.name,
            type(error).__name__,
            error,
        )


def _here() -> Writer:
    """The writer of this process; a forked child begins anew. Raises ConfigurationError."""
    global _writer, _tested
    writer = _writer
    if writer is None or not writer.is_here:
        with _lock:
            _tested = _tested or tests_run()
            writer = _writer
            if writer is None or not writer.is_here:
                writer = _writer = Writer(conf.load())
                _at_exit_of_child()
    return writer


def _at_exit_of_child() -> None:
    """A child of multiprocessing, or of Celery, ends without the functions of ``atexit``."""
    process: Any = sys.modules.get("multiprocessing.process")
    util: Any = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _end, exitpriority=0)
    celery: Any = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(_end)


def _end(**_: object) -> None:
    """The process ends: actions under way are settled by the end of their connections."""
    ami.close()
    if not _tested:
        close()


def _after_fork() -> None:
    """The entries under way are the parent's, and so is a lock that it held."""
    global _lock
    _lock = threading.Lock()
    _open.clear()


def _on_setting_changed(*, setting: str, **_: object) -> None:
    """A test has other settings."""
    if setting == "AMI_OPERATIONS":
        _options.cache_clear()
        _end_writer()


atexit.register(_end)
os.register_at_fork(after_in_child=_after_fork)
setting_changed.connect(_on_setting_changed)
