"""The options of a test or the demo: users, TLS and the faults that the server plays."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from math import inf
from typing import Literal

__all__ = ["CallCentre", "CallTimes", "Faults", "Limits", "ServerTLS", "User"]

BANNER = "Asterisk Call Manager/{version}"
MOST_AGENTS = 99


@dataclass(frozen=True, slots=True)
class User:
    """A user of manager.conf.

    Unlike there, ``read`` and ``write`` are everything unless something else is said.
    """

    secret: str
    read: str = "all"
    write: str = "all"
    allowmultiplelogin: bool = True
    eventfilters: tuple[str, ...] = ()
    acl_refused: bool = False
    """The user's address rules refuse everybody: the login fails like one with a wrong secret."""

    def __repr__(self) -> str:
        return f"User(read={self.read!r}, write={self.write!r})"


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """Certificate and key (PEM files) of a server that speaks TLS from the first byte."""

    certfile: str
    keyfile: str | None = None

    def context(self) -> ssl.SSLContext:
        """The context to listen with."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certfile, self.keyfile)
        return context


@dataclass(slots=True)
class Faults:
    """How the server misbehaves.

    Every field may be changed while it runs; the next write or action sees it.
    """

    banner: str | None = BANNER
    """The first line; ``{version}`` is the AMI version. None: no banner ever comes."""
    banner_split: float | None = None
    """Seconds to wait in the middle of the banner."""
    split_writes: int | Literal["crlf", "utf-8"] | None = None
    """Write in pieces of so many bytes; or cut every CR|LF.

    Or cut inside every character of more than one byte.
    """
    write_pause: float = 0.0
    """Seconds between two pieces."""
    lf_lines: bool = False
    """Lines end in a bare LF."""
    double_responses: bool = False
    """Every response is written twice."""
    silent: bool = False
    """Nothing at all is written, from now on."""
    silent_after_login: bool = False
    """Nothing is written once the login was answered: the link looks alive and is not."""
    stop_reading: bool = False
    """The server reads no more; the client's writes fill the kernel's buffers."""
    originate_response_first: bool = False
    """OriginateResponse overtakes the events of its call, as it does now and then in Asterisk."""
    login_delay: float = 1.0
    """Seconds before ``Authentication failed`` and ``Login Already In Use`` (Asterisk sleeps one
    second).
    """
    login_reply_delay: float = 0.0
    """Seconds before the answer to a good login."""
    boot_delay: float = 0.0
    """Seconds from start() until the server is fully booted.

    ``math.inf``: until Simulator.finish_booting().
    """
    shutting_down: bool = False
    """Every action is answered ``Asterisk is shutting down``."""
    refuse_connections: bool = False
    """Connections are accepted and closed without a byte, as over ``authlimit`` and while Asterisk
    stops.
    """


@dataclass(slots=True)
class Limits:
    """Limits of manager.conf."""

    authtimeout: float = 30.0
    authlimit: int = 50
    writetimeout: float | None = None
    """Seconds that one write may take before the reader is cut (Asterisk: 0.1 by default).

    None: for ever.
    """


@dataclass(slots=True)
class CallTimes:
    """Seconds that the phases of a scripted call take."""

    ring: float = 0.05
    duration: float = 0.5
    queue_patience: float = 5.0
    park: float = 45.0


@dataclass(frozen=True, slots=True)
class CallCentre:
    """A call centre: how many call, and how its people are. Raises ValueError for what is none.

    Callers arrive at random, at a rate that does not change. Times in which people differ are
    given by their middle: of a talk the median, of patience and of the time to a break the mean.
    """

    calls_per_minute: float = 6.0
    """Calls from outside; the agents' own come on top."""
    agents: int = 10
    """Agents, with the telephones 101 and up."""
    queues: tuple[str, ...] = ("sales", "support", "billing")
    """Names of queues. Outside they are reached as 7001, 7002 and so on."""
    talk_seconds: float = 45.0
    wrapup_seconds: float = 8.0
    ring_seconds: float = 4.0
    patience_seconds: float = 90.0
    announcement_seconds: float = 4.0
    work_seconds: float = 180.0
    """Between two breaks, or two calls of an agent's own."""
    speed: float = 1.0
    """Everything is so many times as fast: for tests."""

    def __post_init__(self) -> None:
        if not 1 <= self.agents <= MOST_AGENTS:
            raise ValueError(f"agents must be from 1 to {MOST_AGENTS}, not {self.agents}.")
        if not self.queues or not all(self.queues) or len(set(self.queues)) < len(self.queues):
            raise ValueError("queues must be one name or more, each of them once.")
        for name in ("talk", "ring", "patience", "announcement", "work"):
            if not 0 < getattr(self, f"{name}_seconds") < inf:
                raise ValueError(f"{name}_seconds must be a number of seconds above 0.")
        if not 0 <= self.wrapup_seconds < inf:
            raise ValueError("wrapup_seconds must be a number of seconds from 0 on.")
        if not 0 <= self.calls_per_minute < inf or not 0 < self.speed < inf:
            raise ValueError("calls_per_minute must be a number from 0 on, speed one above 0.")
