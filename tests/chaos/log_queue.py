"""A handler of LOGGING that keeps nobody waiting.

The queue of the standard library, and its thread.
"""

from __future__ import annotations

import logging
import queue
from logging.handlers import QueueHandler, QueueListener


def log_queue() -> QueueHandler:
    """Python 3.12 makes both of a dict in LOGGING; it starts the listener nowhere."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    QueueListener(records, logging.StreamHandler()).start()
    return QueueHandler(records)  # type: ignore[arg-type]  # it has what a handler needs
