"""The machine, the interpreter, and their use by this process."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cpu_seconds() -> float:
    """The CPU time of this process, user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_bytes() -> int:
    """The memory of this process that is there at the moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    """The most memory that this process has had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def wakeups() -> int:
    """How often this process went to sleep, and so was woken."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def raise_file_limit() -> None:
    """As many open files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def is_optimised() -> bool:
    """Whether the interpreter was built with profile-guided optimisation, as far as it can be told.

    A distribution optimises without the flag, too: Debian builds the target ``profile-opt`` by
    itself.
    """
    return (
        "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
        or sys.base_prefix == "/usr"
    )


def interpreter() -> str:
    """Which Python this is, and how it was built.

    One that is not optimised is up to twice as slow, for everybody.
    """
    built = "the distribution's, " if sys.base_prefix == "/usr" else ""
    built += (
        "an optimised build"
        if is_optimised()
        else "NOT an optimised build (no --enable-optimizations)"
    )
    return f"{platform.python_implementation()} {platform.python_version()}, {built}"


def describe() -> dict[str, object]:
    """The facts that belong beside every figure."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "interpreter": interpreter(),
        "executable": os.path.realpath(sys.executable),
        "django_ami": _version_here(),
        "django": metadata.version("django"),
        "machine": f"{_cpu_model()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
    }


def _version_here() -> str:
    from django_ami import __version__

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{__version__} ({commit.stdout.strip() or 'no repository'})"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
