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
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_ami.core.protocol import Parser
from tests.benchmarks import machine
from tests.benchmarks.clients.bare import take_all, take_names, take_three
from tests.benchmarks.ticked import CHUNK_BYTES, EVENTS, Ticked, read_three

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core import Event


#: Each path, and the bare loop that it is compared with.
PATHS: Final = {
    "parser: one kind wanted": "names",
    "parser: nothing read": "names",
    "parser: three headers read": "three headers",
    "parser: all headers read": "all headers",
    "client: three headers read": "three headers",
    "client: actions answered": "all headers",
    "client: coroutines answered": "all headers",
}
#: The ratios of the paths, in the order of PATHS, by way of measurement and by Python. A change
#: that makes a path faster or, with a reason, slower, writes down the output of ``--measure``.
MEASURED: Final = {
    "instructions": {
        "3.11": (1.80, 2.06, 1.37, 0.84, 1.61, 0.20, 0.34),
        "3.11 optimised": (1.84, 2.06, 1.47, 0.95, 1.73, 0.22, 0.38),
        "3.12": (1.80, 2.11, 1.38, 0.83, 1.63, 0.19, 0.31),
        "3.13": (2.03, 2.36, 1.80, 0.80, 2.13, 0.18, 0.29),
    },
    "CPU": {
        "3.11": (2.35, 2.18, 1.65, 1.00, 2.39, 0.27, 0.51),
        "3.11 optimised": (2.77, 2.29, 1.75, 1.25, 3.02, 0.36, 0.70),
        "3.12": (2.43, 2.28, 1.60, 0.95, 2.35, 0.25, 0.45),
        "3.13": (2.56, 2.37, 2.00, 0.95, 2.94, 0.25, 0.48),
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
        for start in range(0, len(data), CHUNK_BYTES):
            frames = (rest + data[start : start + CHUNK_BYTES]).split(b"\r\n\r\n")
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
        for start in range(0, len(data), CHUNK_BYTES):
            messages = parser.feed(data[start : start + CHUNK_BYTES])
            for message in messages:
                consume(message)  # type: ignore[arg-type]
            found += len(messages)
        assert found == (EVENTS if interest is None else data.count(b"Event: Hangup\r\n")), found

    return path


def _read_all(event: Event) -> None:
    _ = event.headers


@contextlib.contextmanager
def _works() -> Iterator[dict[str, Callable[[bytes], None]]]:
    ticked = Ticked()
    yield {
        "names": _framed(take_names),
        "three headers": _framed(take_three),
        "all headers": _framed(take_all),
        "parser: one kind wanted": _parsed(read_three, frozenset({"hangup"})),
        "parser: nothing read": _parsed(lambda _: None),
        "parser: three headers read": _parsed(read_three),
        "parser: all headers read": _parsed(_read_all),
        "client: three headers read": ticked.events,
        "client: actions answered": ticked.actions,
        "client: coroutines answered": ticked.coroutines,
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
