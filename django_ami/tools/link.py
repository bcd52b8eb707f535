"""A connection made step by step, to see at which step it ends: name, address, TLS, greeting.

The steps are the core's own (``core.transport``), so a step that fails here fails there for the
same reason.
"""

from __future__ import annotations

from contextlib import closing
from selectors import DefaultSelector
from typing import TYPE_CHECKING

from django_ami.core.addresses import resolve
from django_ami.core.deadline import Deadline
from django_ami.core.errors import AmiError, ConnectionFailed, ConnectionLost, ProtocolError
from django_ami.core.protocol import Parser
from django_ami.core.refusals import reason_of_refusal, start_thread
from django_ami.core.session.reaching import ended_early
from django_ami.core.tls import tls_context
from django_ami.core.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.addresses import Addresses
    from django_ami.core.config import ServerConfig

__all__ = ["connect", "greeting", "look_up"]


def look_up(config: ServerConfig, within: float) -> Addresses:
    """The addresses of the server, within so many seconds. Raises ConnectionFailed."""
    found: list[Addresses | AmiError] = []

    def work() -> None:
        try:
            found.append(resolve(config.host, config.port))
        except AmiError as error:
            found.append(error)

    # The system's resolver cannot be stopped: it is left behind.
    start_thread(work, "django_ami-dns").join(within)
    if not found:
        raise ConnectionFailed(
            f"no answer about the name {config.host!r} within {within:g} s.", server=config.name
        )
    if isinstance(found[0], AmiError):
        raise found[0]
    return found[0]


def connect(config: ServerConfig, addresses: Addresses, within: float) -> str:
    """The address that accepts, TLS included if the server has it, within so many seconds.

    Raises AmiError.
    """
    return _first(config, addresses, within, lambda transport, _: transport.peer)


def greeting(config: ServerConfig, addresses: Addresses, within: float) -> str:
    """The first line of the server, within so many seconds.

    Raises AmiError, also for one that is none of AMI.
    """
    return _first(
        config,
        addresses,
        within,
        lambda transport, deadline: _first_line(transport, config, deadline, within),
    )


def _first(
    config: ServerConfig,
    addresses: Addresses,
    within: float,
    step: Callable[[Transport, Deadline], str],
) -> str:
    """The result of the step for the first address that works.

    Each address has its share of the time.
    """
    context = None if config.tls is None else tls_context(config.tls)
    share = within / len(addresses)
    failures = []
    for address in addresses:
        deadline = Deadline(share)
        try:
            with closing(Transport(config, address, context)) as transport:
                _advance(transport, deadline)
                if transport.up:
                    return step(transport, deadline)
                failures.append(transport.obstacle(share))
        except ConnectionFailed as error:
            failures.append(error.message)
    raise ConnectionFailed("; ".join(failures), server=config.name)


def _advance(transport: Transport, deadline: Deadline) -> None:
    """Until it is up, or the time of this address is over."""
    while not transport.up and not deadline.over:
        if _ready(transport, deadline.left):
            transport.advance()


def _ready(transport: Transport, timeout: float) -> bool:
    try:
        with DefaultSelector() as selector:
            selector.register(transport, transport.events(wants_write=False))
            return bool(selector.select(timeout))
    except OSError as error:
        raise ConnectionFailed(reason_of_refusal(error)) from None


def _first_line(
    transport: Transport, config: ServerConfig, deadline: Deadline, within: float
) -> str:
    parser = Parser(server=config.name)
    while parser.banner is None:
        if deadline.over or not _ready(transport, deadline.left):
            raise ConnectionFailed(transport.obstacle(within))
        try:
            parser.feed(transport.read()[0])
        except ConnectionLost as error:
            raise ConnectionFailed(ended_early(error.message)) from error
        except ProtocolError as error:
            raise ConnectionFailed(error.message) from error
    return parser.banner
