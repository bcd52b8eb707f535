"""``ami``: the one client of this process, made on first use.

Rule: one login per process and server. Importing opens nothing; the first action to a server
connects to it; a process that was forked begins anew, whoever forked it; at exit it logs off.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from django.core.signals import setting_changed

from django_ami import acting, conf, signals, testrun  # noqa: F401  (importing testrun makes tests known to the core)
from django_ami.backends import Backends
from django_ami.core.client import Changes, ServerHandle
from django_ami.core.errors import ConfigurationError
from django_ami.core.process import mark_process
from django_ami.listeners import listeners
from django_ami.pictures import picture_of
from django_ami.registering import Registering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.acting import UserAmi
    from django_ami.backends import Serving
    from django_ami.core.actions import Action
    from django_ami.core.client import OriginatedCall, ServerStatus
    from django_ami.core.client.originating import CallOptions
    from django_ami.core.cluster import Member
    from django_ami.core.metering import ActionMeter
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout
    from django_ami.listeners import ListenerStatus
    from django_ami.live.picture import Picture

__all__ = ["Ami", "ami"]


class _Process:
    """The state of ``ami`` in one process."""

    def __init__(self) -> None:
        self.is_here = mark_process()
        self.forget()

    @property
    def lock(self) -> Any:
        """Made on first use.

        Gevent may have patched ``threading`` by then, and greenlets would share an earlier one.

        A function of AMI_SERVERS may use ``ami`` itself: that is an error, and with an RLock no
        deadlock.
        """
        return self.__dict__.get("_lock") or self.__dict__.setdefault("_lock", threading.RLock())

    def forget(self) -> None:
        """The next use begins anew."""
        self.client: Serving | None = None
        self.backends: Backends | None = None
        self.default: str | None = None
        #: The names that are known to be right.
        self.known: dict[str, ServerHandle] = {}
        #: Reloads a client that a test or a command has made; None for our own.
        self.reload: Callable[[], Changes] | None = None


class Ami(Registering):
    """Send actions to the servers of ``AMI_SERVERS``, look at them, and register receivers.

    Every method may raise ConfigurationError if the settings are wrong.
    """

    def __init__(self) -> None:
        self._process = _Process()
        self._handles: dict[str, ServerHandle] = {}

    def _get(self) -> Serving:
        process = self._process
        client = process.client
        if client is None or not process.is_here():
            client = self._make()
        return client

    def _make(self) -> Serving:
        process = self._here()
        with process.lock:
            made = process.client
            if made is None:
                settings = conf.load()
                backends = Backends(settings)
                made, default = backends.client, settings.default
                # The handler of a signal may have come amid this, and made one.
                if process.client is None:
                    process.backends, process.default, process.client = backends, default, made
                else:
                    made = process.client
                    backends.close()
            return made

    def _here(self) -> _Process:
        """The state of this process.

        A forked child begins with an empty one, and does not touch the parent's.
        """
        process = self._process
        if not process.is_here():
            # Several threads may come at once, and the parent may have held its lock at the fork:
            # one of them wins.
            mine = _Process()
            successor: _Process = process.__dict__.setdefault("successor", mine)
            self._process = successor
            if successor is mine and process.client is not None:
                process.client.abandon()
            return successor
        return process

    # --- actions ---

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction:
        """Send an action to ``server``, to the default one, or where ``AMI_ROUTING`` says.

        Never blocks.

        ``timeout`` is the time in seconds, or a timedelta, within which the answer must have come,
        connecting included (by default the action's own, or the option ``action_timeout``). Raises
        InvalidAction if it cannot be sent safely; everything else is told by the PendingAction:
        ``.result(timeout=…)``, ``await``, or ``.on_complete(function)``.
        """
        return self._get().send(action, server=server, timeout=timeout)

    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall:
        """Make a call, once, and follow it to its end. Never blocks.

        ``to`` rings first, for ``timeout`` seconds at most (30). When it picks up it goes to
        ``context``/``exten``/``priority`` (1), where the second party is dialled, or to
        ``application``/``data``. ``caller_id``, ``variables``, ``account``, ``early_media`` and
        ``codecs`` are as in ``Originate``. ``call_id`` is the id that the
        call shall have: see ``new_call_id``. ``over_limit`` says what happens if the options
        ``max_originates_per_second`` and ``max_concurrent_originates`` hold the call back: with
        ``"wait"`` it waits for its turn; with a number of seconds, no longer than that, and then it
        is not made; with ``"raise"`` Backpressure is raised.

        Raises InvalidAction and Backpressure, and nothing was sent then. All else is told by the
        call that is returned: ``.wait(timeout=…)``, ``await``, ``.answered()``, ``.on_change``.
        Nothing that goes wrong makes a second call.
        """
        return self._get().originate(server=server, **call)

    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall:
        """Find a call by its ``id``, also one that another process has made.

        ``server`` is the one that it is on, by default the default one. The feed (AMI_FEED) tells
        of the call, if it knows it; else the server is asked, and until it has said, the state is
        ``unknown``. Raises InvalidAction for what cannot be an id.
        """
        return self._get().call(call_id, server=server)

    def new_call_id(self) -> str:
        """An id for a call that no other one has: store it, then give it to ``originate``."""
        return self._get().new_call_id()

    def server(self, name: str) -> ServerHandle:
        """One server by name, to send to it and to no other.

        It may be kept: at every use it finds the client that this process has by then, also after a
        fork, ``close`` and ``reload``. It is the ``sender`` of the server's events in
        ``ami_listen``.
        """
        known = self._process.known.get(name)
        if known is None:
            self._get().server(name)
            known = self._process.known[name] = self.handle(name)
        return known

    def handle(self, name: str) -> ServerHandle:
        """The handle of a name, whether there is such a server or not: always the same one."""
        return self._handles.get(name) or self._handles.setdefault(
            name, ServerHandle(name, self._get)
        )

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        """All servers by name."""
        return {name: self.handle(name) for name in self._get().servers}

    def member(self, name: str) -> Member:
        """The server behind a handle, for handles alone."""
        return self._get().member(name)

    def choose_server(self) -> str:
        """The name of the server that an action which names none would go to now."""
        return self._get().choose_server()

    @property
    def default(self) -> ServerHandle:
        """The server of ``AMI_DEFAULT_SERVER``, or the only one."""
        client = self._get()
        name = self._process.default
        if name is None:
            name = self._find_default(client)
        return self.server(name)

    def _find_default(self, client: Serving) -> str:
        """The default server of an adopted client that was given none.

        It is looked up once for each client.
        """
        name = conf.read_default(list(client.servers))
        if name is None:
            raise ConfigurationError(
                "there are several servers: name one of them in the setting AMI_DEFAULT_SERVER."
            )
        process = self._process
        with process.lock:
            if (
                process.client is client
            ):  # else another thread has closed, reloaded or adopted meanwhile
                process.default = name
        return name

    def live(self, server: str | ServerHandle) -> Picture:
        """The live picture of a server: its calls, channels, queues, agents and devices now.

        In the process of ``ami_listen`` it is kept from the first call on, or for receivers of
        ``call_started`` and the others. In any other process it is the one that a listener has
        published last (setting ``AMI_FEED``): look at its ``age``, and follow its ``changes()``.
        Raises ConfigurationError if there is neither, and for an unknown server.
        """
        name = server if isinstance(server, str) else server.name
        return picture_of(self.server(name).name)

    @overload
    def status(self) -> dict[str, ServerStatus]: ...
    @overload
    def status(self, *, all_processes: Literal[True]) -> dict[str, tuple[ListenerStatus, ...]]: ...
    def status(self, *, all_processes: bool = False) -> dict[str, Any]:
        """How every server is now, by name. Opens no connection, whatever the settings say.

        With ``all_processes``: the listeners of each server, in all processes and machines, as they
        said last. That asks the database, and raises its errors; and ConfigurationError without
        the app ``django_ami.operations``.
        """
        return listeners() if all_processes else self._get().status()

    def as_user(self, user: Any, *, view: str = "") -> UserAmi:
        """Send in the name of a user: an action beyond the user's rights raises ActionRefused.

        ``user`` is ``request.user``, or any user of Django; ``view`` is the word of the action log
        for what sends (by default the task of Celery, or the program). The object has
        ``send``, ``originate``, ``call``, ``server`` and ``servers``; and ``asend``, ``aoriginate``
        and ``acall`` for coroutines. Raises ConfigurationError without the app
        ``django_ami.operations``; the setting AMI_PERMISSIONS says what users may send.
        """
        return acting.as_user(user, view)

    @property
    def meters(self) -> Mapping[str, ActionMeter]:
        """How the actions of this process went, by server: for metrics. Opens no connection."""
        return self._get().meters

    # --- the life of the client ---

    def reload(self) -> Changes:
        """Read the settings again, and take over what has changed.

        Says which servers were added, changed, removed.

        A server whose settings are the same keeps its connection, and its actions under way go on.
        One that is removed or has other settings is logged off; actions under way there fail at
        once, each saying in ``sent`` whether it had left. It is for this process alone: tell the
        others, too. Raises ConfigurationError, and leaves all as it was, if the settings are wrong.
        """
        process = self._here()
        with process.lock:
            reload = process.reload
            if reload is None:
                settings = conf.load()
                if process.backends is None:
                    return Changes()
                changes = process.backends.reload(settings)
                process.default, process.client, process.known = (
                    settings.default,
                    process.backends.client,
                    {},
                )
                return changes
        return reload()  # it may wait for other threads, which may need the lock

    def _adopt(
        self,
        client: Serving,
        *,
        default: str | None = None,
        reload: Callable[[], Changes] | None = None,
    ) -> None:
        """Use a client that another part of the process has made, and will close.

        So receivers in ``ami_listen`` send over its login. ``default`` is the name of its default
        server; ``reload`` is what ``ami.reload()`` calls meanwhile.
        """
        process = self._here()
        with process.lock:
            backends, process.backends = process.backends, None
            process.client, process.default = client, default
            process.reload, process.known = reload, {}
        if backends is not None:
            backends.close()

    def close(self) -> None:
        """Log off everywhere; the next use connects anew."""
        process = self._here()
        with process.lock:
            backends = process.backends
            process.forget()
        if backends is not None:
            backends.close()

    def _after_fork(self) -> None:
        """In a child process: the threads are gone, and the sockets are the parent's."""
        self._here()


ami = Ami()

os.register_at_fork(after_in_child=ami._after_fork)  # noqa: SLF001  (it is this module's own)
atexit.register(ami.close)


def _on_setting_changed(*, setting: str, **_: Any) -> None:
    if setting in conf.NAMES:
        ami.close()


setting_changed.connect(_on_setting_changed)
