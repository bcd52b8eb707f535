"""A connection made step by step, to see at which step it ends: name, address, TLS, greeting.

The steps are the core's own (``core.transport``), so what fails here fails there, and for the same reason.
"""

from __future__ import annotations

import threading
import time
from selectors import DefaultSelector
from typing import TYPE_CHECKING

from django_ami.core.errors import AmiError, ConnectionFailed, ConnectionLost
from django_ami.core.protocol import Parser
from django_ami.core.session.reaching import ended_early, no_greeting
from django_ami.core.tls import tls_context
from django_ami.core.transport import Transport, resolve

if TYPE_CHECKING:
    from django_ami.core.config import ServerConfig
    from django_ami.core.transport import Addresses

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
    thread = threading.Thread(target=work, name="django_ami-dns", daemon=True)
    thread.start()
    thread.join(within)
    if not found:
        raise ConnectionFailed(f"no answer about the name {config.host!r} within {within:g} s.", server=config.name)
    if isinstance(found[0], AmiError):
        raise found[0]
    return found[0]


def connect(config: ServerConfig, addresses: Addresses, within: float) -> Transport:
    """A connection that is up, TLS included if the server has it, within so many seconds. Raises AmiError."""
    context = None if config.tls is None else tls_context(config.tls)
    transport = Transport(config, addresses, context)
    share = within / len(addresses)
    try:
        for _ in addresses:
            tried = transport.tried
            _advance(transport, time.monotonic() + share)
            if transport.up:
                return transport
            if transport.tried == tried:
                transport.next_address()
        raise ConnectionFailed(f"no connection to {config.address} within {within:g} s.", server=config.name)
    except BaseException:
        transport.close()
        raise


def _advance(transport: Transport, end: float) -> None:
    """Until it is up, or the time of this address is over."""
    while not transport.up and (left := end - time.monotonic()) > 0:
        if _ready(transport, left):
            transport.advance()


def _ready(transport: Transport, timeout: float) -> bool:
    with DefaultSelector() as selector:
        selector.register(transport, transport.events(wants_write=False))
        return bool(selector.select(timeout))


def greeting(transport: Transport, config: ServerConfig, within: float) -> str:
    """The first line of the server, within so many seconds. Raises AmiError, also for one that is none of AMI."""
    parser, end = Parser(server=config.name), time.monotonic() + within
    while parser.banner is None:
        left = end - time.monotonic()
        if left <= 0 or not _ready(transport, left):
            raise ConnectionFailed(no_greeting(config, within))
        try:
            parser.feed(transport.read()[0])
        except ConnectionLost as error:
            raise ConnectionFailed(ended_early(error.message)) from error
    return parser.banner
