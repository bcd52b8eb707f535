"""The tools of the command line under test.

In this process with ``run``, as real processes with ``start``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError, call_command
from django.test import override_settings

from django_ami.testing import Simulator
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "amp111"

Where = Simulator | str


@dataclass(frozen=True)
class Done:
    """The output of a tool, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        (line,) = self.lines
        return json.loads(line)


def _url(server: Where) -> str:
    return server if isinstance(server, str) else server.url


def run(
    tool: str,
    *arguments: str,
    servers: tuple[Where, ...],
    settings: Mapping[str, Any] | None = None,
) -> Done:
    """Run it here, on servers node_1, node_2, … Its secret must be nowhere in what it says."""
    out, err = StringIO(), StringIO()
    entries = {f"node_{number}": {"URL": _url(server)} for number, server in enumerate(servers, 1)}
    code = 0
    with override_settings(
        **{"AMI_SERVERS": entries, "AMI_OPTIONS": {"reconnect_initial": 0.05}, **(settings or {})}
    ):
        try:
            call_command(tool, *arguments, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            print(error, file=err)
        except SystemExit as error:
            code = int(error.code or 0)
    done = Done(code, out.getvalue(), err.getvalue())
    assert SECRET not in done.out + done.err
    return done


def start(tool: str, *arguments: str, servers: tuple[Where, ...], **env: object) -> Program:
    """Run it in a process of its own; use it as a context manager."""
    for number, server in enumerate(servers, 1):
        env[f"AMI_NODE{number}_URL"] = _url(server)
    command = (*PYTHON, "-m", "django", tool, "--settings=tests.management.listening.settings")
    return Program([*command, *arguments], **env)
