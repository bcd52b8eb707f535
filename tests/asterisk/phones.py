"""SIP telephones: sipp (Debian's package sip-tester), each on a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.asterisk.clients import until

if TYPE_CHECKING:
    from collections.abc import Iterator

SIPP = shutil.which("sipp")
needs_sipp = pytest.mark.skipif(SIPP is None, reason="sipp is not here: apt-get install sip-tester")

_HEAD = """[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
"""
_EMPTY = "Content-Length: 0\n"
_SOUND = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=phone 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
_CONTACT = "Contact: <sip:phone@127.0.0.1:[local_port]>\n"


def _say(status: str, rest: str = _EMPTY) -> str:
    return f"<send><![CDATA[\nSIP/2.0 {status}\n{_HEAD}{rest}\n]]></send>\n"


def _hear(request: str, more: str = "") -> str:
    return f'<recv request="{request}"{more}/>\n'


def _ring(seconds: float) -> str:
    return (
        _say("180 Ringing", _CONTACT + _EMPTY) + f'<pause milliseconds="{seconds * 1000:.0f}"/>\n'
    )


def refuse(code: int, *, rings: bool = True) -> str:
    """Ring for a moment, and answer with this status."""
    return _hear("INVITE") + (_ring(0.1) if rings else "") + _say(f"{code} No") + _hear("ACK")


def forward(number: str) -> str:
    """Ring, and send the caller to somewhere else (302)."""
    contact = f"Contact: <sip:{number}@127.0.0.1>\n"
    return _hear("INVITE") + _ring(0.1) + _say("302 Moved", contact + _EMPTY) + _hear("ACK")


def answer() -> str:
    """Ring, answer, and wait until the other end hangs up."""
    talk = _say("200 OK", _CONTACT + _SOUND) + _hear("ACK") + _hear("BYE") + _say("200 OK")
    return _hear("INVITE") + _ring(0.1) + talk


def never_answer(*, rings: bool = True) -> str:
    """Ring, or not, until the other end gives up."""
    given_up = (
        _hear("CANCEL")
        + _say("200 OK")
        + _say("487 Gone").replace("[last_CSeq:]", "CSeq: 1 INVITE")
    )
    return (
        _hear("INVITE")
        + (_ring(0) if rings else "")
        + given_up
        + _hear("ACK", ' optional="true" timeout="500"')
    )


@contextmanager
def phone(folder: Path, does: str, *, calls: int = 1, seconds: int = 30) -> Iterator[str]:
    """A telephone that does this with so many calls in that time; gives the dial string for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    scenario = folder / "phone.xml"
    scenario.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="phone">\n{does}</scenario>\n'
    )
    options = [
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "-m",
        str(calls),
        "-nostdin",
        "-timeout",
        f"{seconds}s",
    ]
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [str(SIPP), "-sf", str(scenario), *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        until(lambda: process.poll() is not None or _is_taken(port), "sipp listens")
        said = (folder / "stderr").read_text()
        assert process.poll() is None, f"sipp has ended: {said}"
        yield f"PJSIP/phone/sip:phone@127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_taken(port: int) -> bool:
    """True if a socket has it. An attempt to bind it would take it from sipp, which then ends."""
    sockets = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in sockets)
