"""The loggers of this package: one thread makes a record, and another may take it to the handlers.

Rule: no code of the project runs where a record is made: no handler, no filter, no factory of
records. A thread that runs the loop, delivers events or ends the process keeps its records from
itself (``takers``). No line can steer a terminal or pass for another line: every logger is made by
``get_logger``, since a filter is asked about the records of its own logger alone. A line without
anything odd keeps its template and its arguments, by which collectors of errors group lines. Fields
(``extra``) are escaped, too; ``docs/logging.md`` lists them.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.escaping import printable, printable_traceback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KeptBack", "get_logger", "handle", "takers"]

#: Asked one after the other whether they take a record; if none does, it goes to the handlers at
#: once.
takers: list[Callable[[logging.LogRecord], bool]] = []

_formatter: Final = logging.Formatter()


def get_logger(name: str) -> logging.Logger:
    """The logger of this name, as far as logging goes.

    Its handlers and its level are those of the real one.
    """
    return _Logger(name)


class _Logger(logging.Logger):
    """Makes records for the logger of the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        real = logging.getLogger(name)
        real.addFilter(_escape)
        # Not as methods: one is asked at each read and each write.
        self.isEnabledFor = real.isEnabledFor  # type: ignore[method-assign]
        self.hasHandlers = real.hasHandlers  # type: ignore[method-assign]

    def makeRecord(  # noqa: N802
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        record = logging.LogRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)
        if extra:
            for field, value in extra.items():
                record.__dict__[field] = printable(value) if isinstance(value, str) else value
        return record

    def handle(self, record: logging.LogRecord) -> None:
        for take in tuple(takers):
            if take(record):
                return
        handle(record)


def _escape(record: logging.LogRecord) -> bool:
    with suppress(Exception):  # the handler reports a record that cannot be formatted
        clean = printable(text := record.getMessage())
        if clean != text:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[1] is not None:
            text = printable_traceback(record.exc_info[1])
            if text != _formatter.formatException(record.exc_info):
                record.exc_text = (
                    text  # formatters take what they find here, instead of making their own
                )
    return True


class KeptBack:
    """Keeps the records of a ``with`` block until its end.

    It keeps those that are made while ``by_whom()`` is true.
    """

    def __init__(self, by_whom: Callable[[], bool]) -> None:
        self._by_whom = by_whom
        self._kept: list[logging.LogRecord] = []

    def _keep(self, record: logging.LogRecord) -> bool:
        if not self._by_whom():
            return False
        self._kept.append(record)
        return True

    def __enter__(self) -> None:
        takers.append(self._keep)

    def __exit__(self, *_: object) -> None:
        takers.remove(self._keep)
        if self._kept:
            kept, self._kept = self._kept, []
            for record in kept:
                handle(record)


def handle(record: logging.LogRecord) -> None:
    """Give a record to the handlers that LOGGING has for it.

    Errors of theirs are reported as ``logging`` does.
    """
    try:
        logging.getLogger(record.name).handle(_as_wanted(record))
    except Exception:  # noqa: BLE001  (whatever a handler of the project raises)
        with suppress(Exception):  # there may be no stderr, or no room on it
            (logging.lastResort or logging.NullHandler()).handleError(record)


def _as_wanted(record: logging.LogRecord) -> logging.LogRecord:
    """The record as the project's factory makes it, with the original time and thread."""
    factory = logging.getLogRecordFactory()
    if factory is logging.LogRecord:
        return record
    wanted = factory(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        record.msg,
        record.args,
        record.exc_info,
        record.funcName,
        record.stack_info,
    )
    wanted.__dict__.update(record.__dict__)
    return wanted
