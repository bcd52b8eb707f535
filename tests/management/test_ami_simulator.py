"""The command ``ami_simulator``, run as its users run it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from django.core.management import ManagementUtility

ROOT = Path(__file__).resolve().parents[2]
LISTENS = re.compile(r"Simulated Asterisk (\d+) listens on 127\.0\.0\.1:(\d+); connect to (\S+)\n")


def arguments(*options: str) -> list[str]:
    return [
        sys.executable,
        "-W",
        "error",
        "-m",
        "django",
        "ami_simulator",
        "--settings=tests.settings",
        *options,
    ]


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        arguments(*options),
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        with process:
            yield process
            process.wait(30)
    finally:
        process.kill()


def first_line(process: subprocess.Popen[str]) -> re.Match[str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = LISTENS.fullmatch(line)
    assert found, (line, process.stderr and process.poll() is not None and process.stderr.read())
    return found


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that ends with an error, in this process; its message."""

    def run(*options: str) -> str:
        with pytest.raises(SystemExit) as ended:
            ManagementUtility(["manage.py", "ami_simulator", *options]).execute()
        out, err = capsys.readouterr()
        assert (ended.value.code, out) == (2, "")
        return err.strip()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_runs_until_a_signal_and_says_what_happened(number: signal.Signals) -> None:
    with running("--port", "0", "--profile", "16", "--user", "me", "--secret", "hidden") as process:
        profile, port, url = first_line(process).groups()
        assert profile == "16"
        assert url == f"ami://me:***@127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as link:
            link.sendall(b"Action: Login\r\nUsername: me\r\nSecret: hidden\r\nEvents: off\r\n\r\n")
            data = b""
            while b"Authentication accepted\r\n\r\n" not in data:
                data += link.recv(4096)
            process.send_signal(number)
            while link.recv(4096):
                pass
        out, err = process.communicate(timeout=30)
    assert out == "Simulator stopped: 1 connections, 1 logins, 1 actions received, 0 events sent.\n"
    assert err == ""
    assert process.returncode == 0


@pytest.mark.slow
def test_runs_for_some_time_with_calls() -> None:
    with running(
        "--port", "0", "--calls-per-second", "50", "--call-duration", "0.1", "--run-for", "1"
    ) as process:
        _, port, url = first_line(process).groups()
        assert url == f"ami://admin:amp111@127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as link:
            link.sendall(b"Action: Login\r\nUsername: admin\r\nSecret: amp111\r\n\r\n")
            data = b""
            while piece := link.recv(65536):
                data += piece
        out, err = process.communicate(timeout=30)
    assert data.count(b"Event: Newchannel\r\n") > 10
    sent = re.search(r"(\d+) events sent\.\n", out)
    assert sent
    assert int(sent[1]) > 10
    assert (err, process.returncode) == ("", 0)


@pytest.mark.slow
def test_a_call_centre_has_agents_and_callers() -> None:
    centre = ("--call-centre", "--agents=3", "--calls-per-minute=600", "--seed=1")
    with running("--port", "0", *centre) as process:
        _, port, _ = first_line(process).groups()
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as link:
            link.sendall(
                b"Action: Login\r\nUsername: admin\r\nSecret: amp111\r\n\r\n"
                b"Action: QueueStatus\r\n\r\n"
            )
            data = b""
            while b"Event: QueueCallerJoin\r\n" not in data:
                data += link.recv(65536)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    agents = set(re.findall(rb"Location: PJSIP/(\d+)\r\n", data))
    assert agents == {b"101", b"102", b"103"}


def test_tls(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    certificate = tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    with running("--port", "0", "--tls-cert", str(certificate), "--run-for", "0") as process:
        assert first_line(process)[3].startswith("amis://admin:amp111@")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running("--port", str(port)) as process:
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    message = err.strip()
    said = f"CommandError: cannot listen on 127.0.0.1:{port}: Address already in use. "
    assert message == f"{said}Give another port with --port; --port=0 takes any free one."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tls-key", "x"), "CommandError: --tls-key needs --tls-cert: add it."),
        (("--agents", "5"), "CommandError: --agents needs --call-centre: add it."),
        (
            ("--call-centre", "--agents", "100"),
            "CommandError: agents must be from 1 to 99, not 100.",
        ),
        (
            ("--tls-cert", "/nonexistent.pem"),
            "CommandError: cannot use the certificate /nonexistent.pem: ",
        ),
        (("--host", "192.0.2.1", "--port", "0"), "CommandError: cannot listen on 192.0.2.1:0: "),
        (
            ("--host", "pbx.invalid"),
            "CommandError: cannot listen on pbx.invalid:5038: the name cannot be resolved (",
        ),
        (
            ("--port", "70000"),
            (
                "CommandError: cannot listen on 127.0.0.1:70000: there is no such port. Give "
                "one from 0 to 65535"
            ),
        ),
    ],
)
def test_errors_are_one_line(
    refused: Callable[..., str], options: tuple[str, ...], message: str
) -> None:
    said = refused(*options)
    assert said.startswith(message)
    assert "\n" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value"),
    [("--calls-per-second", "-1"), ("--run-for", "nan"), ("--call-duration", "inf")],
)
def test_a_number_that_cannot_be(refused: Callable[..., str], option: str, value: str) -> None:
    said = refused(option, value).splitlines()[-1]
    assert said.endswith(
        f" error: argument {option}: give a number from 0 to 1000000000, not {value!r}"
    )
