"""Weeks, compressed.

Floods, actions and lost links again and again, and in the end nothing has grown or is missing.
"""

from __future__ import annotations

import json
import signal
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.looks import check_memory, check_what_is_held, show
from tests.chaos.support import LONG, ami_listen, settled
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from django_ami.testing import FloodReport, ReceivedAction, Simulator
    from tests.chaos.support import Listener

EVENTS, ACTIONS, ROUNDS = (10_000_000, 100_000, 2_000) if LONG else (200_000, 4_000, 60)
#: How often the process is looked at. In the first third of the time it warms up.
LOOKS = 100 if LONG else 30
#: For what takes a moment, of a machine that has other things to do.
PATIENCE_SECONDS = 4 * DEADLINE_SECONDS

#: Memory may grow by 2 %; in the short form by so many bytes, too. Python takes memory from the
#: system by the megabyte (an arena: ARENA_BITS in Objects/obmalloc.c), and the C library does in
#: steps of its own. A step up says no more than that just now a little more was needed at once than
#: ever before; a short warm-up has not seen it all.
STEPS_BYTES = 0 if LONG else 4 * 2**20

CAPACITY_EVENTS = 2_000
OPTIONS = {
    "event_queue_capacity": CAPACITY_EVENTS,
    # The orders for the worker must not be dropped.
    "important_events": ["Work", "Wait", "Settle", "Measure"],
    "reconnect_max": 0.2,
    "stable_after": 0,
}

#: Of each there are so many events a second. Nobody receives the last.
FLOODS = ("UserEvent", "QueueMemberStatus", "Newchannel")
RATE = 10_000
#: How many are written when the link is about to end: 100 KB, which the buffers of the system have
#: room for.
ON_THEIR_WAY = 200
HEADERS = {
    "Channel": "PJSIP/101-00000a1f",
    "ChannelState": 6,
    "ChannelStateDesc": "Up",
    "CallerIDNum": "0301234567",
    "CallerIDName": "Müller & Söhne",
    "ConnectedLineNum": 101,
    "ConnectedLineName": "<unknown>",
    "Language": "de",
    "AccountCode": "",
    "Context": "from-queue",
    "Exten": "s",
    "Priority": 12,
    "Uniqueid": "1718000000.2591",
    "Linkedid": "1718000000.2590",
    "Interface": "PJSIP/101",
}

#: The possible outcomes of each kind of action while the link is up.
ENDS = {
    "ping": {"ok"},
    "list": {"ok"},
    "call": {"ok"},
    "release": {"ok"},
    "held": {"ok"},
    "refused": {"ActionFailed"},
    "unanswered": {"ActionTimeout"},
    "late": {
        "ActionTimeout",
        "ok",
    },  # somebody else may have asked for the late answers before it was late
    "invalid": {"InvalidAction"},
}
LOST = {"ConnectionLost", "ConnectionFailed"}
ANSWERED = {"ok", "ActionFailed"}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from /proc"
)

#: A server that comes and goes has a line for each time.
EVERY_LINE = {
    "django_ami.tools.streams:FIRST_LINES": 100_000,
    "django_ami.core.cluster.announcements:FIRST_LINES": 100_000,
}


# --- the server ---


class Server:
    """The simulator, its answers, and how often it was sent each of the worker's actions."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.seen: Counter[int] = Counter()
        held: list[str] = []
        late: list[str] = []
        sim.on("Refused").fail("no")
        sim.on("Unanswered").hang()
        sim.on("Held").raw(partial(_hold_back, held))
        sim.on("LetGo").raw(partial(_answer_all, held))
        sim.on("Late").raw(partial(_hold_back, late))
        sim.on("Release").raw(partial(_answer_all, late))
        sim.on("*").when(self._note)

    def _note(self, action: ReceivedAction) -> bool:
        number = action.get("Number") or action.get("Variable").removeprefix("NUMBER=")
        if number:
            self.seen[int(number)] += 1
        return False  # it answers nothing

    def tell(self, name: str, number: int, **more: object) -> None:
        """An order to the worker."""
        self.sim.emit(name, privilege="call", Round=number, **more)

    def flood(self, number: int, some: int, rate: float | None = RATE) -> list[Future[FloodReport]]:
        """Begin to write so many events, which end with the link at the latest."""
        each = -(-some // len(FLOODS))
        return [
            self.sim.start_flood(
                name, count=each, rate=rate, privilege="call", Round=number, **HEADERS
            )
            for name in FLOODS
        ]

    @property
    def written(self) -> int:
        """All events that have been written.

        FullyBooted is one, but no broadcast, so it is counted by itself.
        """
        return self.sim.events_sent + self.sim.logins

    def start(self) -> bool:
        try:
            self.sim.start()
        except OSError:  # somebody's socket has the port for the moment
            return False
        return True


def _hold_back(answers: list[str], action: ReceivedAction) -> bytes:
    answers.append(_answer(action))
    return b""


def _answer_all(answers: list[str], action: ReceivedAction) -> bytes:
    given = "".join([*answers, _answer(action)])
    answers.clear()
    return given.encode()


def _answer(action: ReceivedAction) -> str:
    return f"Response: Success\r\nActionID: {action.action_id}\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with FakeAsterisk(keep_received=1000) as sim:
        yield Server(sim)


# --- the worker ---


class Soak:
    """The rounds.

    In each: a flood, actions, a lost link, actions until the next one; then all comes to rest.
    """

    def __init__(self, server: Server, worker: Listener) -> None:
        self.server = server
        self.worker = worker
        self.looks: list[dict[str, Any]] = []
        self._path = worker.file.with_suffix(".lines")
        self._read = 0
        self._received = self._written = 0

    def run(self) -> None:
        """All rounds.

        After each, the counts of the worker are compared with those of the server.
        """
        for number in range(ROUNDS):
            end = (self._fin, self._reset, self._restart)[number % 3]
            line = self._round(number, end, full=number % (ROUNDS // LOOKS) == 0)
            # With a reset goes what was on its way. Else it is all here; and always it is known
            # what became of it.
            self._account(line, exact=end != self._reset)
            assert (line["queued"], line["pending_actions"], line["unwritten_bytes"]) == (
                0,
                0,
                0,
            ), line
            if "rss" in line:
                self.looks.append(line)

    def account_at_the_end(self) -> None:
        settled(self.server.sim)
        self._account(self.worker.status["node_1"], exact=True)

    def _account(self, status: dict[str, Any], *, exact: bool) -> None:
        received, written = status["received"], self.server.written
        if exact:
            assert received - self._received == written - self._written, status
        assert (
            received
            == status["ignored"]
            + status["delivered"]
            + status["failed"]
            + status["dropped"]
            + status["queued"]
        ), status
        self._received, self._written = received, written

    def _round(self, number: int, end: Callable[[], None], *, full: bool) -> dict[str, Any]:
        server, sim, out = self.server, self.server.sim, self.worker.out
        written, seen, said = sim.events_sent, len(server.seen), len(out)
        overload = number % 6 == 0
        some = max(EVENTS // ROUNDS, 3 * CAPACITY_EVENTS * overload)
        if overload:
            server.tell("Wait", number, More=2 * CAPACITY_EVENTS)
        floods = server.flood(2 * number, some if end != self._reset else 10 * some)
        server.tell("Work", number, Count=ACTIONS // ROUNDS * 3 // 4)
        sim.wait_for(
            lambda: len(server.seen) > seen and sim.events_sent >= written + some, PATIENCE_SECONDS
        )
        if end != self._reset:
            for flood in floods:
                flood.result(PATIENCE_SECONDS)
            # An action of ours when the server closes turns its FIN into a reset.
            self._ask("Settle", number)
            # Bytes that are on their way then arrive. They are not more than the system takes at
            # once.
            for flood in server.flood(2 * number + 1, ON_THEIR_WAY, rate=None):
                flood.result(PATIENCE_SECONDS)
        end()
        wait_until(
            lambda: len(out) > said or self.worker.process.poll() is not None,
            PATIENCE_SECONDS,
            "ready again",
        )
        # A thread that got its job before a reset may have done it after that.
        self._ask("Settle", number)
        sim.wait_for(
            lambda: not sim.pbx.channels,
            PATIENCE_SECONDS,
            "the calls to end, of which there are events",
        )
        return self._ask("Measure", number, Full=full)

    def _fin(self) -> None:
        self.server.sim.drop(timeout=PATIENCE_SECONDS)

    def _reset(self) -> None:
        self.server.sim.drop(reset=True, timeout=PATIENCE_SECONDS)

    def _restart(self) -> None:
        said = len(self.worker.err)
        self.server.sim.shutdown(restart=True, timeout=PATIENCE_SECONDS)
        wait_until(
            lambda: any("not connected" in line for line in self.worker.err[said:]),
            PATIENCE_SECONDS,
        )
        wait_until(self.server.start)

    def _ask(self, name: str, number: int, **more: object) -> dict[str, Any]:
        """The line that the worker writes when it is told so."""
        self.server.tell(name, number, **more)
        text = b""

        def written() -> bool:
            nonlocal text
            with self._path.open("rb") as file:
                file.seek(self._read)
                text = file.readline()
            return text.endswith(b"\n") or self.worker.process.poll() is not None

        wait_until(written, PATIENCE_SECONDS, f"{name} of round {number}")
        assert text.endswith(b"\n"), str(self.worker)
        self._read += len(text)
        line: dict[str, Any] = json.loads(text)
        assert (line["what"], line["round"]) == (name, number)
        return line


# --- expectations ---


def check_actions(path: Path, seen: Counter[int]) -> None:
    """Every action has come to one end, the same for all who wait for it, and as the server knows
    it.
    """
    ends: defaultdict[int, list[list[str]]] = defaultdict(list)
    for row in path.read_text().splitlines():
        number, *end = row.split()
        ends[int(number)].append(end)
    assert len(ends) >= ACTIONS
    tally: Counter[tuple[str, str]] = Counter()
    for number, told in ends.items():
        kinds, hows, names, sents = (set(values) for values in zip(*told, strict=True))
        (kind,), (name,), (sent,) = kinds, names, sents
        assert len(hows) == len(told), told
        assert hows & {"told", "raised"}, told
        assert name in ENDS[kind] or (name in LOST and kind != "invalid"), told
        # Nothing is sent twice; an answered action was sent, and one that counts as not sent was
        # not.
        least, most = (name in ANSWERED, 1) if sent == "True" else (0, 0)
        assert least <= seen[number] <= most, (told, seen[number])
        tally[kind, name] += 1
    print(f"{len(ends)} actions: {dict(sorted(tally.items()))}")
    assert {kind for kind, name in tally if name in ENDS[kind]} >= set(ENDS) - {"held"}
    assert sum(many for (_, name), many in tally.items() if name in LOST) >= ROUNDS / 3


@pytest.mark.long
@pytest.mark.timeout(4 * 3600 if LONG else 600)
def test_weeks(server: Server) -> None:
    # A name, so that it is looked up for every attempt.
    url = server.sim.url.replace("127.0.0.1", "localhost")
    app, env = "tests.chaos.soak_worker.SoakConfig", {"SOAK_MEANWHILE": -(-ACTIONS // ROUNDS // 4)}
    with ami_listen(url, receivers={}, app=app, env=env, patches=EVERY_LINE, **OPTIONS) as worker:
        worker.wait_for_out("ready")
        soak = Soak(server, worker)
        soak.run()
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        soak.account_at_the_end()
        show(soak.looks)
        status = worker.status["node_1"]
        print({name: value for name, value in status.items() if isinstance(value, int)})
        assert server.sim.events_sent >= EVENTS
        assert status["reconnects"] == server.sim.logins - 1 == ROUNDS
        assert (
            min(status["delivered"], status["ignored"], status["dropped"], status["late_answers"])
            > 0
        )
        assert (
            status["unmatched_answers"],
            status["garbage_bytes"],
            status["suspect_messages"],
        ) == (0, 0, 0)
        assert soak.looks[-1]["disorder"] == 0
        assert not [line for line in worker.err if "A bug" in line]
        check_actions(worker.file, server.seen)
        check_what_is_held(soak.looks)
        check_memory(soak.looks, steps=STEPS_BYTES)
