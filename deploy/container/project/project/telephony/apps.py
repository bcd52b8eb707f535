"""The app: connects its receivers."""

from django.apps import AppConfig


class TelephonyConfig(AppConfig):
    """The receivers of the project: one that writes a line for each call that ends."""

    name = "project.telephony"

    def ready(self):
        from django_ami.signals import events

        events["Hangup"].connect(on_hangup)


def on_hangup(sender, event, **kwargs):
    print(f"{sender.name}: {event['Channel']} has ended")
