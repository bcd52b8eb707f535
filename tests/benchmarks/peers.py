"""The other clients, each in an environment of its own that is made when it is first wanted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.machine import ROOT

#: Where the environments are kept: beside the code, ignored by git.
CACHE: Final = ROOT / ".benchmarks"


@dataclass(frozen=True)
class Peer:
    """A library, the version that is measured, and the program in ``clients`` that uses it."""

    name: str
    version: str
    client: str
    #: Packages that its program needs besides.
    more: tuple[str, ...] = ()


PEERS: Final = (
    Peer("panoramisk", "1.4", "with_panoramisk"),
    Peer("asterisk-ami", "0.1.7", "with_asterisk_ami"),
    Peer("pyst2", "0.5.1", "with_pyst2"),
    Peer("cacofonisk", "0.7.10", "with_cacofonisk"),
    Peer("channels-redis", "4.3.0", "with_channels", ("channels==4.3.2", "uvicorn==0.54.0")),
)


def python_of(peer: Peer, cache: Path) -> str | None:
    """An interpreter of the kind that runs this, with the library.

    None, and a line that says why, if that fails.
    """
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    kind = f"{sys.implementation.cache_tag}-{'-'.join(base.parts[1:-1])}"
    home = cache / f"{peer.name}-{peer.version}-{kind}"
    python, made = home / "bin" / "python", home / "complete"
    if not made.exists():
        try:
            subprocess.run(
                [base, "-m", "venv", "--clear", home], check=True, capture_output=True, text=True
            )
            install = [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--retries",
                "1",
                f"{peer.name}=={peer.version}",
                *peer.more,
            ]
            subprocess.run(install, check=True, capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            told = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            print(
                f"!!! {peer.name} {peer.version} is not measured: it cannot be installed ({told})",
                file=sys.stderr,
            )
            return None
        made.touch()
    return str(python)
