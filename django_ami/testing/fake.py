"""``FakeAsterisk``: the simulated Asterisk as a test wants it.

It is quick, the same in every run, and easy to look into. It is the
:class:`~django_ami.simulator.Simulator` and adds nothing to what goes over the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.simulator import CallTimes, Faults, ServerTLS, Simulator
from django_ami.simulator.arguments import checked
from django_ami.simulator.arguments import seconds as in_seconds
from django_ami.testing.assertions import Expectation, Expected, Sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.simulator import CallCentre, Limits, ReceivedAction, User
    from django_ami.testing.recording import Recording

__all__ = ["FakeAsterisk"]

get_logger("django_ami.testing")  # the simulator's own, made safe: it may quote text of clients

#: A certificate for localhost and 127.0.0.1 with its key, which is its own authority, too.
_CERTIFICATE: Final = Path(__file__).with_name("certificate.pem")


class _Options(TypedDict, total=False):
    users: Mapping[str, User] | None
    host: str
    port: int
    profile: str
    limits: Limits | None
    call_duration: float | None
    timestampevents: bool
    systemname: str
    channelvars: tuple[str, ...]
    keep_received: int
    call_centre: CallCentre | None


class FakeAsterisk(Simulator, Sent):
    """A simulated Asterisk on a free port of this machine, over real TCP or TLS.

    ::

        with FakeAsterisk() as server:
            ...  # AMI_SERVERS = {"node_1": {"URL": server.url}}
            server.on("Originate").fail("Permission denied")
            server.emit("Hangup", Channel="PJSIP/101-00000001")
            server.play(scenarios.answered_call())
            server.assert_action_sent("Originate", Channel="PJSIP/101")

    ``tls``: True for a certificate of its own, which ``url`` names by its fingerprint; or a
    certificate of yours. Everything else as in :class:`~django_ami.simulator.Simulator`, but
    nothing sleeps where Asterisk does, the phases of a call take hundredths of a second
    (``times``), and chance is the same in every run (``seed``).
    """

    where = "received"

    def __init__(
        self,
        *,
        tls: bool | ServerTLS | ssl.SSLContext | None = None,
        faults: Faults | None = None,
        times: CallTimes | None = None,
        seed: int | None = 7,
        **options: Unpack[_Options],
    ) -> None:
        self._own_certificate = tls is True
        super().__init__(
            tls=ServerTLS(str(_CERTIFICATE)) if tls is True else tls or None,
            faults=faults or Faults(login_delay=0.0),
            times=times or CallTimes(ring=0.01, duration=0.05, queue_patience=0.2),
            seed=seed,
            **options,
        )
        self._healthy = {field.name: getattr(self.faults, field.name) for field in fields(Faults)}

    @property
    def url(self) -> str:
        """``ami://user:secret@host:port`` of the first user.

        ``amis://…?fingerprint=…`` with TLS of its own.
        """
        return (
            f"{super().url}?fingerprint={self.fingerprint}"
            if self._own_certificate
            else super().url
        )

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate of ``tls=True``: the TLS key ``FINGERPRINT``."""
        _, begin, rest = _CERTIFICATE.read_text().partition("-----BEGIN CERTIFICATE-----")
        body, end, _ = rest.partition("-----END CERTIFICATE-----")
        return sha256(ssl.PEM_cert_to_DER_cert(begin + body + end)).hexdigest()

    # --- its events ---

    def emit(
        self,
        event: str | Event,
        headers: Iterable[tuple[str, object]] = (),
        /,
        privilege: str | None = None,
        **more: object,
    ) -> None:
        """Send an event to the sessions whose mask and filters let it.

        Either an event of :mod:`django_ami.testing.events`, which is complete; or a name with just
        these headers, as keywords or, where a name is none in Python (``Cause-txt``), as pairs.
        """
        if isinstance(event, Event):
            self.emit_bytes(event.name, event.raw + b"\r\n\r\n", _classes(event))
        else:
            super().emit(event, headers, privilege, **more)

    def play(
        self, recording: Recording, *, speed: float = math.inf, timeout: float | None = 60.0
    ) -> None:
        """Send the events of a scenario or a recording, in order.

        Returns when the last one is on its way.

        ``speed`` 1 is in the time that they took, 10 is ten times as fast; by default there are no
        pauses. TimeoutError if it takes more than ``timeout`` seconds.
        """
        from django_ami.testing.recording import playable

        patience = None if timeout is None else in_seconds(timeout, "timeout")
        playing = self._thread.submit(self._play(*playable(recording, speed)))
        try:
            playing.result(patience)
        except BaseException:
            playing.cancel()
            raise

    async def aplay(self, recording: Recording, *, speed: float = math.inf) -> None:
        """``play`` for asynchronous tests: the running event loop goes on meanwhile."""
        from django_ami.testing.recording import playable

        await asyncio.wrap_future(self._thread.submit(self._play(*playable(recording, speed))))

    async def _play(self, recording: Recording, speed: float) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for moment in recording:
            await asyncio.sleep(max(0.0, begun + moment.at / speed - loop.time()))
            self.emit(moment.event)

    # --- how it misbehaves ---

    def silence(self) -> None:
        """Say nothing more, while the connections stay up."""
        self.faults.silent = True

    def slow(self, seconds: float = 0.05, size: int = 16) -> None:
        """Write in pieces of ``size`` bytes, with a pause of so many seconds behind each."""
        pieces, pause = checked(size, int, "size"), in_seconds(seconds, "a pause")
        self.faults.split_writes, self.faults.write_pause = max(1, pieces), pause

    def garbage(self, data: bytes = b"\x00\xff\xfe no AMI at all \r\n") -> None:
        """Write what is no AMI to all who are logged in."""
        self.send_raw(data)

    def heal(self) -> None:
        """Behave again, and answer as ever.

        No faults are left but those it was made with, and no scripted answers.
        """
        for name, value in self._healthy.items():
            setattr(self.faults, name, value)
        self.clear_script()

    # --- the actions that it received ---

    def _actions(self) -> Iterable[ReceivedAction]:
        return self.received

    def wait_for_action(
        self,
        action: str,
        headers: Mapping[str, Expected] | None = None,
        /,
        *,
        timeout: float = 5.0,
        **more: Expected,
    ) -> ReceivedAction:
        """Wait until an action of this name with these headers has arrived, and give it.

        Raises AssertionError after ``timeout`` seconds, which shows what arrived instead.
        """
        expectation = Expectation(action, {**(headers or {}), **more})
        with contextlib.suppress(TimeoutError):  # the assertion tells what is missing
            self.wait_for(lambda: any(expectation.fits(one) for one in self.received), timeout)
        return self.assert_action_sent(action, {**(headers or {}), **more})


def _classes(event: Event) -> str | None:
    """The classes of an event that has come off the wire once; None if it does not say."""
    names = [name for name in event.get("Privilege", "").split(",") if name and name != "all"]
    return ",".join(names) or None
