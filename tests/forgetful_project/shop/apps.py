"""An app that sends as soon as it is ready, which is before any test runner has begun."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        from django_ami import ami
        from django_ami.actions import Ping

        type(self).error = ami.send(Ping()).exception(timeout=5)
