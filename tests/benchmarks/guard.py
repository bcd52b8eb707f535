"""The guard against getting slower: ``python -m tests.benchmarks.guard``.

It compares ratios and counts, never seconds.

Each path of ours is run beside a bare loop that does the like with the same bytes, in the same
process. The two have about the same share of interpreter and of C, so their ratio hardly depends on
the machine or on how Python was built. Where valgrind is here, instructions are counted, which no
other process disturbs; else CPU is measured, of many short runs of both in turn, the fastest of
each.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_ami.core import Action, Client, Options, ServerConfig
from django_ami.core.protocol import Parser
from tests.benchmarks import machine
from tests.benchmarks.clients.bare import take_all, take_names, take_three
from tests.benchmarks.server import SECRET, USER, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core import Event

#: Events, and actions, of one run.
EVENTS: Final = 2_000
ACTIONS: Final = 200
_CHUNK: Final = 2**16
_DEADLINE_SECONDS: Final = 60.0


#: Each path, and the bare loop that it is compared with.
PATHS: Final = {
    "parser: one kind wanted": "names",
    "parser: nothing read": "names",
    "parser: three headers read": "three headers",
    "parser: all headers read": "all headers",
    "client: three headers read": "three headers",
    "client: actions answered": "all headers",
}
#: The ratios of the paths, in the order of PATHS, by way of measurement and by Python. A change
#: that makes a path faster or, with a reason, slower, writes down the output of ``--measure``.
MEASURED: Final = {
    "instructions": {
        "3.11": (1.80, 2.06, 1.37, 0.84, 1.61, 0.20),
        "3.11 optimised": (1.84, 2.06, 1.47, 0.95, 1.73, 0.22),
        "3.12": (1.80, 2.11, 1.38, 0.83, 1.63, 0.19),
        "3.13": (2.03, 2.36, 1.80, 0.80, 2.13, 0.18),
    },
    "CPU": {
        "3.11": (2.35, 2.18, 1.65, 1.00, 2.39, 0.27),
        "3.11 optimised": (2.77, 2.29, 1.75, 1.25, 3.02, 0.36),
        "3.12": (2.43, 2.28, 1.60, 0.95, 2.35, 0.25),
        "3.13": (2.56, 2.37, 2.00, 0.95, 2.94, 0.25),
    },
}
#: How much more it may be. A path that takes 30 % more passes in neither way.
MARGINS: Final = {"instructions": 1.1, "CPU": 1.2}
#: How often it is tried: others on the machine may disturb CPU, but a slower path is slower each
#: time.
_TRIES: Final = 3


# --- the loops ---


def _framed(consume: Callable[[list[bytes]], object]) -> Callable[[bytes], None]:
    def loop(data: bytes) -> None:
        rest = b""
        for start in range(0, len(data), _CHUNK):
            frames = (rest + data[start : start + _CHUNK]).split(b"\r\n\r\n")
            rest = frames.pop()
            consume(frames)

    return loop


# --- the paths ---


def _parsed(
    consume: Callable[[Event], object], interest: frozenset[str] | None = None
) -> Callable[[bytes], None]:
    def path(data: bytes) -> None:
        parser = Parser(server="pbx", banner=False)
        parser.kinds.interest = interest
        found = 0
        for start in range(0, len(data), _CHUNK):
            messages = parser.feed(data[start : start + _CHUNK])
            for message in messages:
                consume(message)  # type: ignore[arg-type]
            found += len(messages)
        assert found == (EVENTS if interest is None else data.count(b"Event: Hangup\r\n")), found

    return path


def _read_three(event: Event) -> None:
    _ = event.name, event["Uniqueid"], event["Channel"]


def _read_all(event: Event) -> None:
    _ = event.headers


class _Ticked:
    """A client whose loop is run by hand, and the server's side of its connection in the same
    thread.
    """

    def __init__(self) -> None:
        self.seen = 0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            # Counting takes long, and a heartbeat that falls due meanwhile waits for an answer: a
            # client that waits for one looks at each message.
            options = Options(
                event_queue_capacity=EVENTS * 10, heartbeat_interval=3600, read_timeout=7200
            )
            config = ServerConfig(
                name="pbx",
                host="127.0.0.1",
                port=port,
                username=USER,
                secret=SECRET,
                options=options,
            )
            self.client = Client([config])
            listener.setblocking(False)
            self.client.connect()
            self.socket = self._accept(listener)
        self.socket.settimeout(_DEADLINE_SECONDS)
        self.answers = Connection(self.socket, None)
        self.rest = b""
        self.socket.sendall(b"Asterisk Call Manager/11.0.0\r\n")
        for _ in ("Challenge", "Login", "CoreSettings"):
            self._answer_when_asked()
        while not self.client.server("pbx").ready:
            self.client.tick(_DEADLINE_SECONDS)
        self.client.subscribe(None, self._on_event)

    def _accept(self, listener: socket.socket) -> socket.socket:
        while True:
            self.client.tick()
            with contextlib.suppress(BlockingIOError):
                return listener.accept()[0]

    def close(self) -> None:
        self.socket.close()
        self.client.close()

    def _on_event(self, event: Event) -> None:
        _read_three(event)
        self.seen += 1

    def _answer(self) -> int:
        """Wait for actions, and answer them; says how many there were."""
        *actions, self.rest = (self.rest + self.socket.recv(_CHUNK)).split(b"\r\n\r\n")
        self.socket.sendall(b"".join(map(self.answers.answer, actions)))
        return len(actions)

    def _answer_when_asked(self) -> None:
        while not select.select([self.socket], [], [], 0)[0]:
            self.client.tick(_DEADLINE_SECONDS)
        self._answer()

    # A loop that polls for an answer would count its polls, too: so both wait for it.

    def events(self, data: bytes) -> None:
        """The events of the data arrive, and are delivered."""
        expected = self.seen + EVENTS
        left = memoryview(data)
        while self.seen < expected:
            if left:
                left = left[self.socket.send(left[:_CHUNK]) :]
            self.client.tick(_DEADLINE_SECONDS)

    def actions(self, _: bytes) -> None:
        """Actions are sent, and answered."""
        pending = [
            self.client.send(Action("Getvar", Variable=f"V{number}")) for number in range(ACTIONS)
        ]
        self.client.tick()
        answered = 0
        while answered < ACTIONS:
            answered += self._answer()
        while not pending[-1].done():
            self.client.tick(_DEADLINE_SECONDS)
        for number, one in enumerate(pending):
            assert one.result()["Variable"] == f"V{number}"


@contextlib.contextmanager
def _works() -> Iterator[dict[str, Callable[[bytes], None]]]:
    ticked = _Ticked()
    yield {
        "names": _framed(take_names),
        "three headers": _framed(take_three),
        "all headers": _framed(take_all),
        "parser: one kind wanted": _parsed(_read_three, frozenset({"hangup"})),
        "parser: nothing read": _parsed(lambda _: None),
        "parser: three headers read": _parsed(_read_three),
        "parser: all headers read": _parsed(_read_all),
        "client: three headers read": ticked.events,
        "client: actions answered": ticked.actions,
    }
    ticked.close()


# --- measuring ---


def cpu_of(data: bytes, rounds: int) -> dict[str, float]:
    """CPU seconds of each, the least of many rounds in which one comes after the other."""
    with _works() as works:
        least = dict.fromkeys(works, float("inf"))
        for _ in range(rounds):
            for name, work in works.items():
                begun = time.process_time()
                work(data)
                least[name] = min(least[name], time.process_time() - begun)
        return least


def instructions_of(data: bytes, valgrind: str) -> dict[str, float]:
    """Instructions of each.

    Callgrind writes down what was counted whenever the process asks for its parent.

    Raises CalledProcessError if valgrind cannot run this interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "events")
        file.write_bytes(data)
        counter = [
            valgrind,
            "--tool=callgrind",
            "--dump-before=getppid",
            f"--callgrind-out-file={folder}/count",
        ]
        subprocess.run(
            [*counter, sys.executable, "-m", "tests.benchmarks.guard", "--counted", str(file)],
            cwd=machine.ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            check=True,
            capture_output=True,
            text=True,
        )
        # One is written before each work, and one after it.
        return {
            name: _total(Path(f"{folder}/count.{2 * place}"))
            for place, name in enumerate(_NAMES, 1)
        }


def _total(file: Path) -> float:
    for line in file.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return float(line.split()[1])
    raise ValueError(f"{file} has no sum")


_NAMES: Final = (*dict.fromkeys(PATHS.values()), *PATHS)


def _be_counted(data: bytes) -> None:
    with _works() as works:
        for name in _NAMES:
            works[name](data)  # make now all that is made on first use
            # Else it is a matter of luck whether a path pays for a collection of all that is there
            gc.collect()
            os.getppid()
            works[name](data)
            os.getppid()


def _kind() -> str:
    """The Python that runs this: its version, and how it was built."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{version} optimised" if machine.is_optimised() else version


def _known(by: str) -> tuple[float, ...]:
    """The ratios of this Python; for an unknown one, the highest of all."""
    known = MEASURED[by]
    return known.get(_kind()) or tuple(map(max, zip(*known.values(), strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.guard", description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="measure CPU, even if valgrind is here")
    parser.add_argument("--rounds", type=int, default=40, help="of CPU; default: %(default)s")
    parser.add_argument(
        "--measure", action="store_true", help="print a line for MEASURED, and judge nothing"
    )
    parser.add_argument("--counted", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.counted:
        _be_counted(Path(options.counted).read_bytes())
        return 0
    from tests.benchmarks.events import block

    data = block().take(EVENTS)
    for _ in range(1 if options.measure else _TRIES):
        by, took = _measure(data, None if options.cpu else shutil.which("valgrind"), options.rounds)
        ratios = {path: took[path] / took[loop] for path, loop in PATHS.items()}
        if options.measure:
            print(
                f'"{_kind()}": ({", ".join(f"{ratio:.2f}" for ratio in ratios.values())}),  # {by}'
            )
            return 0
        slower = judge(ratios, by)
        if by == "instructions" or not slower:
            break
    return slower


def _measure(data: bytes, valgrind: str | None, rounds: int) -> tuple[str, dict[str, float]]:
    if valgrind is not None:
        try:
            return "instructions", instructions_of(data, valgrind)
        except subprocess.CalledProcessError as error:
            print(
                f"!!! valgrind failed, so CPU is measured instead: {error.stderr.strip()[-500:]}",
                file=sys.stderr,
            )
    return "CPU", cpu_of(data, rounds)


def judge(ratios: dict[str, float], by: str) -> int:
    """Say of each path how it is; gives how many are too slow."""
    print(f"by {by}, {machine.interpreter()}")
    slower = 0
    for (path, ratio), known in zip(ratios.items(), _known(by), strict=True):
        most = known * MARGINS[by]
        verdict = "good"
        if ratio > most:
            slower += 1
            verdict = "SLOWER"
        elif ratio < known / MARGINS[by]:
            verdict = f"faster than the {known:.2f} of MEASURED: write it down"
        print(f"{path:<28} {ratio:6.2f} x {PATHS[path]:<14} at most {most:5.2f}  {verdict}")
    return slower


if __name__ == "__main__":
    sys.exit(min(main(), 1))
