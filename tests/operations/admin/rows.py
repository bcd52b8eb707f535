"""Leases and listeners as they are in the database while listeners run."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from django_ami.operations.clock import ago, from_now, now
from django_ami.operations.models import ActionLog, Lease, Listener

__all__ = ["entry", "lease", "listener"]


def lease(server: str = "node_1", **values: Any) -> Lease:
    """A lease that a listener holds."""
    given = {
        "holder": "a" * 32,
        "holder_name": "pbx-a, process 4711",
        "token": 1_800_000_000,
        "acquired_at": now(),
        "expires_at": from_now(60),
    }
    Lease.objects.create(server=server, **{**given, **values})
    return Lease.objects.get(server=server)


def listener(role: str = "active", server: str = "node_1", **values: Any) -> Listener:
    """A listener that was heard of a moment ago."""
    given = {
        "process": role[0] * 32,
        "account": "127.0.0.1 1 admin",
        "host": f"pbx-{role[0]}",
        "pid": 4711,
        "version": "0.1.0",
        "role": role,
        "state": "ready",
        "started_at": ago(60),
        "state_since": ago(50),
        "seen_at": now(),
        "token": 1_800_000_000 if role == "active" else None,
        "counters": {"received": 12345, "delivered": 12000, "queued": 3},
        "asterisk_version": "22.10.1",
        "ami_version": "11.0.0",
        "ping_round_trip": 0.0042,
    }
    made = Listener.objects.create(server=server, **{**given, **values})
    return Listener.objects.get(pk=made.pk)


def entry(**values: Any) -> ActionLog:
    """A row of the action log."""
    given = {
        "at": timezone.now(),
        "kind": "user",
        "who": "alice",
        "via": "admin",
        "host": "web-1",
        "pid": 12,
        "server": "node_1",
        "action": "QueuePause",
        "headers": [["Interface", "PJSIP/101"], ["Paused", "true"]],
        "outcome": "success",
        "sent": True,
        "latency": 0.0123,
    }
    return ActionLog.objects.create(**{**given, **values})
