"""Sending: chooses the server of an action and gives its sender a PendingAction.

A subclass does the rest.

Rule: ``send`` never blocks, and an action is never repeated by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from itertools import islice, repeat
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from django_ami.core.actions import Action
from django_ami.core.actions.base import encode
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.client.handle import ServerHandle
from django_ami.core.client.originating import Originating
from django_ami.core.cluster.routing import Member, Routing, Strategy
from django_ami.core.config import ServerConfig
from django_ami.core.errors import (
    Backpressure,
    ConfigurationError,
    ConnectionFailed,
    InvalidAction,
)
from django_ami.core.log import get_logger
from django_ami.core.metering import ActionMeter
from django_ami.core.request import Request
from django_ami.core.timeouts import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_ami.core.client.status import ServerStatus
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout

__all__ = ["Sender", "distinct"]

logger = get_logger(__name__)

Target = TypeVar("Target", bound=Member)

#: More servers than a routing has: an iterable that goes on is not gone through to its end.
_MOST_MEMBERS: Final = 10_000


def distinct(servers: Iterable[ServerConfig]) -> list[ServerConfig]:
    """The settings of some servers.

    Raises ConfigurationError if there are none, or two have the same name.
    """
    if not isinstance(servers, Iterable):
        raise ConfigurationError(
            f"the servers must be a list of ServerConfig, not {shown(servers)}."
        )
    configs: dict[str, ServerConfig] = {}
    for config in servers:  # which may go on for ever, but not with other names
        if not isinstance(config, ServerConfig):
            raise ConfigurationError(f"a server must be a ServerConfig, not {shown(config)}.")
        if config.name in configs:
            raise ConfigurationError(
                f"two servers are named {config.name!r}: give each a name of its own."
            )
        configs[config.name] = config
    if not configs:
        raise ConfigurationError("no servers are given: name one at least.")
    return list(configs.values())


def _find(targets: Mapping[str, Target], name: str) -> Target:
    try:
        return targets[name]
    except (KeyError, TypeError):  # an object without a hash is not a name
        pass
    known = did_you_mean(name if isinstance(name, str) else "", targets)
    raise ConfigurationError(f"unknown server {shown(name)}: {known}")


def _not_an_action(action: object) -> str:
    cure = ""
    if isinstance(action, str):
        cure = f": make one, as Action({action!r}) or the class of that name"
    elif isinstance(action, type) and issubclass(action, Action):
        cure = f": make one of this class, as {action.__name__}(…)"
    return f"send takes an Action, not {shown(action)}{cure}. It was not sent."


def _strategy(name: Strategy | str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError:
        known = [strategy.value for strategy in Strategy]
        near = did_you_mean(name if isinstance(name, str) else "", known)
        raise ConfigurationError(f"unknown routing {shown(name)}: {near}") from None


class Sender(Originating[Target]):
    """Servers by name, and actions for them. ``_submit`` takes an action to its server."""

    #: Why nothing is sent any more, once it is closed.
    _end = "the client was closed"
    #: Told of each action that is about to be sent. They must not raise.
    observers: ClassVar[tuple[Callable[[Action, PendingAction], object], ...]] = ()

    def __init__(self) -> None:
        from django_ami.core.correlation import ActionIds

        super().__init__()
        self._ids = ActionIds()
        self._closed = False
        self._targets: Mapping[str, Target] = {}
        self._handles: dict[str, ServerHandle] = {}
        #: How the actions for each server went that is, or has been, among them.
        self.meters: dict[str, ActionMeter] = {}
        #: The handle of a server that is, or has been, among them: always the same one.
        self.handle = self._handles.__getitem__
        self._routing: Routing[Target] | None = None

    def _serve(
        self,
        targets: Mapping[str, Target],
        *,
        default: str | None,
        routing: tuple[Strategy | str, Iterable[str]] | None,
    ) -> None:
        """Send to these from now on.

        Raises ConfigurationError for what cannot be routed, and changes nothing then.
        """
        self._routing = self._make_routing(targets, default, routing)
        for name in targets:
            # A handle stays the same one for as long as its client lives, whatever becomes of its
            # server.
            self._handles.setdefault(name, ServerHandle(name, repeat(self).__next__))
            self.meters.setdefault(name, ActionMeter(name, time.monotonic))
        self._targets = targets

    def _make_routing(
        self,
        targets: Mapping[str, Target],
        default: str | None,
        routing: tuple[Strategy | str, Iterable[str]] | None,
    ) -> Routing[Target] | None:
        if routing is not None:
            if (
                not isinstance(routing, tuple | list)
                or len(routing) != 2
                or isinstance(routing[1], str)
            ):
                raise ConfigurationError(
                    "the routing must be a pair of a strategy and a list of names of servers, not "
                    f"{shown(routing)}."
                )
            strategy, names = _strategy(routing[0]), routing[1]
            if not isinstance(names, Iterable):
                raise ConfigurationError(
                    f"the routing's servers must be a list of their names, not {shown(names)}."
                )
            if strategy is not Strategy.DEFAULT:
                members = [_find(targets, name) for name in islice(names, _MOST_MEMBERS)]
                return Routing(
                    strategy, members or list(targets.values()), self._connect_candidates
                )
        if default is None and len(targets) > 1:
            return None
        return Routing(
            Strategy.DEFAULT,
            [_find(targets, default or next(iter(targets)))],
            self._connect_candidates,
        )

    def connect(self) -> None:
        """Connect to all servers now, and stay connected."""
        raise NotImplementedError

    def _connect_candidates(self) -> None:
        if not self._closed:
            self.connect()

    # --- servers ---

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        """All servers by name."""
        return {name: self._handles[name] for name in self._targets}

    def server(self, name: str) -> ServerHandle:
        """One server by name. Raises ConfigurationError, which lists the known ones."""
        self.member(name)
        return self._handles[name]

    def member(self, name: str) -> Target:
        """The server behind a handle, as of now. Raises ConfigurationError if it is not known."""
        return _find(self._targets, name)

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name."""
        raise NotImplementedError

    def choose_server(self) -> str:
        """The name of the server that an action which names none would go to now.

        Raises ConfigurationError if several are known, and neither a default nor a routing is set.
        """
        return self._choose(None)[0].name

    # --- actions ---

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction:
        """Send an action; never blocks.

        It goes to ``server``, or where the routing says, and from there on to the next one as long
        as nothing of it has left. ``timeout`` is the time in seconds, or a timedelta, within which
        the answer must have come, connecting included; by default the action's own, or the option
        ``action_timeout``. Raises InvalidAction (nothing was sent) and ConfigurationError; all else
        is told by what is returned. An action is never repeated by itself.
        """
        target, others = self._choose(server)
        request = self._request(action, target, timeout)
        if others:
            request.reroute = partial(self._send_to_next, others)
        self._submit(target, request)
        return request.pending

    def _choose(self, server: str | None) -> tuple[Target, list[Target]]:
        """The server of an action, and those that take it if that one is not reached."""
        if server is not None:
            found = self._targets.get(server) if type(server) is str else None
            return found or self.member(server), []
        if self._routing is not None:
            target, *others = self._routing.choose()
            return target, others
        raise ConfigurationError(
            "several servers are known, but none is the default (AMI_DEFAULT_SERVER) and "
            "there is no routing: name the server."
        )

    def _one(self, server: str | None) -> Target:
        """The server that a call is looked for on: the default one, if that is known."""
        routing = self._routing
        if server is None and routing is not None and routing.strategy is not Strategy.DEFAULT:
            raise ConfigurationError(
                "actions go to several servers: name the one that the call is on (call.server)."
            )
        return self._choose(server)[0]

    def _request(self, action: Action, target: Target, timeout: Timeout | None) -> Request:
        """An action on its way. Raises InvalidAction."""
        if not isinstance(action, Action):
            raise InvalidAction(_not_an_action(action), server=target.name)
        if action.final_event is not None and type(action.final_event) is not str:
            what = f"its final_event must be the name of an event, not {shown(action.final_event)}"
            raise InvalidAction(f"{action.name}: {what}. It was not sent.", server=target.name)
        action_id = self._ids()
        timeout = action.timeout if timeout is None else timeout
        if timeout is None:
            seconds = target.config.options.action_timeout
        else:
            try:
                seconds = in_seconds(timeout)
            except ValueError as error:
                raise InvalidAction(
                    f"{action.name}: {error}. It was not sent.", server=target.name
                ) from None
        # No local variable has the bytes: a traceback may be shown with its locals.
        request = Request(
            action,
            action_id,
            encode(action, action_id),
            server=target.name,
            timeout=seconds,
            owner=self,
        )
        request.meter = meter = self.meters[target.name]
        request.began = meter.clock()
        for observe in Sender.observers:
            observe(action, request.pending)
        return request

    def _submit(self, target: Target, request: Request) -> None:
        """Take an action to its server, or fail it."""
        raise NotImplementedError

    def _send_to_next(self, others: list[Target], request: Request) -> bool:
        if not others or self._closed:
            return False
        server = others.pop(0)
        logger.info(
            "%s: not reached; %s goes to %s instead.",
            request.server,
            request.name,
            server.name,
            extra={"server": server.name, "action": request.name, "action_id": request.action_id},
        )
        request.pending.server = server.name
        request.meter = self.meters[server.name]
        if request.followed is None:
            self._submit(server, request)
        else:
            self._dialler.over(request)
            try:
                self._dialler.dial(server, request, may_wait=True)
            except Backpressure as error:
                request.reroute = None
                request.fail(error)
        return True

    def _refuse(self, request: Request) -> None:
        request.reroute = None
        request.fail(
            ConnectionFailed(f"{self._end}; {request.name} was not sent.", server=request.server)
        )

    # --- for PendingAction ---

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs."""
        raise NotImplementedError

    def expect(self, pending: PendingAction) -> bool:  # noqa: ARG002  (a subclass's)
        """A caller wants the answer, and does not wait in a thread.

        False if another process has it.
        """
        return True

    def may_poll(self) -> bool:
        """True if a coroutine that awaits an answer is first to ``poll`` for it."""
        return False

    def poll(self, pending: PendingAction) -> None:
        """Look for a moment whether the answer comes."""

    def before_wait(self, pending: PendingAction, timeout: float, *, lead: bool = True) -> float:  # noqa: ARG002  (a subclass's)
        """Refuse a wait that cannot end. The seconds that are left; negative in a forked child."""
        return timeout

    def holds_here(self) -> bool:
        """False if another process has the actions."""
        return True

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left."""
