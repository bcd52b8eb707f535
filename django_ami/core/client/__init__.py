"""The public face of the core: ``Client``: send, subscribe, status, start, close."""

from django_ami.core.client.changes import Changes
from django_ami.core.client.client import Client
from django_ami.core.client.handle import ServerHandle
from django_ami.core.client.status import ServerStatus

__all__ = ["Changes", "Client", "ServerHandle", "ServerStatus"]
