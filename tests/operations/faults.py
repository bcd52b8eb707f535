"""The faults that a pair of listeners is put through: each is a function of its scene."""

from __future__ import annotations

import signal
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.operations import network
from tests.operations.databases import Server
from tests.operations.scene import Clock, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.operations.scene import Outcome

__all__ = ["FAULTS", "Fault", "outcome_of"]

_HOUR_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: ``play`` makes it, and comes back when another one delivers, or it is over."""

    name: str
    play: Callable[[Scene], None]
    #: After how many leases another process delivers; None if it may be the same one.
    within: float | None = 1.0
    #: Whose clock is set: "holder" or "standby".
    clock: str = ""
    networked: bool = False
    #: Events per second, and how long a receiver takes for one, in seconds.
    rate: int = 200
    seconds: float = 0.0

    def missing(self, database: str) -> str:
        """Why it cannot be made here, on this kind of database; empty if it can."""
        if database != "postgresql" and self.networked:
            return "it is made on PostgreSQL alone"
        if self.clock and (why := Clock.missing()):
            return why
        return network.missing() if self.networked else ""


def outcome_of(
    fault: Fault, database: str, folder: Path, lease: float, *, probed: bool = False
) -> Outcome:
    """Make the fault. Raises AssertionError and TimeoutError if something else happens."""
    with _staged(fault, database, folder, lease, probed=probed) as scene:
        fault.play(scene)
        return scene.end()


@contextmanager
def _staged(
    fault: Fault, database: str, folder: Path, lease: float, *, probed: bool
) -> Iterator[Scene]:
    """All that a fault needs, on a database server of its own."""
    with ExitStack() as stack:
        host = clock = None
        of_server: dict[str, Any] = {}
        if fault.networked:
            host = stack.enter_context(network.Namespace("database", "asterisk"))
            of_server["address"] = host.address("database")
        if fault.clock:
            clock = Clock(folder / "clock")
        server = stack.enter_context(Server(database, **of_server))
        scene = Scene(
            folder,
            server,
            lease=lease,
            rate=fault.rate,
            seconds=fault.seconds,
            host=host,
            clock=clock,
            whose=fault.clock,
            probed=probed,
        )
        yield stack.enter_context(scene)


# --- of the process ---


def _ended(scene: Scene) -> None:
    scene.mark()
    scene.first.signal(signal.SIGTERM)
    scene.wait_for_other()


def _killed(scene: Scene) -> None:
    scene.mark()
    scene.first.process.kill()
    scene.wait_for_other()


def _suspended(scene: Scene) -> None:
    scene.mark()
    scene.first.signal(signal.SIGSTOP)
    scene.pause(3)
    scene.wait_for_other()
    scene.first.signal(signal.SIGCONT)
    scene.site.wait_for("lease_lost", pid=scene.first.process.pid)


def _rolling(scene: Scene) -> None:
    for _ in range(2):
        scene.site.standby()
        scene.mark()
        old = scene.active
        old.signal(signal.SIGTERM)
        assert old.wait() == 0, str(old)
        scene.wait_for_other()


# --- of the database ---


def _database_stopped(scene: Scene) -> None:
    scene.mark()
    scene.server.stop()
    try:
        scene.pause(3)
    finally:
        scene.server.start()


def _database_frozen(scene: Scene) -> None:
    scene.mark()
    scene.server.freeze()
    try:
        scene.pause(3)
    finally:
        scene.server.thaw()


def _ended_while_frozen(scene: Scene) -> None:
    """Its last renewal is begun behind its end."""
    scene.mark()
    scene.server.freeze()
    try:
        scene.pause(0.4)
        scene.first.signal(signal.SIGTERM)
        scene.first.wait()
        scene.pause(1)
    finally:
        scene.server.thaw()
    scene.wait_for_other()


def _lease_gone(scene: Scene) -> None:
    scene.mark()
    scene.server.execute("DELETE FROM ami_operations_lease")
    scene.site.wait_for("lease_lost")


def _lease_older(scene: Scene) -> None:
    scene.mark()
    scene.server.execute(
        "UPDATE ami_operations_lease SET token = token - 1, holder = 'another',"
        " expires_at = expires_at - interval '1' hour, heard_until = heard_until - interval '1'"
        " minute"
    )
    scene.site.wait_for("lease_lost")


def _table_gone(scene: Scene) -> None:
    scene.mark()
    scene.server.execute("ALTER TABLE ami_operations_lease RENAME TO ami_operations_away")
    scene.pause(1.5)
    scene.server.execute("DELETE FROM ami_operations_away")
    scene.server.execute("ALTER TABLE ami_operations_away RENAME TO ami_operations_lease")
    scene.site.wait_for("lease_lost")


# --- of clocks ---


def _clock_set(hours: int) -> Callable[[Scene], None]:
    """A clock is set, and nobody takes over. Then the holder is killed."""

    def play(scene: Scene) -> None:
        assert scene.clock is not None
        before = scene.active
        scene.clock.set(hours * _HOUR_SECONDS)
        scene.pause(1.5)
        assert scene.active is before, str(scene.site)
        _killed(scene)

    return play


# --- of the network ---


def _cut(line: str) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        assert scene.host is not None
        scene.mark()
        scene.host.cut(line)
        try:
            scene.wait_for_other()
            scene.pause(0.5)
        finally:
            scene.host.mend(line)
        scene.site.wait_for("lease_lost", pid=scene.first.process.pid)

    return play


FAULTS: Final = (
    Fault("the holder ends (SIGTERM)", _ended, within=0.5),
    Fault("the holder is killed (kill -9)", _killed),
    Fault(
        "the holder is stopped for three leases, in a batch (SIGSTOP)", _suspended, seconds=0.004
    ),
    Fault(
        "both are restarted, one after the other, at 2,000 events/s",
        _rolling,
        rate=2000,
        within=1.5,
    ),
    Fault("the database is down for three leases", _database_stopped, within=None),
    Fault("the database hangs for three leases", _database_frozen, within=None),
    Fault("the holder ends (SIGTERM) while the database hangs", _ended_while_frozen, within=6),
    Fault("the database comes back without the lease", _lease_gone, within=None),
    Fault("the database comes back with an older lease", _lease_older, within=None),
    Fault(
        "the database comes back without the table, which is made anew", _table_gone, within=None
    ),
    *(
        Fault(f"the clock of the {who} goes 1 h {way}, then kill -9", _clock_set(hours), clock=who)
        for who in ("holder", "standby")
        for way, hours in (("forward", 1), ("back", -1))
    ),
    Fault("the holder does not reach the database", _cut("database"), networked=True),
    Fault("the holder does not reach Asterisk", _cut("asterisk"), networked=True, within=7),
)
