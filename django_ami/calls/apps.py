"""The app: registers its checks, and receives the calls that have ended."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

__all__ = ["CallsConfig"]


class CallsConfig(AppConfig):
    """django_ami.calls. Its label is not ``calls``: many projects have an app of that name."""

    name = "django_ami.calls"
    label = "ami_calls"
    verbose_name = "Call history"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_ami import signals
        from django_ami.calls import listening
        from django_ami.calls.checks import ALWAYS
        from django_ami.checks import TAG

        for check in ALWAYS:
            register(check, TAG)
        # In a listener alone they are called; in any other process nothing sends them.
        for signal, receiver in (
            (signals.call_ended, listening.on_call_ended),
            (signals.server_ready, listening.on_ready),
            (signals.server_lost, listening.on_lost),
            (signals.lease_lost, listening.on_lost),
            (signals.gap, listening.on_gap),
        ):
            signal.connect(receiver, dispatch_uid=self.name)
