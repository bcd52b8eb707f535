"""``ami``: the one client of this process, made on first use.

Rule: one login per process and server. Importing opens nothing; the first action to a server connects to it; a process
that forks begins anew in the child; at exit it logs off.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar, overload

from django.core.signals import setting_changed

from django_ami import conf, signals
from django_ami.backends import make_backend
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.backends import Backend
    from django_ami.core.actions import Action
    from django_ami.core.client import ServerHandle, ServerStatus
    from django_ami.core.pending import PendingAction

__all__ = ["Ami", "ami"]

Receiver = TypeVar("Receiver", bound="Callable[..., Any]")


class Ami:
    """Send actions to the servers of ``AMI_SERVERS``, look at them, and register receivers of their events.

    Every method may raise ConfigurationError if the settings are wrong.
    """

    def __init__(self) -> None:
        self._client: Backend | None = None
        self._adopted = False
        self._lock = threading.Lock()

    def _get(self) -> Backend:
        client = self._client
        if client is None:
            with self._lock:
                client = self._client
                if client is None:
                    client = self._client = make_backend(conf.load())
        return client

    # --- actions ---

    def send(self, action: Action, *, timeout: float | None = None) -> PendingAction:
        """Send an action to the default server, or where ``AMI_ROUTING`` says; never blocks.

        ``timeout`` is the time in seconds within which the answer must have come, connecting included (by default the
        action's own, or the option ``action_timeout``). Raises InvalidAction if it cannot be sent safely; everything
        else is told by the PendingAction: ``.result(timeout=…)``, ``await``, or ``.on_complete(function)``.
        """
        return self._get().send(action, timeout=timeout)

    def server(self, name: str) -> ServerHandle:
        """One server by name, to send to it and to no other."""
        return self._get().server(name)

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        """All servers by name."""
        return self._get().servers

    @property
    def default(self) -> ServerHandle:
        """The server of ``AMI_DEFAULT_SERVER``, or the only one."""
        name = conf.load().default
        if name is None:
            raise ConfigurationError("there are several servers: name one of them in the setting AMI_DEFAULT_SERVER.")
        return self.server(name)

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name. Opens no connection."""
        return self._get().status()

    # --- events: the same registry as django_ami.signals ---

    @overload
    def on_event(self, name: str, function: Receiver) -> Receiver: ...
    @overload
    def on_event(self, name: str, function: None = None) -> Callable[[Receiver], Receiver]: ...
    def on_event(self, name: str, function: Any = None) -> Any:
        """Connect ``function(sender, event, **kwargs)`` to the events of that name; works as a decorator, too.

        The same as ``events[name].connect``, but the function is kept alive. Events arrive in ``ami_listen`` alone.
        """
        return self._connect(signals.events[name], function)

    @overload
    def on_any_event(self, function: Receiver) -> Receiver: ...
    @overload
    def on_any_event(self, function: None = None) -> Callable[[Receiver], Receiver]: ...
    def on_any_event(self, function: Any = None) -> Any:
        """Connect ``function(sender, event, **kwargs)`` to every event; works as a decorator, too."""
        return self._connect(signals.ami_event, function)

    @staticmethod
    def _connect(signal: signals.EventSignal, function: Any) -> Any:
        def connect(receiver: Receiver) -> Receiver:
            signal.connect(receiver, weak=False)
            return receiver

        return connect if function is None else connect(function)

    # --- the life of the client ---

    def adopt(self, client: Backend) -> None:
        """Use a client that somebody else has made, and will close: receivers in ``ami_listen`` send over its login."""
        self.close()
        self._client, self._adopted = client, True

    def close(self) -> None:
        """Log off everywhere; the next use connects anew."""
        with self._lock:
            client, adopted = self._client, self._adopted
            self._client, self._adopted = None, False
        if client is not None and not adopted:
            client.close()

    def after_fork(self) -> None:
        """In a child process: the threads are gone, and the sockets are the parent's."""
        client, self._client, self._adopted, self._lock = self._client, None, False, threading.Lock()
        if client is not None:
            client.abandon()


ami = Ami()

os.register_at_fork(after_in_child=ami.after_fork)
atexit.register(ami.close)


def _on_setting_changed(*, setting: str, **_: Any) -> None:
    if setting in conf.NAMES:
        ami.close()


setting_changed.connect(_on_setting_changed)
