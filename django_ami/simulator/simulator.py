"""The public face: a simulated Asterisk in a thread of its own, driven from any other thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from django_ami.simulator.arguments import checked, seconds
from django_ami.simulator.events import Event
from django_ami.simulator.flood import FloodReport, flood, numbered_event
from django_ami.simulator.frames import flatten
from django_ami.simulator.options import CallCentre, CallTimes, Faults, Limits, ServerTLS, User
from django_ami.simulator.presence import announce, withdraw
from django_ami.simulator.profiles import get_profile
from django_ami.simulator.server import Server
from django_ami.simulator.server_thread import ServerThread

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from types import TracebackType

    from django_ami.simulator.ledger import SessionInfo
    from django_ami.simulator.pbx import Pbx
    from django_ami.simulator.requests import ReceivedAction
    from django_ami.simulator.script import Rule

__all__ = ["Simulator"]

_DEFAULT_USERS = {"admin": User(secret="amp111")}  # noqa: S106 - the simulator's well-known secret


class Simulator:
    """An AMI server over real TCP or TLS.

    ::

        with Simulator() as sim:
            client = connect(sim.url)                       # ami://admin:amp111@127.0.0.1:54321
            sim.emit("Hangup", Channel="PJSIP/101-1", Cause=16)
            sim.on("Originate").fail("Permission denied").once()
            sim.wait_for(lambda: sim.logins == 1, timeout=5)

    Which outcome a scripted call has is said by a word in its dial string or extension: ``busy``,
    ``noanswer`` (or ``ring``), ``congestion``, ``hangup``, ``fail``, ``nosuch``; everything else is
    answered. An extension that is the name of a queue (``support``, ``sales``) enters that queue;
    ``700`` parks. With ``call_centre`` the server is one, with agents, callers and traffic.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, User] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ServerTLS | ssl.SSLContext | None = None,
        profile: str = "22",
        faults: Faults | None = None,
        limits: Limits | None = None,
        times: CallTimes | None = None,
        call_duration: float | None = None,
        timestampevents: bool = False,
        systemname: str = "",
        channelvars: tuple[str, ...] = (),
        seed: int | None = None,
        keep_received: int = 100_000,
        call_centre: CallCentre | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._users = dict(_DEFAULT_USERS if users is None else users)
        times = times or CallTimes()
        if call_duration is not None:
            times.duration = call_duration
        self._tls = tls.context() if isinstance(tls, ServerTLS) else tls
        self._server = Server(
            users=self._users,
            profile=get_profile(profile),
            faults=faults or Faults(),
            limits=limits or Limits(),
            times=times,
            timestamps=timestampevents,
            system_name=systemname,
            channelvars=channelvars,
            seed=seed,
            keep_received=keep_received,
            call_centre=call_centre,
        )
        self._thread = ServerThread(self._server)

    # --- life ---

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        withdraw(self.host, self.port)

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"<Simulator {self.host}:{self.port} Asterisk {self._server.profile.name}, {state}>"

    @property
    def running(self) -> bool:
        """Is it listening?"""
        return self._thread.running

    @property
    def url(self) -> str:
        """``ami://user:secret@host:port`` of the first user; ``amis://`` with TLS."""
        scheme = "ami" if self._tls is None else "amis"
        name, user = next(iter(self.users.items()))
        login = ":".join(
            quote(text, safe="", errors="surrogateescape") for text in (name, user.secret)
        )
        return f"{scheme}://{login}@{self.host}:{self.port}"

    def start(self) -> Self:
        """Listen; after a stop() on the same port again. OSError if that is not possible."""
        self.port = self._thread.start(self.host, self.port, self._tls)
        announce(self.host, self.port)
        return self

    def stop(self) -> None:
        """Stop listening and cut every link. Counters stay; channels and calls are gone.

        Harmless when stopped.
        """
        self._thread.stop()

    # --- the behaviour of the server ---

    def emit(
        self,
        event: str,
        headers: Iterable[tuple[str, object]] = (),
        /,
        privilege: str | None = None,
        **more: object,
    ) -> None:
        """Broadcast an event to the sessions whose mask and filters let it.

        Headers come as keywords or, where a name is no identifier (``Cause-txt``), as pairs; a list
        as value repeats its header. ``privilege`` overrides the class that the event's name has
        (``"call"``, ``"system,user"``).
        """
        checked(event, str, "the name of an event")
        checked(privilege, (str, type(None)), "privilege")
        self._thread.call(self._server.emit, event, [*flatten(headers), *flatten(more)], privilege)

    def emit_bytes(self, event: str, data: bytes, privilege: str | None = None) -> None:
        """Broadcast an event of this name as these very bytes, its empty line included.

        Unknown classes in ``privilege`` are left out.
        """
        checked(event, str, "the name of an event")
        checked(privilege, (str, type(None)), "privilege")
        self._thread.call(self._server.emit_bytes, event, checked(data, bytes, "data"), privilege)

    def send_raw(self, data: bytes) -> None:
        """Write bytes, whatever they are, to every logged-in session."""
        self._thread.call(self._server.send_raw, checked(data, bytes, "data"))

    def flood(
        self,
        event: str | bytes = "UserEvent",
        *,
        count: int,
        rate: float | None = None,
        privilege: str | None = None,
        timeout: float | None = 60.0,
        **headers: object,
    ) -> FloodReport:
        """Send ``count`` events as fast as each session's reader takes them, or ``rate`` a second.

        Wait until queued.

        By name: the event gets a ``Number`` header that counts from 0. Bytes are sent as they are,
        to all sessions of class ``call`` or of ``privilege``. ``sessions[n].events_sent`` says what
        was written when the report is here and the last of it has left.
        """
        return self.start_flood(
            event, count=count, rate=rate, privilege=privilege, **headers
        ).result(timeout)

    def start_flood(
        self,
        event: str | bytes = "UserEvent",
        *,
        count: int,
        rate: float | None = None,
        privilege: str | None = None,
        **headers: object,
    ) -> Future[FloodReport]:
        """Like ``flood``, without waiting; cancelling the future ends the flood."""
        if isinstance(event, bytes):
            made = Event("", [], privilege or "call")
            made.data = event
        else:
            made = numbered_event(self._server, event, flatten(headers), privilege)
        return self._thread.submit(flood(self._server, made, count, rate))

    def drop(self, *, reset: bool = False, timeout: float = 5.0) -> None:
        """Cut every link, after writing what was queued.

        ``reset``: at once, and the queue is lost.
        """
        self._thread.submit(self._server.drop(reset=reset)).result(timeout)

    def shutdown(
        self, restart: bool = False, *, cleanly: bool = True, timeout: float = 5.0
    ) -> None:
        """Stop as Asterisk does: the Shutdown event, then EOF, then nobody listens.

        :meth:`start` brings it back.
        """
        self._thread.submit(self._server.shutdown(restart, cleanly)).result(timeout)
        self.stop()

    def finish_booting(self) -> None:
        """Be fully booted now; see ``Faults.boot_delay``."""
        self._thread.call(self._server.finish_booting)

    def run_traffic(self, calls_per_second: float) -> None:
        """Make background calls until stop_traffic() or stop().

        A good part of them goes into the queues.
        """
        self._thread.call(
            self._server.pbx.traffic.start,
            checked(calls_per_second, (int, float), "calls_per_second"),
        )

    def stop_traffic(self) -> None:
        """Make no new background calls; those that run end by themselves."""
        self._thread.call(self._server.pbx.traffic.stop)

    # --- may be changed while it runs: the fields, not the objects ---

    @property
    def users(self) -> dict[str, User]:
        """The users; sessions that are logged in keep what they got."""
        return self._users

    @property
    def faults(self) -> Faults:
        """How the server misbehaves."""
        return self._server.faults

    @property
    def limits(self) -> Limits:
        """The limits of manager.conf; ``writetimeout`` holds for connections made from now on."""
        return self._server.limits

    @property
    def times(self) -> CallTimes:
        """How long the phases of a scripted call take."""
        return self._server.pbx.times

    # --- questions of tests ---

    def on(self, action: str) -> Rule:
        """Script the answers to an action (``*``: to every action).

        The newest rule that holds answers.
        """
        return self._server.script.on(action)

    def clear_script(self) -> None:
        """Forget all scripted answers."""
        self._server.script.clear()

    @property
    def pbx(self) -> Pbx:
        """The simulated world; to be changed before start() only."""
        return self._server.pbx

    @property
    def sessions(self) -> tuple[SessionInfo, ...]:
        """The connections as they are now."""
        return self._server.snapshot()

    @property
    def received(self) -> tuple[ReceivedAction, ...]:
        """Every action received so far, in the order of arrival.

        Only the newest ``keep_received`` of them are kept.
        """
        return self._server.ledger.received

    def clear_received(self) -> None:
        """Forget the received actions."""
        self._server.ledger.clear()

    @property
    def actions_received(self) -> int:
        """How many actions came in, however many are kept."""
        return self._server.ledger.actions_received

    @property
    def connections(self) -> int:
        """Accepted TCP connections so far."""
        return self._server.ledger.connections

    @property
    def login_attempts(self) -> int:
        """Login actions on connections that were not logged in."""
        return self._server.ledger.login_attempts

    @property
    def logins(self) -> int:
        """Accepted logins."""
        return self._server.ledger.logins

    @property
    def logoffs(self) -> int:
        """Logoff actions."""
        return self._server.ledger.logoffs

    @property
    def events_sent(self) -> int:
        """Broadcast event frames that were written, summed over all sessions there ever were."""
        return self._server.ledger.events_sent

    def wait_for(
        self, predicate: Callable[[], object], timeout: float = 5.0, what: str = ""
    ) -> None:
        """Wait until ``predicate()`` is true.

        TimeoutError that names ``what`` after ``timeout`` seconds.
        """
        if not callable(predicate):
            raise TypeError(
                f"wait_for wants a function, not one of the type {type(predicate).__name__}."
            )
        self._server.ledger.wait_for(predicate, seconds(timeout, "timeout"), what)
