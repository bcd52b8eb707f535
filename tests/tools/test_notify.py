"""Words to a service manager, on real datagram sockets."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from django_ami.tools.notify import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    """The socket of a service manager, with a name of its own outside of the file system."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind("")  # Linux gives it an abstract name
        one.settimeout(30)
        yield one


def name_of(ear: socket.socket) -> str:
    name = ear.getsockname()
    assert isinstance(name, bytes)
    return "@" + name[1:].decode()


def test_words_of_one_call_are_one_datagram_to_an_abstract_socket(ear: socket.socket) -> None:
    ServiceManager({"NOTIFY_SOCKET": name_of(ear)}).tell(READY="1", STATUS="a\nb")
    assert ear.recv(4096) == b"READY=1\nSTATUS=a b"


def test_variables_are_taken_so_that_no_child_speaks(ear: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": name_of(ear), "WATCHDOG_USEC": "2500000", "HOME": "/"}
    manager = ServiceManager(environment)
    assert environment == {"HOME": "/"}
    assert (manager.listens, manager.watchdog_seconds) == (True, 2.5)


@pytest.mark.parametrize(
    ("other", "usec", "seconds"),
    [(0, "1000000", 1.0), (1, "1000000", None), (0, "0", None), (0, "soon", None)],
)
def test_watchdog_counts_for_the_process_that_is_named(
    ear: socket.socket, other: int, usec: str, seconds: float | None
) -> None:
    pid = str(os.getpid() + other)
    environment = {"NOTIFY_SOCKET": name_of(ear), "WATCHDOG_PID": pid, "WATCHDOG_USEC": usec}
    assert ServiceManager(environment).watchdog_seconds == seconds


def test_word_that_finds_no_room_goes_with_the_next_and_nobody_waits(ear: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": name_of(ear)})
    began = time.monotonic()
    for number in range(2000):  # nobody reads: the queue of a socket is shorter
        manager.tell(STATUS=str(number))
    for word in ("READY", "RELOADING", "READY"):  # the last one counts
        manager.tell(**{word: "1"})
    assert time.monotonic() - began < 10
    ear.setblocking(False)
    told = []
    while True:
        try:
            told.append(ear.recv(4096))
        except BlockingIOError:
            break
    assert told[0] == b"STATUS=0"
    assert len(told) < 2000
    manager.tell(WATCHDOG="1")
    assert ear.recv(4096) == b"STATUS=1999\nRELOADING=1\nREADY=1\nWATCHDOG=1"
    manager.tell(WATCHDOG="1")
    assert ear.recv(4096) == b"WATCHDOG=1"


def test_socket_that_nobody_reads_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    manager.tell(READY="1")
    manager.tell(READY="1")
    assert [record.getMessage() for record in caplog.records] == [
        (
            "The service manager is not told of this process, this is said once: "
            "[Errno 2] No such file or directory."
        )
    ]


def test_address_of_another_kind_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "1000000"})
    manager.tell(READY="1")
    assert (manager.listens, manager.watchdog_seconds) == (False, None)
    assert "NOTIFY_SOCKET begins with neither / nor @" in caplog.text


def test_process_without_a_manager_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    manager = ServiceManager({})
    manager.tell(READY="1")
    assert not manager.listens
    assert caplog.records == []
