"""Sending: which server an action goes to, and what its sender gets of it. The way there is a subclass's business.

Rule: ``send`` never blocks, and an action is never repeated by itself.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from django_ami.core.client.handle import ServerHandle
from django_ami.core.cluster.routing import Member, Routing, Strategy
from django_ami.core.config import did_you_mean
from django_ami.core.correlation import ActionIds
from django_ami.core.errors import ConfigurationError, ConnectionFailed, InvalidAction, WouldBlock
from django_ami.core.pending import PendingAction
from django_ami.core.protocol import encode
from django_ami.core.timeouts import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.core.actions import Action
    from django_ami.core.client.status import ServerStatus
    from django_ami.core.config import ServerConfig
    from django_ami.core.timeouts import Timeout

__all__ = ["Sender", "distinct"]

logger = logging.getLogger(__name__)

Target = TypeVar("Target", bound=Member)


def distinct(servers: Iterable[ServerConfig]) -> list[ServerConfig]:
    """The settings of some servers. Raises ConfigurationError if there are none, or two have the same name."""
    configs = list(servers)
    if not configs:
        raise ConfigurationError("no servers are given: name one at least.")
    if twice := [name for name, times in Counter(config.name for config in configs).items() if times > 1]:
        raise ConfigurationError(f"two servers are named {twice[0]!r}: give each a name of its own.")
    return configs


def _find(targets: Mapping[str, Target], name: str) -> Target:
    try:
        return targets[name]
    except KeyError:
        raise ConfigurationError(f"unknown server {name!r}: {did_you_mean(name, targets)}") from None


class Sender(Generic[Target]):
    """Servers by name, and actions for them. ``_submit`` takes an action to its server."""

    #: Why nothing is sent any more, once it is closed.
    _end = "the client was closed"

    def __init__(self) -> None:
        self._ids = ActionIds()
        self._closed = False
        self._targets: Mapping[str, Target] = {}
        self._handles: dict[str, ServerHandle] = {}
        self._routing: Routing[Target] | None = None

    def _serve(
        self,
        targets: Mapping[str, Target],
        *,
        default: str | None,
        routing: tuple[Strategy | str, Iterable[str]] | None,
    ) -> None:
        """Send to these from now on. Raises ConfigurationError for what cannot be routed, and changes nothing then."""
        self._routing = self._make_routing(targets, default, routing)
        for name in targets:
            # A handle stays the same one for as long as its client lives, whatever becomes of its server.
            self._handles.setdefault(name, ServerHandle(name, lambda: self))
        self._targets = targets

    @staticmethod
    def _make_routing(
        targets: Mapping[str, Target], default: str | None, routing: tuple[Strategy | str, Iterable[str]] | None
    ) -> Routing[Target] | None:
        if routing is not None:
            try:
                strategy = Strategy(routing[0])
            except ValueError:
                raise ConfigurationError(
                    f"unknown routing {routing[0]!r}: {did_you_mean(str(routing[0]), [s.value for s in Strategy])}"
                ) from None
            if strategy is not Strategy.DEFAULT:
                names = list(routing[1]) or list(targets)
                return Routing(strategy, [_find(targets, name) for name in names])
        if default is None and len(targets) > 1:
            return None
        return Routing(Strategy.DEFAULT, [_find(targets, default or next(iter(targets)))])

    # --- servers ---

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        """All servers by name."""
        return {name: self._handles[name] for name in self._targets}

    def server(self, name: str) -> ServerHandle:
        """One server by name. Raises ConfigurationError, which lists the known ones."""
        self.member(name)
        return self._handles[name]

    def handle(self, name: str) -> ServerHandle:
        """The handle of a server that is, or has been, among them: always the same one."""
        return self._handles[name]

    def member(self, name: str) -> Target:
        """What stands behind the handle of a server now. Raises ConfigurationError if it is not known."""
        return _find(self._targets, name)

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name."""
        raise NotImplementedError

    # --- actions ---

    def send(self, action: Action, *, server: str | None = None, timeout: Timeout | None = None) -> PendingAction:
        """Send an action; never blocks.

        It goes to ``server``, or where the routing says, and from there on to the next one as long as nothing of it has
        left. ``timeout`` is the time in seconds, or a timedelta, within which the answer must have come, connecting
        included; by default the action's own, or the option ``action_timeout``. Raises InvalidAction (nothing was sent)
        and ConfigurationError; all else is told by what is returned. An action is never repeated by itself.
        """
        if server is not None:
            target, *others = [self.member(server)]
        elif self._routing is not None:
            target, *others = self._routing.choose()
        else:
            raise ConfigurationError(
                "several servers are known, but none is the default (AMI_DEFAULT_SERVER) and there is no routing: "
                "name the server."
            )
        action_id = self._ids()
        wire = encode(action, action_id)
        if timeout is None:
            timeout = target.config.options.action_timeout if action.timeout is None else action.timeout
        try:
            seconds = in_seconds(timeout)
        except ValueError as error:
            raise InvalidAction(f"{action.name}: {error}. It was not sent.", server=target.name) from None
        pending = PendingAction(action, action_id, wire, server=target.name, timeout=seconds, owner=self)
        if others:
            pending.reroute = partial(self._send_to_next, others)
        self._submit(target, pending)
        return pending

    def _submit(self, target: Target, pending: PendingAction) -> None:
        """Take an action to its server, or fail it."""
        raise NotImplementedError

    def _send_to_next(self, others: list[Target], pending: PendingAction) -> bool:
        if not others or self._closed:
            return False
        server = others.pop(0)
        logger.info("%s: not reached; %s goes to %s instead.", pending.server, pending.name, server.name)
        pending.server = server.name
        self._submit(server, pending)
        return True

    def _refuse(self, pending: PendingAction) -> None:
        pending.reroute = None
        pending.fail(ConnectionFailed(f"{self._end}; {pending.name} was not sent.", server=pending.server))

    # --- for PendingAction ---

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs."""
        raise NotImplementedError

    def expect(self, pending: PendingAction) -> None:
        """Somebody wants the answer, and does not wait in a thread."""

    def before_wait(self, pending: PendingAction, timeout: float) -> float:  # noqa: ARG002  (a subclass's)
        """Refuse a wait that cannot end. Says what is left of it."""
        return timeout

    def refuse_in_loop(self, pending: PendingAction) -> None:
        """Raise WouldBlock in a running event loop: the wait would stop it, and with it whoever has to go on."""
        asyncio = sys.modules.get("asyncio")
        if asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001  (the documented fast form)
            raise WouldBlock(
                f"waiting for {pending.name} would stop the event loop that is running here: write 'await pending' "
                "instead of 'pending.result()'.",
                server=pending.server,
            )

    def holds(self, pending: PendingAction) -> bool:  # noqa: ARG002  (a subclass's)
        """False if another process has it."""
        return True

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left."""
