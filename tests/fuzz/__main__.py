"""A coverage-guided fuzzer: ``python -m tests.fuzz --seconds 30 [--target NAME]``.

Needs the extra ``fuzz``.

It begins with the recordings, ends after that many seconds per target, and says how many executions
there were. An input that breaks an invariant is written to a file whose name is printed; ``--replay
FILE --target …`` runs that one input again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("parser", "session", "arguments", "surroundings")
DICTIONARY = (
    "Event: ", "Response: ", "Success", "Error", "Follows", "Goodbye", "ActionID: @",
    "EventList: start", "EventList: Complete", "Privilege: call,all", "Output: ", "Message: ",
    "--END COMMAND--\\x0d\\x0a", "\\x0d\\x0a\\x0d\\x0a", "\\x0d\\x0a", "\\x0a",
    "\\x0d\\x0a\\x0aEvent: ", "OriginateResponse", "FullyBooted", "Authentication failed",
    "Challenge: 1", "Asterisk Call Manager/1",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--target", choices=NAMES, help="this one alone")
    parser.add_argument(
        "--findings", type=Path, default=Path(tempfile.gettempdir(), "django_ami-findings")
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="run one input, without atheris"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the fuzzer; 0 takes another one every time"
    )
    options = parser.parse_args()
    if options.replay:
        return replay(options.replay, options.target)
    if options.target:
        return fuzz(options.target, options.seconds, options.findings, options.seed)
    # libFuzzer ends the process, so each target has one of its own. As many run at a time as there
    # are cores; the output of each comes at its end.
    common = [
        "--seconds",
        str(options.seconds),
        "--findings",
        str(options.findings),
        "--seed",
        str(options.seed),
    ]
    command = [sys.executable, "-m", "tests.fuzz", *common, "--target"]

    def run(name: str) -> int:
        done = subprocess.run(
            [*command, name], stdout=PIPE, stderr=STDOUT, text=True, errors="replace", check=False
        )
        print(done.stdout, end="", flush=True)
        return abs(done.returncode)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(run, NAMES))


def replay(path: Path, target: str | None) -> int:
    from tests.fuzz.targets import TARGETS

    if target is None:
        target = path.name.partition("-")[0]
    TARGETS[target](path.read_bytes())
    print(f"{path.name}: nothing is wrong with {target}.")
    return 0


def fuzz(target: str, seconds: int, findings: Path, seed: int) -> int:
    import atheris

    # These modules are instrumented while they are loaded, so none may be loaded before.
    with atheris.instrument_imports(include=["django_ami.core"]):
        from tests.fuzz.targets import TARGETS, seeds
    run: Callable[[bytes], None] = TARGETS[target]
    findings.mkdir(parents=True, exist_ok=True)
    print(f"=== fuzzing the {target} for {seconds} s; what it finds goes to {findings}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for name, data in seeds(target).items():
            (corpus / name).write_bytes(data)
        words.write_text("".join(f'"{word}"\n' for word in DICTIONARY))
        arguments = [
            f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=2048", "-timeout=20",
            "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1", f"-dict={words}",
            f"-artifact_prefix={findings}/{target}-",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *arguments, str(corpus)], run)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
