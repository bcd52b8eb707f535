"""Forwarding onto a backend of Django's tasks: django-tasks-db and its worker."""
