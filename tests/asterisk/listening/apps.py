"""The app: connects the receiver."""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    name = "tests.asterisk.listening"

    def ready(self) -> None:
        from django_ami.signals import ami_event

        file = Path(os.environ["AMI_TEST_FILE"]).open("a", buffering=1)  # noqa: SIM115  (as long as the process)
        atexit.register(file.close)

        def write_down(sender: Any, event: Any, **kwargs: Any) -> None:
            file.write(json.dumps({"server": event.server, "event": event.name, "headers": event.headers}) + "\n")

        ami_event.connect(write_down, weak=False)
