"""Events in streams of Redis or Valkey: one for each server and partition.

Needs the extra ``redis``. The outlet appends; ``manage.py ami_consume`` reads, with one consumer of
a partition at a time.
"""

from __future__ import annotations

from django_ami.forwarding.redis.outlet import RedisOutlet

__all__ = ["RedisOutlet"]
