"""``ami_listen --metrics-port``: the real process, scraped by HTTP, from its start to its end."""

from __future__ import annotations

import signal
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from django_ami.contrib.prometheus.serving import serving
from django_ami.testing import CallCentre, FakeAsterisk, Simulator
from django_ami.tools.exits import Exit
from tests.contrib.prometheus.scraping import Scrape, check_metrics
from tests.management.tools import start
from tests.running import DEADLINE_SECONDS, ROOT, Program, run_python, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        yield running


def listener(sim: Simulator, tmp_path: Path, *arguments: str, **env: object) -> Program:
    env = {"AMI_TEST_FILE": tmp_path / "notes.jsonl", **env}
    return start("ami_listen", "--all", *arguments, servers=(sim,), **env)


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def scrape(program: Program) -> Scrape:
    url = program.wait_for_out("Metrics: ").removeprefix("Metrics: ")
    with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
        return Scrape(answer.read().decode())


def test_listener_serves_its_metrics_until_it_ends(sim: Simulator, tmp_path: Path) -> None:
    with listener(sim, tmp_path, "--metrics-port=0") as program:
        program.wait_for_out("ready")
        sim.emit("UserEvent", Number=1)
        sim.emit("Boom", Number=1)
        wait_until(lambda: scrape(program).value("ami_events_failed_total", server="node_1"))
        seen = scrape(program)
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert time.monotonic() - began < 20
        assert sum("Traceback" in line for line in program.err) == 1, "that of the receiver"
    assert program.out[0].startswith("Metrics: http://127.0.0.1:")
    assert seen.value("ami_ready", server="node_1") == 1
    failures = seen.by("ami_receiver_failures_total", "receiver")
    assert failures == {"tests.management.listening.receivers.on_boom": 1}
    assert seen.value("process_start_time_seconds"), "those of prometheus_client are there, too"
    assert seen.value("ami_live_calls", server="node_1") is None
    check_metrics(seen.text)


@pytest.mark.long
def test_listener_shows_a_whole_call_centre(tmp_path: Path) -> None:
    centre = CallCentre(calls_per_minute=600, agents=4, speed=10.0)
    with (
        Simulator(call_centre=centre, seed=3) as sim,
        listener(sim, tmp_path, "--metrics-port=0", "--metrics-calls") as program,
    ):
        wait_until(lambda: sum(scrape(program).by("ami_queue_joined_total", "queue").values()) > 5)

        def agents() -> float:
            return sum(scrape(program).by("ami_agents", "state", server="node_1").values())

        wait_until(lambda: agents() == 4)  # their list comes bit by bit
        seen = scrape(program)
    check_metrics(seen.text)
    assert sum(seen.by("ami_agents", "state", server="node_1").values()) == 4
    assert seen.by("ami_events_delivered_total", "server")


def test_port_that_is_taken_is_told_in_a_line(sim: Simulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listener(sim, tmp_path, f"--metrics-port={port}") as program:
            assert program.wait() == Exit.SYSTEM
    (line,) = program.err
    assert line == (
        f"CommandError: --metrics-port: another program has port {port} of 127.0.0.1, perhaps "
        "another ami_listen: name a port of its own for each."
    )
    assert sim.connections == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--metrics-port=70000"], "port 70000 of 127.0.0.1 cannot be had"),
        (["--metrics-port=0", "--metrics-address=no.such.host.invalid"], "cannot be had"),
    ],
)
def test_place_that_does_not_exist_is_told_in_a_line(
    sim: Simulator, tmp_path: Path, options: list[str], told: str
) -> None:
    with listener(sim, tmp_path, *options) as program:
        assert program.wait() == Exit.SYSTEM
    (line,) = program.err
    assert told in line


def test_metrics_of_calls_without_a_port_are_refused(sim: Simulator, tmp_path: Path) -> None:
    with listener(sim, tmp_path, "--metrics-calls") as program:
        assert program.wait() == Exit.CONFIGURATION
    assert program.err == [
        "CommandError: --metrics-calls needs a port to serve metrics: --metrics-port."
    ]


def test_missing_extra_is_told_in_a_line(sim: Simulator, tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text(
        'raise ModuleNotFoundError("No module", name="prometheus_client")'
    )
    path = f"{tmp_path}:{ROOT}"
    with listener(sim, tmp_path, "--metrics-port=0", PYTHONPATH=path) as program:
        assert program.wait() == Exit.CONFIGURATION
    (line,) = program.err
    assert "pip install 'django-ami[prometheus]'" in line


def test_listener_without_the_option_loads_no_metrics() -> None:
    source = (
        "import sys, django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_ami'])\n"
        "django.setup()\n"
        "import django_ami.management.commands.ami_listen\n"
        "print([name for name in sys.modules if name.startswith('prometheus')])\n"
    )
    assert run_python(source) == "[]"


def test_ipv6_address_is_written_as_a_url(sim: Simulator, tmp_path: Path) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no ::1")
    with listener(sim, tmp_path, "--metrics-port=0", "--metrics-address=::1") as program:
        program.wait_for_out("ready")
        assert scrape(program).value("ami_ready", server="node_1") == 1
    assert program.out[0].startswith("Metrics: http://[::1]:")


def _has_ipv6() -> Any:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_client_that_says_nothing_is_sent_away() -> None:
    with serving("127.0.0.1", 0, patience_seconds=0.1) as url:
        with socket.create_connection(("127.0.0.1", port_of(url)), DEADLINE_SECONDS) as silent:
            assert silent.recv(1) == b""
        with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            assert "ami_" in answer.read().decode()


def test_client_that_goes_away_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with serving("127.0.0.1", 0) as url:
        rude = socket.create_connection(("127.0.0.1", port_of(url)), DEADLINE_SECONDS)
        rude.sendall(b"GET /metrics HTTP/1.0\r\n")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()  # with a reset
        with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            answer.read()
        wait_until(lambda: not any("process_request" in one.name for one in threading.enumerate()))
    assert capfd.readouterr().err == ""


def test_server_of_metrics_ends_at_once_though_nobody_asks() -> None:
    with serving("127.0.0.1", 0) as url:
        (thread,) = (one for one in threading.enumerate() if one.name == "django_ami-metrics")
    assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(url)), DEADLINE_SECONDS)


_WITHOUT_DESCRIPTORS = """
import resource, socket, sys, threading, time
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS={})
django.setup()
from django_ami.contrib.prometheus.serving import serving

attempts, enough = [], threading.Event()

accept = socket.socket.accept
def counted(self):
    attempts.append(time.monotonic())
    if len(attempts) == 3:
        enough.set()
    return accept(self)
socket.socket.accept = counted

with serving("127.0.0.1", 0) as url:
    port = int(url.split(":")[2].split("/")[0])
    client = socket.socket()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, most))
    client.connect(("127.0.0.1", port))
    enough.wait(10)
    assert attempts[2] - attempts[0] >= 0.2, attempts
    print(min(len(attempts), 3))
    client.close()
"""


def test_process_without_descriptors_asks_for_a_connection_with_pauses() -> None:
    assert run_python(_WITHOUT_DESCRIPTORS) == "3"
