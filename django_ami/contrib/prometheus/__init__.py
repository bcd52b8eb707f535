"""Metrics for Prometheus: needs the extra ``django-ami[prometheus]``; see docs/metrics.md.

::

    from django.apps import AppConfig

    class PhoneConfig(AppConfig):
        name = "phone"

        def ready(self):
            from django_ami.contrib.prometheus import register

            register()

``ami_listen --metrics-port`` does so itself, and serves them.
"""

from __future__ import annotations

from django_ami.contrib import extra

with extra("prometheus"):
    from django_ami.contrib.prometheus.collector import AmiCollector
    from django_ami.contrib.prometheus.workers import register

__all__ = ["AmiCollector", "register"]
