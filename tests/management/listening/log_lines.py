"""Lines of the log with their fields."""

from __future__ import annotations

import json
import logging


class FieldsFormatter(logging.Formatter):
    """An object for each record: its message, its server and the state of that."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: getattr(record, name, None) for name in ("server", "state")}
        return json.dumps({"message": record.getMessage(), **fields})
