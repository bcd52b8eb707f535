"""Forwarding through Celery: real brokers, real workers."""
