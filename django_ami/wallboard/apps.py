"""The app of the page."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

__all__ = ["WallboardConfig"]


class WallboardConfig(AppConfig):
    """django_ami.wallboard: live calls, queues and agents in a browser."""

    name = "django_ami.wallboard"
    label = "ami_wallboard"
    verbose_name = "Wallboard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_ami.checks import TAG
        from django_ami.wallboard.checks import ALWAYS, DEPLOYMENT

        for check in ALWAYS:
            register(check, TAG)
        for check in DEPLOYMENT:
            register(check, TAG, deploy=True)

    def ami_actions(self) -> tuple[str, ...]:
        """The actions that the buttons of the page send, for ``ami_doctor``.

        Only where click to call is set up does the page place calls, and listen in.
        """
        from django_ami.wallboard.options import options

        buttons = ("Hangup", "QueuePause", "Redirect")
        calls = ("Originate", "Status")
        return (*buttons, *calls) if options().click_to_call.channel else buttons
