"""Where a record is made nothing of the project runs; where it is handled all of it does."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core import log

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "django_ami.test_of_the_log"


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Raises(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("the collector is gone")


@pytest.fixture
def handler() -> Iterator[Kept]:
    real, kept = logging.getLogger(NAME), Kept()
    real.addHandler(kept)
    real.setLevel(logging.INFO)
    real.propagate = False
    yield kept
    real.removeHandler(kept)
    real.setLevel(logging.NOTSET)
    real.propagate = True


@pytest.fixture
def taken() -> Iterator[list[logging.LogRecord]]:
    """Records that somebody has taken over."""
    records: list[logging.LogRecord] = []

    def take(record: logging.LogRecord) -> bool:
        records.append(record)
        return True

    before = log.takers[:]
    log.takers[:] = [lambda _: False, take]
    yield records
    log.takers[:] = before


def test_without_a_taker_it_is_as_ever(handler: Kept) -> None:
    logger = log.get_logger(NAME)
    assert logger.hasHandlers()
    logger.debug("not wanted")
    logger.warning("%d things", 3)
    (record,) = handler.records
    assert (record.name, record.getMessage()) == (NAME, "3 things")
    assert record.pathname == __file__
    assert record.funcName == "test_without_a_taker_it_is_as_ever"


def test_record_that_is_handled_later_looks_as_if_handled_at_once(
    handler: Kept, taken: list[logging.LogRecord]
) -> None:
    def factory(*arguments: Any, **named: Any) -> logging.LogRecord:
        made.append(threading.current_thread().name)
        record = logging.LogRecord(*arguments, **named)
        record.request = "of the project"
        return record

    made: list[str] = []
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(factory)
    try:
        log.get_logger(NAME).error("no", exc_info=ValueError("x"))
        assert made == handler.records == []
        thread = threading.Thread(target=log.handle, args=taken, name="elsewhere")
        thread.start()
        thread.join()
    finally:
        logging.setLogRecordFactory(before)
    (record,) = handler.records
    assert made == ["elsewhere"]
    assert record.request == "of the project"  # type: ignore[attr-defined]
    assert (record.created, record.threadName) == (
        taken[0].created,
        threading.current_thread().name,
    )
    assert isinstance(record.exc_info[1], ValueError)


@pytest.mark.parametrize("what", ["handler", "factory"])
def test_error_of_a_handler_is_reported_as_logging_does(
    handler: Kept, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def factory(*arguments: Any, **named: Any) -> logging.LogRecord:
        raise RuntimeError("the collector is gone")

    raising, before = Raises(), logging.getLogRecordFactory()
    if what == "handler":
        logging.getLogger(NAME).addHandler(raising)
    else:
        logging.setLogRecordFactory(factory)
    try:
        log.get_logger(NAME).warning("it goes on")
    finally:
        logging.getLogger(NAME).removeHandler(raising)
        logging.setLogRecordFactory(before)
    said = capsys.readouterr().err
    assert "--- Logging error ---" in said
    assert "RuntimeError: the collector is gone" in said
    assert "it goes on" in said


def test_without_a_last_resort_it_is_told_nowhere(
    handler: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "lastResort", None)
    monkeypatch.setattr("sys.stderr", None)
    logging.getLogger(NAME).addHandler(raising := Raises())
    try:
        log.get_logger(NAME).warning("it goes on")
    finally:
        logging.getLogger(NAME).removeHandler(raising)
    assert len(handler.records) == 1


def test_record_that_was_held_back_is_logged_afterwards(handler: Kept) -> None:
    logger, mine = log.get_logger(NAME), True
    with suppress(ZeroDivisionError), log.KeptBack(lambda: mine):
        logger.warning("kept")
        assert handler.records == []
        mine = False
        logger.warning("at once")
        raise ZeroDivisionError
    assert [record.msg for record in handler.records] == ["at once", "kept"]
    logger.warning("as ever")
    assert len(handler.records) == 3


def test_where_nothing_was_kept_back_nothing_comes_behind(handler: Kept) -> None:
    with log.KeptBack(lambda: True):
        pass
    assert handler.records == []
