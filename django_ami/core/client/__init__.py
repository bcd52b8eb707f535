"""The public face of the core: ``Client``: send, subscribe, status, start, close."""

from __future__ import annotations

from django_ami.core.client.changes import Changes
from django_ami.core.client.client import Client
from django_ami.core.client.handle import ServerHandle
from django_ami.core.client.originated import OriginatedCall
from django_ami.core.client.status import ServerStatus

__all__ = ["Changes", "Client", "OriginatedCall", "ServerHandle", "ServerStatus"]
