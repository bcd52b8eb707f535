"""A receiver that takes its time, so that a stop finds something to drain."""

from __future__ import annotations

import time
from typing import Any

from django.apps import AppConfig

from django_ami.signals import events


class SlowReceiver(AppConfig):
    name = "tests.deploy"
    label = "tests_deploy"

    def ready(self) -> None:
        events["UserEvent"].connect(on_user_event, dispatch_uid="tests.deploy")


def on_user_event(sender: object, event: object, **kwargs: Any) -> None:
    time.sleep(0.01)
